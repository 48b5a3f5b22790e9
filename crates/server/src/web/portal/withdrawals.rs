//! Requesting a withdrawal. The form is a part of Statistics, so a refusal shows that page again.

use axum::{extract::State, http::StatusCode};

use super::statistics;
use crate::{
    app::App,
    ops::withdrawals::{self, Ask, AskError},
    web::{
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        show::{Page, go_to},
        visitor::Partner,
    },
};

/// The longest identifier of a form that is taken; ours are 36 letters.
const MAX_ID: usize = 100;

/// What can be an identifier at all. Anything else is not even looked for: not every text is one to a database.
pub(super) fn is_id(typed: &str) -> bool {
    !typed.is_empty() && typed.len() <= MAX_ID && typed.chars().all(|c| c.is_ascii_graphic())
}

/// `POST /withdrawals`
///
/// # Errors
/// The partner is suspended, or the database says no.
pub async fn request(State(app): State<App>, partner: Partner, mut form: Fields) -> Page {
    let env = app.env();
    let Some(ask) = read(&mut form, &partner, env.programme.currency) else {
        if !is_id(form.typed("request")) {
            form.set("request", env.ids.uuid(env.now));
        }
        return statistics::refused(&app, &partner, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let status = match app.write(move |tx, env| withdrawals::ask(tx, env, &ask)).await {
        Ok(_) => return go_to(&paths::with_query(paths::STATISTICS, &[("done", "withdrawal")])),
        Err(error @ AskError::Suspended) => return Err(suspended(&error)),
        Err(error @ AskError::UnknownWallet) => {
            form.refuse("wallet", error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error @ AskError::Refused(_)) => {
            form.refuse("amount", error);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error @ AskError::OtherRequest) => {
            form.refuse_form(error);
            form.set("request", env.ids.uuid(env.now));
            StatusCode::CONFLICT
        }
        Err(AskError::Ledger(error)) => return Err(PageError::internal(error)),
        Err(AskError::Db(error)) => return Err(error.into()),
    };
    statistics::refused(&app, &partner, form, status).await
}

/// Reads the form; what is wrong is kept beside the fields.
fn read(form: &mut Fields, partner: &Partner, currency: domain::money::Currency) -> Option<Ask> {
    let amount = form.check("amount", |typed| currency.parse(typed));
    let wallet_id = form.check("wallet", |typed| match typed {
        typed if is_id(typed) => Ok(typed.to_owned()),
        _ => Err(AskError::UnknownWallet),
    });
    let request = form.typed("request").to_owned();
    if !is_id(&request) {
        form.refuse_form(
            "The form came without its number, which keeps one request from being counted twice. \
             It has a new one now: please check it and send it again.",
        );
    }
    if form.is_refused() {
        return None;
    }
    Some(Ask { partner_id: partner.id.clone(), amount: amount?, wallet_id: wallet_id?, request })
}

fn suspended(error: &AskError) -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::FORBIDDEN,
        title: "Nothing can be withdrawn now".into(),
        sentence: error.to_string(),
        way_on: (paths::STATISTICS.into(), "Back to Statistics"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::money::Currency;

    fn partner() -> Partner {
        Partner { id: "p".into(), name: "Pat".into(), email: "pat@example.com".into(), suspended: false }
    }

    #[test]
    fn each_field_is_read_or_refused_by_itself() {
        let mut form = Fields::filled([("amount", "1,000.50"), ("wallet", "w-1"), ("request", "r-1")]);
        let ask = read(&mut form, &partner(), Currency::USD).unwrap();
        assert_eq!(
            (ask.amount.minor(), ask.wallet_id.as_str(), ask.request.as_str()),
            (100_050, "w-1", "r-1")
        );

        let mut form = Fields::filled([("amount", "many"), ("wallet", "\u{0}"), ("request", "")]);
        assert!(read(&mut form, &partner(), Currency::USD).is_none());
        assert!(form.error("amount").is_some() && form.form_error().is_some());
        assert_eq!(form.error("wallet"), Some("Choose one of your wallets."));
        assert_eq!(form.value("amount"), "many");
    }
}
