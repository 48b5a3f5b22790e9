//! Other systems that are told what happens here: the list, and adding one.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use store::webhooks::{self, HookKind, Webhook};

use super::{
    hook_form::{self, EventBox},
    parts::{Asked, Badge, Moment},
};
use crate::{
    app::App,
    ops::webhooks as acts,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/webhooks.html")]
struct WebhooksPage {
    shell: OfficeShell,
    rows: Vec<Row>,
    made: Option<Made>,
    events: Vec<EventBox>,
    form: Fields,
}

/// A secret that is shown this once.
#[derive(Debug, Clone)]
pub struct Made {
    /// Whose it is.
    pub name: String,
    /// What it is.
    pub secret: String,
}

/// One in the list.
pub struct Row {
    href: String,
    name: String,
    place: String,
    what: String,
    status: Badge,
    success: Option<Moment>,
    failure: Option<Moment>,
}

/// How one stands.
pub fn badge(hook: &Webhook) -> Badge {
    let failing = hook.last_failure_at > hook.last_success_at;
    match (hook.active, hook.off_why.is_empty()) {
        (true, _) if failing => Badge::new("overdue", "Failing"),
        (true, _) => Badge::new("active", "On"),
        (false, true) => Badge::new("suspended", "Off"),
        (false, false) => Badge::new("overdue", "Switched off"),
    }
}

impl Row {
    fn new(hook: Webhook) -> Row {
        let count = hook.events.iter().count();
        let what = match (hook.kind, hook.events.iter().next()) {
            (HookKind::Request, _) => "Posts every new client".into(),
            (HookKind::Standard, Some(only)) if count == 1 => only.as_str().to_owned(),
            (HookKind::Standard, _) => format!("{count} events"),
        };
        Row {
            href: paths::office_webhook(&hook.id),
            place: acts::place(&hook.url),
            what,
            status: badge(&hook),
            success: hook.last_success_at.map(Moment::exact),
            failure: hook.last_failure_at.map(Moment::exact),
            name: hook.name,
        }
    }
}

async fn render(
    app: &App,
    staff: Staff,
    status: StatusCode,
    done: Option<String>,
    made: Option<Made>,
    form: Fields,
) -> Page {
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WEBHOOKS, done.as_deref())?;
            Ok((shell, webhooks::all(tx)?.into_iter().map(Row::new).collect()))
        })
        .await?;
    show_with(status, &WebhooksPage { shell, rows, made, events: hook_form::boxes(&form), form })
}

/// `GET /office/webhooks`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, asked.done(), None, Fields::default()).await
}

/// `POST /office/webhooks`: adds one. The answer is the page itself, not a redirect: it shows the secret once.
///
/// # Errors
/// When the database says no.
pub async fn add(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    let Some(given) = hook_form::read(&mut form, HookKind::Standard, None, app.hooks.allow_private) else {
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, None, None, form).await;
    };
    let (by, name) = (staff.actor.clone(), given.name.to_string());
    let (_, secret) = app.write(move |tx, env| acts::add(tx, env, &by, HookKind::Standard, &given)).await?;
    app.reload_programme().await?;
    let made = secret.map(|secret| Made { name, secret });
    render(&app, staff, StatusCode::CREATED, None, made, Fields::default()).await
}

#[cfg(test)]
pub(super) fn sample(kind: HookKind) -> Webhook {
    use domain::{
        clock::Timestamp,
        webhook::{HookEvent, HookEvents},
    };
    Webhook {
        id: "0193a1b2-0000-7000-8000-0000000000aa".into(),
        kind,
        name: "Data <warehouse>".into(),
        url: "https://hooks.example.com/in?key=1".into(),
        events: HookEvents::NONE.with(HookEvent::DealWon),
        active: true,
        off_why: String::new(),
        given_up: 0,
        last_success_at: Some(Timestamp::from_micros(1_795_421_400_000_000)),
        last_failure_at: None,
        last_error: String::new(),
        created_at: Timestamp::from_micros(1_795_421_400_000_000),
        outline: store::webhooks::Outline {
            method: "POST".into(),
            headers: vec![("Authorization".into(), "Bearer s3cret".into())],
            template: "{\"name\": \"{{client.name}}\"}".into(),
            answer_id: "/id".into(),
            answer_of: "client".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_how_each_stands_and_the_secret_once() {
        let mut form = Fields::filled([("name", "CRM"), ("event_deal_won", "1")]);
        form.refuse("url", "Write a web address.");
        let off = Webhook { active: false, off_why: "It answered 410.".into(), ..sample(HookKind::Standard) };
        let page = WebhooksPage {
            shell: OfficeShell::sample(),
            rows: [sample(HookKind::Standard), off, sample(HookKind::Request)].map(Row::new).into(),
            made: Some(Made { name: "Shop".into(), secret: "whsec_c2VjcmV0".into() }),
            events: hook_form::boxes(&form),
            form,
        };
        let text = page.render().unwrap();
        for part in [
            "Data &#60;warehouse&#62;",
            "deal.won",
            "Switched off",
            "Posts every new client",
            "whsec_c2VjcmV0",
            "id=\"hook-url-error\"",
            "name=\"event_deal_won\" value=\"1\" checked",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("key=1"), "the rest of an address may be a secret");
    }
}
