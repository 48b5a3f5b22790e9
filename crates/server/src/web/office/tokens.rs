//! Tokens of other programs: make, look at, revoke.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Timestamp,
    permission::{Scope, Scopes},
};
use store::tokens::{self, Token, TokenStanding};

use super::parts::{Asked, Badge, Id, Moment};
use crate::{
    app::App,
    ops::tokens::{self as acts, MAX_DAYS, TokenError, TokenName},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/tokens.html")]
struct TokensPage {
    shell: OfficeShell,
    /// Why what was asked for can't be done.
    conflict: Option<String>,
    made: Option<Made>,
    rows: Vec<Row>,
    scopes: Vec<Scope>,
    form: Fields,
}

/// A token that is shown this once.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    token: String,
}

struct Row {
    id: String,
    name: String,
    hint: String,
    scopes: String,
    status: Badge,
    made_by: String,
    made: Moment,
    expires: Option<Moment>,
    used: Option<Moment>,
    revoked: Option<Moment>,
    /// Whoever made it is no admin any more.
    orphaned: bool,
}

impl Row {
    fn new(token: Token, now: Timestamp) -> Row {
        let standing = token.standing(now);
        let status = match standing {
            TokenStanding::Active => Badge::new("active", "Active"),
            TokenStanding::Revoked => Badge::new("suspended", "Revoked"),
            TokenStanding::Expired => Badge::new("suspended", "Expired"),
            TokenStanding::Orphaned => Badge::new("suspended", "Stopped"),
        };
        Row {
            id: token.id,
            name: token.name,
            hint: token.hint,
            scopes: token.scopes.iter().map(Scope::label).collect::<Vec<_>>().join(", "),
            status,
            made_by: token.made_by.map_or_else(|| "the command line".into(), |(_, name)| name),
            made: Moment::day(token.created_at),
            expires: token.expires_at.map(Moment::day),
            used: token.last_used_at.map(Moment::exact),
            revoked: token.revoked_at.map(Moment::exact),
            orphaned: standing == TokenStanding::Orphaned,
        }
    }
}

/// What the page is shown for.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    conflict: Option<String>,
    made: Option<Made>,
    form: Fields,
}

async fn render(app: &App, staff: Staff, status: StatusCode, occasion: Occasion) -> Page {
    let done = occasion.done;
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_TOKENS, done.as_deref())?;
            let rows = tokens::all(tx)?.into_iter().map(|token| Row::new(token, env.now)).collect();
            Ok((shell, rows))
        })
        .await?;
    let page = TokensPage {
        shell,
        conflict: occasion.conflict,
        made: occasion.made,
        rows,
        scopes: Scope::ALL.to_vec(),
        form: occasion.form,
    };
    show_with(status, &page)
}

/// `GET /office/tokens`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, Occasion { done: asked.done(), ..Occasion::default() }).await
}

fn scopes(form: &mut Fields) -> Option<Scopes> {
    let chosen: Vec<Scope> =
        Scope::ALL.into_iter().filter(|scope| form.has(&format!("scope_{}", scope.as_str()))).collect();
    form.check("scopes", |_| Scopes::new(&chosen).ok_or("Choose at least one."))
}

fn days(typed: &str) -> Result<Option<i64>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let days = typed.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    days.map(Some).ok_or_else(|| format!("Write a number of days from 1 to {MAX_DAYS}, or nothing."))
}

/// `POST /office/tokens`: makes a token. The answer is the page itself, not a redirect: it shows the token, which is
/// kept nowhere in readable form.
///
/// # Errors
/// When the database says no.
pub async fn make(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    let name = form.check("name", |typed| TokenName::parse_as("name", typed));
    let scopes = scopes(&mut form);
    let days = form.check("days", days);
    let (Some(name), Some(scopes), Some(days)) = (name, scopes, days) else {
        let occasion = Occasion { form, ..Occasion::default() };
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    let (by, called) = (staff.actor.clone(), name.to_string());
    let (_, token) = app.write(move |tx, env| acts::make(tx, env, &by, &name, scopes, days)).await?;
    let made = Some(Made { name: called, token });
    render(&app, staff, StatusCode::CREATED, Occasion { made, ..Occasion::default() }).await
}

/// `POST /office/tokens/{id}/revoke`
///
/// # Errors
/// 404 when there is no such token.
pub async fn revoke(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let by = staff.actor.clone();
    match app.write(move |tx, env| acts::revoke(tx, env, &by, &id)).await {
        Ok(()) => go_to(&paths::with_query(paths::OFFICE_TOKENS, &[("done", "token-revoked")])),
        Err(TokenError::Unknown) => Err(PageError::not_found()),
        Err(TokenError::Db(error)) => Err(error.into()),
        Err(refusal @ TokenError::Revoked) => {
            let occasion = Occasion { conflict: Some(refusal.to_string()), ..Occasion::default() };
            render(&app, staff, StatusCode::CONFLICT, occasion).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_token_and_the_new_one_once() {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let token = |id: &str, revoked: bool, maker_stands: bool| Token {
            id: id.into(),
            name: format!("<{id}>"),
            hint: "gw_abcdef".into(),
            scopes: Scopes::from_words("sales read").unwrap(),
            made_by: Some(("ada".into(), "Ada".into())),
            maker_stands,
            created_at: at,
            expires_at: None,
            last_used_at: Some(at),
            revoked_at: revoked.then_some(at),
        };
        let mut form = Fields::filled([("name", "CRM"), ("days", "x")]);
        form.refuse("scopes", "Choose at least one.");
        let tokens = [token("one", false, true), token("two", true, true), token("three", false, false)];
        let page = TokensPage {
            shell: OfficeShell::sample(),
            conflict: None,
            made: Some(Made { name: "Shop".into(), token: "gw_secret".into() }),
            rows: tokens.into_iter().map(|token| Row::new(token, at)).collect(),
            scopes: Scope::ALL.to_vec(),
            form,
        };
        let text = page.render().unwrap();
        for part in [
            "&#60;one&#62;",
            "Sales, Read",
            "gw_secret",
            "Revoked",
            "Stopped",
            "/office/tokens/one/revoke",
            "id=\"token-scopes-error\"",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("/office/tokens/two/revoke"), "revoked once is revoked");
    }

    #[test]
    fn days_are_a_number_or_nothing() {
        assert_eq!(days(" "), Ok(None));
        assert_eq!(days(" 90 "), Ok(Some(90)));
        for wrong in ["0", "-1", "3651", "1.5", "x"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
