//! Posting every new client to another system, as a template says: filled in for well-known ones, tried out before it is
//! saved.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use store::webhooks::HookKind;

use super::{
    hook_form::{self, METHODS},
    parts::Asked,
};
use crate::{
    app::App,
    ops::{webhook_events::sample_facts, webhooks as acts},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
    webhooks::{
        presets::{self, Preset},
        template::{self, FIELDS},
    },
};

#[derive(Template)]
#[template(path = "office/webhook_requests.html")]
struct RequestPage {
    shell: OfficeShell,
    presets: &'static [Preset],
    /// The word of the one that is filled in.
    chosen: String,
    hint: &'static str,
    fields: &'static [(&'static str, &'static str)],
    methods: [&'static str; 3],
    /// The body that the template makes of a client who doesn't exist.
    tried: Option<String>,
    form: Fields,
}

impl RequestPage {
    fn new(shell: OfficeShell, tried: Option<String>, form: Fields) -> RequestPage {
        let chosen = form.value("preset").to_owned();
        let hint = presets::by_word(&chosen).map_or("", |preset| preset.hint);
        RequestPage {
            shell,
            presets: presets::ALL,
            chosen,
            hint,
            fields: FIELDS,
            methods: METHODS,
            tried,
            form,
        }
    }
}

/// The form with a preset in it, or with the least that can be sent.
fn filled(word: &str) -> Fields {
    let mut form =
        Fields::filled([("method", "POST"), ("template", "{\n  \"name\": \"{{client.name}}\"\n}")]);
    if let Some(preset) = presets::by_word(word) {
        for (name, value) in [
            ("preset", preset.word),
            ("name", preset.label),
            ("url", preset.url),
            ("headers", preset.headers),
            ("template", preset.template),
            ("answer_id", preset.answer_id),
            ("answer_of", preset.answer_of),
        ] {
            form.set(name, value);
        }
    }
    form
}

async fn render(app: &App, staff: Staff, status: StatusCode, tried: Option<String>, form: Fields) -> Page {
    let shell = app
        .read(move |tx, env| -> Result<_, PageError> {
            Ok(OfficeShell::load(tx, env, &staff, paths::OFFICE_WEBHOOKS, None)?)
        })
        .await?;
    show_with(status, &RequestPage::new(shell, tried, form))
}

/// `GET /office/webhooks/requests`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, None, filled(asked.0.value("preset"))).await
}

/// `POST /office/webhooks/requests`: tries the template out, or saves.
///
/// # Errors
/// When the database says no.
pub async fn save(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    if form.has("try") {
        let facts = sample_facts(&app.env());
        let template = form.typed("template").to_owned();
        let made = form.check("template", |typed| {
            template::check(typed).and_then(|()| template::fill(&template, &facts))
        });
        let status = if made.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let made = made.map(|body| super::webhook_delivery::readable(&body));
        return render(&app, staff, status, made, form).await;
    }
    let given = hook_form::read(&mut form, HookKind::Request, None, app.hooks.allow_private);
    if form.typed("url").contains("YOUR-") {
        form.refuse("url", "Put your own account in where the address says YOUR-….");
    }
    if form.typed("headers").contains("YOUR-") {
        form.refuse("headers", "Put your own token in where the headers say YOUR-TOKEN.");
    }
    let Some(given) = given.filter(|_| !form.is_refused()) else {
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, None, form).await;
    };
    let by = staff.actor.clone();
    let (id, _) = app.write(move |tx, env| acts::add(tx, env, &by, HookKind::Request, &given)).await?;
    app.reload_programme().await?;
    go_to(&paths::with_query(&paths::office_webhook(&id), &[("done", "hook-request")]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_fills_the_form() {
        for preset in presets::ALL {
            let form = filled(preset.word);
            let text =
                RequestPage::new(OfficeShell::sample(), Some("{\"a\": 1}".into()), form).render().unwrap();
            for part in ["{{client.name}}", "YOUR-", "&#34;a&#34;: 1", "Try it out"] {
                assert!(text.contains(part), "{}: {part}", preset.word);
            }
            assert!(text.contains(&format!("value=\"{}\" selected", preset.word)));
        }
    }
}
