//! Pages for everybody: what the programme offers, signing up and in, the contact form for clients,
//! support without an account.

pub mod contact;
pub mod embed;
pub mod home;
pub mod invitation;
pub mod leads;
pub mod recover;
pub mod sign_in;
pub mod sign_up;
pub mod support;
pub mod ticket;

use axum::{
    Router,
    routing::{get, post},
};

use super::paths;
use crate::app::App;

/// The addresses of this module.
pub fn routes() -> Router<App> {
    let by_secret = |rest: &str| format!("{}/{{n}}/{{secret}}{rest}", paths::SUPPORT);
    Router::new()
        .route(paths::HOME, get(home::show_home))
        .route(paths::SIGN_UP, get(sign_up::form).post(sign_up::submit))
        .route(paths::SIGN_IN, get(sign_in::form).post(sign_in::submit))
        .route(paths::SIGN_OUT, post(sign_in::sign_out))
        .route(paths::RECOVER, get(recover::form).post(recover::submit))
        .route(&paths::reset("{token}"), get(recover::reset_form).post(recover::reset))
        .route(&paths::invitation("{token}"), get(invitation::form).post(invitation::submit))
        .route(paths::SUPPORT, get(support::page).post(support::send))
        .route(&by_secret(""), get(ticket::page).post(ticket::reply))
        .route(&by_secret("/close"), post(ticket::close))
        .route(paths::EMBED, get(embed::script))
        .route(paths::CONTACT, get(contact::form).post(contact::submit))
}
