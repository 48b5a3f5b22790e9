//! The template of a request's body: JSON whose texts have placeholders, such as `{"name": "{{client.name}}"}`.
//!
//! The template is read as JSON before anything is filled in, so nothing that a client has typed can change what the body is
//! made of. A text that is one placeholder and nothing else becomes the value as it is, a number too. Whatever has
//! placeholders of which none has a value is left out: a member of an object, an element of a list.

use serde_json::{Map, Value};

/// Why a template can't be used: the sentence shown beside the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is no JSON.
    #[error("This is not JSON: {0}. Placeholders stand inside of quotation marks: \"{{{{client.name}}}}\".")]
    NotJson(String),
    /// A placeholder that isn't closed.
    #[error("A placeholder begins with {{{{ and ends with }}}}: \"{0}\" does not end.")]
    Open(String),
    /// There is no such field.
    #[error("There is no field {0}. The fields are listed below the template.")]
    Unknown(String),
    /// It is too long.
    #[error("The template can have at most 20,000 characters.")]
    TooLong,
}

/// The longest template, in bytes.
const LONGEST: usize = 20_000;

/// The fields: a placeholder's name, and what it is.
pub const FIELDS: &[(&str, &str)] = &[
    ("client.number", "the client number"),
    ("client.name", "what the client is called"),
    ("client.email", "email address, if the client left one"),
    ("client.phone", "phone number, if the client left one"),
    ("client.telegram", "Telegram account, if the client left one"),
    ("client.message", "what the client wrote"),
    ("client.created_at", "when the client came (RFC 3339)"),
    ("client.url", "the client's page in the office"),
    ("deal.number", "the transaction number"),
    ("deal.title", "what the deal is about"),
    ("deal.url", "the deal's page in the office"),
    ("partner.id", "the partner's identifier, if the client belongs to one"),
    ("partner.name", "what the partner is called"),
    ("partner.email", "the partner's email address"),
    ("code", "the referral code that the client came with"),
    ("programme.name", "what the programme is called"),
];

/// Whether a template can be used.
///
/// # Errors
/// [`TemplateError`], whose text can be shown beside the field.
pub fn check(template: &str) -> Result<(), TemplateError> {
    if template.len() > LONGEST {
        return Err(TemplateError::TooLong);
    }
    let parsed: Value =
        serde_json::from_str(template).map_err(|error| TemplateError::NotJson(error.to_string()))?;
    check_value(&parsed)
}

fn check_value(value: &Value) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => parts(text)?.iter().try_for_each(|part| match part {
            Part::Field(name) if !FIELDS.iter().any(|(known, _)| known == name) => {
                Err(TemplateError::Unknown((*name).to_owned()))
            }
            _ => Ok(()),
        }),
        Value::Array(list) => list.iter().try_for_each(check_value),
        Value::Object(members) => members.values().try_for_each(check_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The body that a template makes of facts: an object of objects, as [`FIELDS`] names what is in them.
///
/// # Errors
/// [`TemplateError`] where the template can't be used.
pub fn fill(template: &str, facts: &Value) -> Result<String, TemplateError> {
    let parsed: Value =
        serde_json::from_str(template).map_err(|error| TemplateError::NotJson(error.to_string()))?;
    Ok(fill_value(&parsed, facts)?.0.to_string())
}

/// How many placeholders there were, and how many had a value.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    all: usize,
    filled: usize,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.all += other.all;
        self.filled += other.filled;
    }

    /// Nothing of it has a value.
    const fn is_void(self) -> bool {
        self.all > 0 && self.filled == 0
    }
}

fn fill_value(value: &Value, facts: &Value) -> Result<(Value, Count), TemplateError> {
    let mut count = Count::default();
    let filled = match value {
        Value::String(text) => return fill_text(text, facts),
        Value::Array(list) => {
            let mut made = Vec::new();
            for element in list {
                let (element, of_it) = fill_value(element, facts)?;
                count.add(of_it);
                if !of_it.is_void() {
                    made.push(element);
                }
            }
            Value::Array(made)
        }
        Value::Object(members) => {
            let mut made = Map::new();
            for (name, member) in members {
                let (member, of_it) = fill_value(member, facts)?;
                count.add(of_it);
                if !of_it.is_void() {
                    made.insert(name.clone(), member);
                }
            }
            Value::Object(made)
        }
        other => other.clone(),
    };
    Ok((filled, count))
}

