//! Whether somebody knows the password of an account: signing in, and once more before what a stolen session must not
//! do. Tries are counted and slowed down in one way, and too many are recorded.

use std::time::Duration;

use axum_extra::extract::CookieJar;
use domain::text::Email;
use store::{
    DbError,
    accounts::{self, Account},
};

use super::visitor::session_secret;
use crate::{
    app::App,
    limits::{Limited, TooOften},
    ops::sessions,
    password,
};

/// What everybody waits for an account that was tried often lately, from anywhere. The owner, with the right password,
/// waits the same and gets in: nobody can lock an account from outside.
const SLOW_DOWN: Duration = Duration::from_secs(2);

/// Whose password is tried.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Of the account with this address, by somebody who isn't signed in.
    Email(&'a str),
    /// Of the account that somebody is signed in to.
    Own {
        /// The account's identifier.
        account_id: &'a str,
        /// The hash of the session's secret. Tries are limited by session: whoever has stolen one guesses no faster
        /// from many addresses, and the owner gets in by another one meanwhile.
        session: &'a str,
    },
}

/// What has become of a try.
#[derive(Debug)]
pub enum Proof {
    /// It was right. The operation is handed the account as it was read: in its transaction it looks whether the hash
    /// of the password is still the same.
    Right(Box<Account>),
    /// It was wrong, or there is no such account.
    Wrong,
    /// There were too many.
    TooOften(TooOften),
}

/// The hash of the secret of the session that asks.
pub fn session_of(app: &App, jar: &CookieJar) -> String {
    session_secret(app, jar).map(|secret| sessions::hash(&secret)).unwrap_or_default()
}

/// Tries a password. `origin` is where it comes from.
///
/// # Errors
/// When the database says no.
pub async fn prove(app: &App, origin: &str, whose: Whose<'_>, typed: &str) -> Result<Proof, DbError> {
    if let Err(too_often) = app.allow(Limited::SignIn, origin).await {
        return Ok(Proof::TooOften(too_often));
    }
    let refused = match whose {
        Whose::Own { session, .. } => app.allow(Limited::Password, session).await.err(),
        Whose::Email(_) => None,
    };
    // Counted for addresses without an account too, or the wait would tell who has one; hashed, so that nobody can
    // fill the memory with long ones.
    let (account, counted) = match whose {
        Whose::Email(typed) => {
            let key = Email::parse(typed).map(|email| email.key()).ok();
            let counted = key.clone().unwrap_or_else(|| typed.to_owned());
            let found = match key {
                Some(key) => app.read(move |tx, _| accounts::by_email(tx, &key)).await?,
                None => None,
            };
            (found, counted)
        }
        Whose::Own { account_id, .. } => {
            let id = account_id.to_owned();
            let found = app.read(move |tx, _| accounts::by_id(tx, &id)).await?;
            let counted = found.as_ref().and_then(|account| Email::parse(&account.email).ok());
            (found, counted.map_or_else(|| account_id.to_owned(), |email| email.key()))
        }
    };
    let tried_often = app.allow(Limited::Account, &sessions::hash(&counted)).await.is_err();
    let right = if refused.is_some() {
        false
    } else {
        if tried_often {
            tokio::time::sleep(SLOW_DOWN).await;
        }
        fits(app, account.as_ref(), typed).await
    };
    match account {
        Some(account) if right => return Ok(Proof::Right(Box::new(account))),
        Some(account) if tried_often && app.allow(Limited::Noted, &account.id).await.is_ok() => {
            let from_within = matches!(whose, Whose::Own { .. });
            app.write(move |tx, env| sessions::note_failures(tx, env, &account, from_within)).await?;
        }
        _ => {}
    }
    Ok(refused.map_or(Proof::Wrong, Proof::TooOften))
}

/// Whether a password is the account's. An unknown one costs the same time as a known one, so that nobody learns who
/// has an account.
async fn fits(app: &App, account: Option<&Account>, typed: &str) -> bool {
    let hash = account.filter(|account| !account.disabled).and_then(|account| account.password_hash.clone());
    let typed = typed.to_owned();
    app.heavy(move || match &hash {
        Some(hash) => password::verify(&typed, hash),
        None => password::dummy(&typed),
    })
    .await
}

/// What is said beside the field to somebody signed in who has tried too often.
pub fn wait(too_often: TooOften) -> String {
    format!(
        "There were too many tries. Wait {} seconds; or sign out, and sign in again or ask for a new password.",
        too_often.retry_after
    )
}
