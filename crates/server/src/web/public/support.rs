//! Writing to support. `/support` is one address for everybody: partners find their requests there, and whoever can't
//! sign in can write as a guest.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::permission::Permission;
use store::sessions::Standing;

use crate::{
    app::App,
    ops::support::{self, AskError},
    web::{
        address::Origin,
        conversation,
        error::PageError,
        fields::{Asked, Fields},
        paths, portal,
        shell::PublicShell,
        show::{Page, go_to, show, show_with},
        visitor::Anybody,
    },
};

#[derive(Template)]
#[template(path = "public/support.html")]
struct SupportPage {
    shell: PublicShell,
    form: Fields,
    support_email: String,
    support_telegram: String,
}

#[derive(Template)]
#[template(path = "public/support_thanks.html")]
struct ThanksPage {
    shell: PublicShell,
    name: String,
    email: String,
    number: i64,
}

fn page_with(app: &App, mut form: Fields) -> SupportPage {
    let env = app.env();
    conversation::renew(&mut form, &env);
    SupportPage {
        shell: PublicShell::for_partners(&env, paths::SUPPORT),
        form,
        support_email: env.programme.support_email.clone(),
        support_telegram: env.programme.support_telegram.clone(),
    }
}

/// Staff has its own side of this.
fn for_staff(who: &Anybody) -> Option<Page> {
    match who.0.as_ref()?.standing {
        Standing::Staff(role) if role.may(Permission::AnswerSupport) => Some(go_to(paths::OFFICE_SUPPORT)),
        Standing::Staff(_) => Some(Err(PageError::status(StatusCode::FORBIDDEN))),
        Standing::Partner { .. } => None,
    }
}

/// `GET /support`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, who: Anybody, asked: Asked) -> Page {
    if let Some(answer) = for_staff(&who) {
        return answer;
    }
    let values = [("transaction", asked.value("transaction")), ("kind", asked.value("kind"))];
    let form = Fields::filled(values);
    match who.partner() {
        Some(partner) => portal::support::page(&app, partner, &asked, form).await,
        None => show(&page_with(&app, form)),
    }
}

/// `POST /support`
///
/// # Errors
/// When the database says no.
pub async fn send(State(app): State<App>, Origin(origin): Origin, who: Anybody, mut form: Fields) -> Page {
    if let Some(answer) = for_staff(&who) {
        return answer;
    }
    if let Some(partner) = who.partner() {
        return portal::support::send(&app, &origin, partner, form).await;
    }
    let Some(ask) = conversation::read(&mut form, None) else {
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &page_with(&app, form));
    };
    if let Err(too_often) = conversation::check_limits(&app, &origin, Some(&ask.email)).await {
        conversation::refuse_too_often(&mut form, too_often);
        return conversation::wait(show(&page_with(&app, form)), too_often);
    }
    let (name, email) = (ask.name.to_string(), ask.email.to_string());
    match app.write(move |tx, env| support::ask(tx, env, &ask)).await {
        Ok(number) => {
            let shell = PublicShell::for_partners(&app.env(), paths::SUPPORT);
            show_with(StatusCode::CREATED, &ThanksPage { shell, name, email, number })
        }
        Err(AskError::Db(error)) => Err(error.into()),
        Err(error) => {
            form.refuse_form(error);
            conversation::start_anew(&mut form, &app.env());
            show_with(StatusCode::CONFLICT, &page_with(&app, form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> PublicShell {
        PublicShell { programme: "Northwind <Partners>".into(), here: paths::SUPPORT, partners: true }
    }

    #[test]
    fn a_refused_form_keeps_what_was_typed() {
        let mut form = Fields::filled([
            ("name", "Mara <b>"),
            ("email", "mara@"),
            ("kind", "technical"),
            ("transaction", "T-1"),
            ("message", "a\n<b>"),
            ("submission", "s1"),
        ]);
        form.refuse("email", "Not one.");
        let page = SupportPage {
            shell: shell(),
            form,
            support_email: "help@northwind.example".into(),
            support_telegram: "@northwind".into(),
        };
        let html = page.render().unwrap();
        for part in [
            "Mara &#60;b&#62;",
            "value=\"mara@\"",
            "value=\"technical\" required checked",
            "value=\"T-1\"",
            "a\n&#60;b&#62;",
            "value=\"s1\"",
            "Not one.",
            "mailto:help@northwind.example",
            "https://t.me/northwind",
            "name=\"leave_empty\"",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn the_number_is_told() {
        let page = ThanksPage {
            shell: shell(),
            name: "Mara <b>".into(),
            email: "m@example.com".into(),
            number: 3001,
        };
        let html = page.render().unwrap();
        assert!(
            html.contains("S-3001") && html.contains("Mara &#60;b&#62;") && html.contains("m@example.com")
        );
    }
}