fn fill_text(text: &str, facts: &Value) -> Result<(Value, Count), TemplateError> {
    let parts = parts(text)?;
    let mut count = Count::default();
    if let [Part::Field(name)] = parts.as_slice() {
        let value = look_up(facts, name);
        count.add(Count { all: 1, filled: usize::from(value.is_some()) });
        return Ok((value.cloned().unwrap_or(Value::Null), count));
    }
    let mut made = String::new();
    for part in parts {
        match part {
            Part::Words(words) => made.push_str(words),
            Part::Field(name) => {
                let value = look_up(facts, name);
                count.add(Count { all: 1, filled: usize::from(value.is_some()) });
                match value {
                    Some(Value::String(text)) => made.push_str(text),
                    Some(other) => made.push_str(&other.to_string()),
                    None => {}
                }
            }
        }
    }
    Ok((Value::String(made), count))
}

/// The value of a field; an empty text is none.
fn look_up<'a>(facts: &'a Value, name: &str) -> Option<&'a Value> {
    let found = name.split('.').try_fold(facts, |at, step| at.get(step))?;
    Some(found).filter(|value| !value.is_null() && value.as_str() != Some(""))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Words(&'a str),
    Field(&'a str),
}

/// A text, cut at its placeholders.
fn parts(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            parts.push(Part::Words(before));
        }
        let (name, further) = after.split_once("}}").ok_or_else(|| TemplateError::Open(text.to_owned()))?;
        parts.push(Part::Field(name.trim()));
        rest = further;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(template: &str, facts: Value) -> Value {
        serde_json::from_str(&fill(template, &facts).unwrap()).unwrap()
    }

    #[test]
    fn values_are_put_in_and_change_nothing_else() {
        let evil = "\",\"admin\":true,\"x\":\"{{client.email}} \\ \n é";
        let facts = json!({"client": {"name": evil, "email": "a@example.com", "number": 1042}});
        assert_eq!(
            filled(
                r#"{"title": "C-{{ client.number }} {{client.name}}", "n": "{{client.number}}", "k": 7}"#,
                facts
            ),
            json!({"title": format!("C-1042 {evil}"), "n": 1042, "k": 7})
        );
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let template = r#"{"name": "{{client.name}}", "phone": "{{client.phone}}", "note": "By {{partner.name}}",
            "emails": [{"value": "{{client.email}}", "type": "work"}], "source": "Goodword",
            "contact": {"name": "{{client.name}}", "fields": [
                {"code": "PHONE", "values": [{"value": "{{client.phone}}"}]},
                {"code": "EMAIL", "values": [{"value": "{{client.email}}"}]}]}}"#;
        let facts =
            json!({"client": {"name": "Ann", "phone": "", "email": "a@example.com"}, "partner": null});
        assert_eq!(
            filled(template, facts),
            json!({
                "name": "Ann", "source": "Goodword",
                "emails": [{"value": "a@example.com", "type": "work"}],
                "contact": {"name": "Ann", "fields": [{"code": "EMAIL", "values": [{"value": "a@example.com"}]}]}
            })
        );
        let facts = json!({"client": {"name": "Ann"}});
        assert_eq!(
            filled(template, facts),
            json!({"name": "Ann", "source": "Goodword", "contact": {"name": "Ann"}})
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(check(r#"{"a": "{{client.name}}", "b": [1, null]}"#), Ok(()));
        assert_eq!(check(r#"{"a": "{{client.nmae}}"}"#), Err(TemplateError::Unknown("client.nmae".into())));
        assert_eq!(check(r#"["{{client.name"]"#), Err(TemplateError::Open("{{client.name".into())));
        let TemplateError::NotJson(why) = check(r#"{"a": {{client.name}}}"#).unwrap_err() else { panic!() };
        assert!(why.contains("line 1"), "{why}");
        let words = check("{").unwrap_err().to_string();
        assert!(words.ends_with("\"{{client.name}}\"."), "{words}");
    }
}
