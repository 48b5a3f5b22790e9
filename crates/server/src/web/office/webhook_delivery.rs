//! One delivery: what was sent, each try with its answer, and sending it again.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use store::{
    webhook_deliveries::{self, Delivery, DeliveryStatus, Try},
    webhooks::{self, Webhook},
};

use super::{
    parts::{Asked, Badge, Id, Link, Moment},
    webhook::{delivery_badge, subject},
};
use crate::{
    app::App,
    ops::webhooks::{self as acts, HookError},
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many tries are shown.
const TRIES_SHOWN: i64 = 50;

#[derive(Template)]
#[template(path = "office/webhook_delivery.html")]
struct DeliveryPage {
    shell: OfficeShell,
    conflict: Option<String>,
    hook: Link,
    id: String,
    event: String,
    subject: Option<Link>,
    status: Badge,
    written: Moment,
    next: Option<Moment>,
    done: Option<(&'static str, Moment)>,
    body: String,
    active: bool,
    tries: Vec<Line>,
}

/// A try.
struct Line {
    number: i64,
    at: Moment,
    took_ms: i64,
    /// The HTTP status, or that there was none.
    status: String,
    good: bool,
    error: String,
    answer: String,
    headers: String,
    body: String,
}

impl Line {
    fn new(number: i64, made: Try) -> Line {
        let headers: Vec<String> =
            made.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        Line {
            number,
            at: Moment::exact(made.at),
            took_ms: made.took_ms,
            status: made.status.map_or_else(|| "No answer".into(), |status| status.to_string()),
            good: made.error.is_empty(),
            error: made.error,
            answer: made.answer,
            headers: headers.join("\n"),
            body: made.body,
        }
    }
}

/// JSON as people read it, its members in the order in which they are sent; anything else as it is.
pub fn readable(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let (mut shown, mut depth, mut in_text, mut escaped) = (String::new(), 0_usize, false, false);
    let new_line = |shown: &mut String, depth: usize| {
        shown.push('\n');
        shown.push_str(&"  ".repeat(depth));
    };
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if in_text {
            shown.push(sign);
            in_text = escaped || sign != '"';
            escaped = !escaped && sign == '\\';
            continue;
        }
        match sign {
            '{' | '[' => {
                shown.push(sign);
                if let Some(end) = signs.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(end);
                } else {
                    depth += 1;
                    new_line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut shown, depth);
                shown.push(sign);
            }
            ',' => {
                shown.push(sign);
                new_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => {
                in_text = other == '"';
                shown.push(other);
            }
        }
    }
    shown
}

impl DeliveryPage {
    fn new(
        shell: OfficeShell,
        conflict: Option<String>,
        hook: &Webhook,
        delivery: Delivery,
        tries: Vec<(i64, Try)>,
    ) -> DeliveryPage {
        let done = match delivery.status {
            DeliveryStatus::Parked => "Given up",
            DeliveryStatus::Done | DeliveryStatus::Waiting => "Delivered",
        };
        DeliveryPage {
            shell,
            conflict,
            hook: Link { href: paths::office_webhook(&hook.id), text: hook.name.clone() },
            subject: subject(&delivery),
            status: delivery_badge(delivery.status),
            written: Moment::exact(delivery.created_at),
            next: (delivery.status == DeliveryStatus::Waiting && hook.active)
                .then(|| Moment::exact(delivery.next_at)),
            done: delivery.done_at.map(|at| (done, Moment::exact(at))),
            body: readable(&delivery.body),
            active: hook.active,
            tries: tries.into_iter().map(|(number, made)| Line::new(number, made)).collect(),
            id: delivery.id,
            event: delivery.event,
        }
    }
}

async fn render(
    app: &App,
    staff: Staff,
    id: String,
    done: Option<String>,
    status: StatusCode,
    conflict: Option<String>,
) -> Page {
    let page = app
        .read(move |tx, env| -> Result<_, PageError> {
            let delivery = webhook_deliveries::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let hook = webhooks::by_id(tx, &delivery.webhook_id)?.ok_or_else(PageError::not_found)?;
            let tries = webhook_deliveries::tries(tx, &id, TRIES_SHOWN)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WEBHOOKS, done.as_deref())?;
            Ok(DeliveryPage::new(shell, conflict.clone(), &hook, delivery, tries))
        })
        .await?;
    show_with(status, &page)
}

/// `GET /office/webhooks/deliveries/{id}`
///
/// # Errors
/// 404 when there is no such delivery.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    render(&app, staff, id, asked.done(), StatusCode::OK, None).await
}

/// `POST /office/webhooks/deliveries/{id}/send`
///
/// # Errors
/// 404 when there is no such delivery.
pub async fn send_again(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    match app.write(move |tx, env| acts::send_again(tx, env, &by, &of)).await {
        Ok(()) => go_to(&paths::with_query(&paths::office_delivery(&id), &[("done", "hook-again")])),
        Err(HookError::Unknown) => Err(PageError::not_found()),
        Err(HookError::Db(error)) => Err(error.into()),
        Err(refusal) => render(&app, staff, id, None, StatusCode::CONFLICT, Some(refusal.to_string())).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::office::webhooks::sample;
    use domain::clock::Timestamp;
    use store::webhooks::HookKind;

    #[test]
    fn json_is_shown_in_its_own_order() {
        let text = r#"{"type":"a, b: \"{x}\" \\","data":{"n":[1,{}],"e":[]}}"#;
        let shown = readable(text);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "{",
                r#"  "type": "a, b: \"{x}\" \\","#,
                r#"  "data": {"#,
                r#"    "n": ["#,
                "      1,",
                "      {}",
                "    ],",
                r#"    "e": []"#,
                "  }",
                "}"
            ]
        );
        assert_eq!(readable("not {json"), "not {json");
    }

    #[test]
    fn every_try_is_shown_with_its_answer() {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let hook = sample(HookKind::Standard);
        let delivery = Delivery {
            id: "0193a1b2-0000-7000-8000-0000000000bb".into(),
            webhook_id: hook.id.clone(),
            event: "deal.won".into(),
            subject: "deal".into(),
            subject_id: "2077".into(),
            body: "{\"type\":\"deal.won\"}".into(),
            status: DeliveryStatus::Parked,
            attempts: 10,
            tries: 11,
            created_at: at,
            next_at: at,
            done_at: Some(at),
            last_error: "It answered 500.".into(),
        };
        let made = |status, answer: &str, error: &str| Try {
            at,
            took_ms: 42,
            headers: vec![("webhook-id".into(), "x".into())],
            body: String::new(),
            status,
            answer: answer.into(),
            error: error.into(),
        };
        let tries = vec![
            (2, made(Some(500), "<b>oops</b>", "It answered 500.")),
            (1, made(None, "", "No answer came within 15 seconds.")),
        ];
        let page = DeliveryPage::new(OfficeShell::sample(), None, &hook, delivery, tries);
        let text = page.render().unwrap();
        for part in ["&#60;b&#62;oops", "No answer came", "Given up", "42 ms", "/send\"", "webhook-id: x"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
