//! What a CRM sends, as JSON: some send JSON, some a form whose names have brackets, and some say things in the address.

use serde_json::{Map, Value};

/// The most fields of a form, and how deep their names may lead.
const MOST_FIELDS: usize = 5_000;
const DEEPEST: usize = 12;

/// Reads a body with the query of its address; none where it is neither JSON nor a form.
pub fn read(content_type: &str, query: &str, body: &str) -> Option<Value> {
    let is_form = content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let mut read = if body.trim().is_empty() {
        Value::Object(Map::new())
    } else if is_form {
        form(body)?
    } else {
        // Some say nothing about it, or the wrong thing.
        serde_json::from_str(body).ok().or_else(|| body.contains('=').then(|| form(body)).flatten())?
    };
    if let (Value::Object(fields), Value::Object(named)) = (&mut read, form(query)?) {
        for (name, value) in named {
            fields.entry(name).or_insert(value);
        }
    }
    Some(read)
}

/// A form as nested objects and lists: `leads[status][0][id]=7` is `{"leads": {"status": [{"id": "7"}]}}`.
fn form(text: &str) -> Option<Value> {
    let mut root = Value::Object(Map::new());
    for (count, (name, value)) in url::form_urlencoded::parse(text.as_bytes()).enumerate() {
        let path = path(&name);
        if count >= MOST_FIELDS || path.len() > DEEPEST {
            return None;
        }
        put(&mut root, &path, value.into_owned());
    }
    Some(lists(root))
}

/// The steps of a name with brackets.
fn path(name: &str) -> Vec<String> {
    let Some((first, rest)) = name.split_once('[') else { return vec![name.to_owned()] };
    let mut steps = vec![first.to_owned()];
    steps.extend(rest.trim_end_matches(']').split("][").map(str::to_owned));
    steps
}

fn put(place: &mut Value, path: &[String], value: String) {
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    let Value::Object(fields) = place else { return };
    let Some((step, rest)) = path.split_first() else { return };
    // An empty step is the next one of a list.
    let step = if step.is_empty() { fields.len().to_string() } else { step.clone() };
    if rest.is_empty() {
        fields.insert(step, Value::String(value));
    } else {
        put(fields.entry(step).or_insert(Value::Null), rest, value);
    }
}

/// Objects whose names count from zero are lists.
fn lists(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let counts = !fields.is_empty() && (0..fields.len()).all(|index| fields.contains_key(&index.to_string()));
    if counts {
        let mut numbered: Vec<(usize, Value)> =
            fields.into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, value))).collect();
        numbered.sort_by_key(|(index, _)| *index);
        return Value::Array(numbered.into_iter().map(|(_, value)| lists(value)).collect());
    }
    Value::Object(fields.into_iter().map(|(name, value)| (name, lists(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    #[test]
    fn forms_with_brackets_are_nested() {
        let sent = "leads%5Bstatus%5D%5B0%5D%5Bid%5D=7&leads[status][0][status_id]=142&account[subdomain]=x&empty=&tags[]=a&tags[]=b";
        assert_eq!(
            read(FORM, "", sent),
            Some(json!({ "leads": { "status": [{ "id": "7", "status_id": "142" }] },
                "account": { "subdomain": "x" }, "empty": "", "tags": ["a", "b"] }))
        );
        assert_eq!(read(FORM, "deal=5&stage=WON", ""), Some(json!({ "deal": "5", "stage": "WON" })));
    }

    #[test]
    fn json_is_taken_as_it_is_and_the_address_adds_to_it() {
        let read = |body: &str, query: &str| read("application/json", query, body);
        assert_eq!(read(r#"{"id": 1}"#, "id=2&key=k"), Some(json!({ "id": 1, "key": "k" })));
        assert_eq!(read("[1, 2]", "a=b"), Some(json!([1, 2])));
        assert_eq!(super::read("", "", "id=7"), Some(json!({ "id": "7" })));
        for nonsense in ["{", "<xml/>", "\u{0}"] {
            assert_eq!(read(nonsense, ""), None, "{nonsense:?}");
        }
        let deep = format!("a{}=1", "[b]".repeat(40));
        assert_eq!(super::read(FORM, "", &deep), None);
        let wide = "a=1&".repeat(MOST_FIELDS + 1);
        assert_eq!(super::read(FORM, "", &wide), None);
        // Names that contradict each other lose nothing but the earlier ones.
        assert_eq!(super::read(FORM, "", "a=1&a[b]=2"), Some(json!({ "a": { "b": "2" } })));
    }
}
