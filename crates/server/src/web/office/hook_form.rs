//! What admins type about a webhook, read the same way when it is added and when it is changed.

use std::fmt::Write as _;

use axum::http::{HeaderName, HeaderValue};
use domain::webhook::{HookEvent, HookEvents};
use store::webhooks::{HookKind, Outline, Webhook};

use crate::{
    ops::{
        webhook_events::FOR_REQUESTS,
        webhooks::{Given, HookName},
    },
    web::fields::Fields,
    webhooks::{
        guard,
        send::{HIDDEN, is_open},
        template,
    },
};

/// The methods that a request can have.
pub const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

/// The most headers of a request.
const MOST_HEADERS: usize = 20;

/// Headers that the connection decides about.
const OURS: [&str; 8] =
    ["host", "connection", "content-length", "content-type", "expect", "te", "transfer-encoding", "upgrade"];

/// The name of an event's box.
pub fn event_field(event: HookEvent) -> String {
    format!("event_{}", event.as_str().replace('.', "_"))
}

/// An event as the form offers it.
pub struct EventBox {
    /// The name of the box.
    pub field: String,
    /// The word.
    pub word: &'static str,
    /// What it means.
    pub label: &'static str,
    /// Whether it is ticked.
    pub ticked: bool,
}

/// The boxes for every event.
pub fn boxes(form: &Fields) -> Vec<EventBox> {
    let boxed = |event: &HookEvent| {
        let field = event_field(*event);
        EventBox { ticked: form.has(&field), field, word: event.as_str(), label: event.label() }
    };
    HookEvent::ALL.iter().map(boxed).collect()
}

/// The form of one that is there; `secret` values are not shown.
pub fn filled(hook: &Webhook) -> Fields {
    let mut form = Fields::filled([("name", hook.name.as_str())]);
    for event in hook.events.iter() {
        form.set(&event_field(event), "1");
    }
    if hook.kind == HookKind::Standard {
        form.set("url", &hook.url);
        return form;
    }
    let outline = &hook.outline;
    let mut headers = String::new();
    for (name, value) in &outline.headers {
        let shown = if is_open(name) { value.as_str() } else { HIDDEN };
        _ = writeln!(headers, "{name}: {shown}");
    }
    form.set("method", &outline.method);
    form.set("headers", headers.trim_end());
    form.set("template", &outline.template);
    form.set("answer_id", &outline.answer_id);
    form.set("answer_of", &outline.answer_of);
    form
}

/// Reads the form. What is wrong is kept in it. `before` is the one that is changed: what isn't shown of it stays where
/// nothing else is typed.
pub fn read(
    form: &mut Fields,
    kind: HookKind,
    before: Option<&Webhook>,
    allow_private: bool,
) -> Option<Given> {
    let name = form.check("name", |typed| HookName::parse_as("name", typed));
    let kept = before.filter(|_| kind == HookKind::Request && form.typed("url").trim().is_empty());
    let url = match kept {
        Some(before) => Some(before.url.clone()),
        None => form.check("url", |typed| guard::read(typed, allow_private).map(String::from)),
    };
    let (events, outline) = match kind {
        HookKind::Standard => (events(form), Some(Outline { method: "POST".into(), ..Outline::default() })),
        HookKind::Request => (Some(FOR_REQUESTS), outline(form, before)),
    };
    Some(Given { name: name?, url: url?, events: events?, outline: outline? })
}

fn events(form: &mut Fields) -> Option<HookEvents> {
    let chosen = HookEvent::ALL.iter().copied().filter(|event| form.has(&event_field(*event)));
    let chosen = chosen.fold(HookEvents::NONE, HookEvents::with);
    form.check("events", |_| if chosen.is_empty() { Err("Choose at least one.") } else { Ok(chosen) })
}

fn outline(form: &mut Fields, before: Option<&Webhook>) -> Option<Outline> {
    let method = form.check("method", |typed| {
        METHODS.into_iter().find(|method| *method == typed).ok_or("Choose POST, PUT or PATCH.")
    });
    let known = before.map_or(&[][..], |hook| hook.outline.headers.as_slice());
    let headers = form.check("headers", |typed| headers(typed, known));
    let template = form.check("template", |typed| template::check(typed).map(|()| typed.to_owned()));
    let answer_id = form.check("answer_id", |typed| pointer(typed.trim()));
    let answer_of = form.check("answer_of", |typed| {
        ["", "client", "deal"].into_iter().find(|of| *of == typed).ok_or("Choose one of the list.")
    });
    let (answer_id, answer_of) = (answer_id?, answer_of?);
    if answer_id.is_empty() != answer_of.is_empty() {
        let (field, what) = if answer_id.is_empty() {
            ("answer_id", "Say where in the answer the identifier stands, or keep none.")
        } else {
            ("answer_of", "Say whose identifier it is.")
        };
        form.refuse(field, what);
        return None;
    }
    Some(Outline {
        method: method?.to_owned(),
        headers: headers?,
        template: template?,
        answer_id,
        answer_of: answer_of.to_owned(),
    })
}

/// A JSON Pointer (RFC 6901) or nothing.
fn pointer(typed: &str) -> Result<String, &'static str> {
    let is_one = typed.is_empty() || typed.starts_with('/');
    if is_one && typed.len() <= 200 && !typed.chars().any(char::is_control) {
        Ok(typed.to_owned())
    } else {
        Err("Write a JSON Pointer, like /data/id.")
    }
}

fn headers(typed: &str, known: &[(String, String)]) -> Result<Vec<(String, String)>, String> {
    let mut headers = Vec::new();
    for line in typed.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            "Write each header on a line of its own, like Authorization: Bearer …".to_owned()
        })?;
        let (name, value) = (name.trim(), value.trim());
        if name.parse::<HeaderName>().is_err() {
            return Err(format!("{name} can't be the name of a header."));
        }
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return Err(format!("Leave {name} out: the connection decides about it, and the body is JSON."));
        }
        let value = if value == HIDDEN {
            let before = known.iter().find(|(of, _)| of.eq_ignore_ascii_case(name));
            before.map(|(_, value)| value.clone()).ok_or_else(|| format!("Write the value of {name}."))?
        } else {
            value.to_owned()
        };
        if value.is_empty() || !value.is_ascii() || value.parse::<HeaderValue>().is_err() {
            return Err(format!("The value of {name} must be plain letters, digits and signs."));
        }
        headers.push((name.to_owned(), value));
    }
    if headers.len() > MOST_HEADERS {
        return Err(format!("A request can have at most {MOST_HEADERS} headers."));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_line_by_line() {
        let known = [("Authorization".to_owned(), "Bearer s3cret".to_owned())];
        let typed = format!("authorization: {HIDDEN}\r\n\r\nX-Source:  Goodword ");
        let read = headers(&typed, &known).unwrap();
        assert_eq!(read[0], ("authorization".into(), "Bearer s3cret".into()));
        assert_eq!(read[1], ("X-Source".into(), "Goodword".into()));
        for wrong in [
            "no colon",
            "Host: x",
            "content-type: text/xml",
            "a b: c",
            "x: é",
            "x:",
            &format!("Other: {HIDDEN}"),
        ] {
            assert!(headers(wrong, &known).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pointer_begins_with_a_slash() {
        assert!(pointer("/data/id").is_ok() && pointer("").is_ok());
        assert!(pointer("data.id").is_err() && pointer("/a\nb").is_err());
    }
}
