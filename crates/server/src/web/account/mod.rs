//! Everybody's own account, a partner's or a member of staff's: the page, what is done on it, and the one-time
//! addresses that are mailed about it.

mod acts;
mod links;
mod own;
mod page;

use axum::{
    Router,
    routing::{get, post},
};

use super::paths;
use crate::app::App;

/// The addresses of this module.
pub fn routes() -> Router<App> {
    Router::new()
        .route(paths::ACCOUNT, get(page::show_account).post(acts::save_profile))
        .route(paths::ACCOUNT_PASSWORD, post(acts::change_password))
        .route(paths::ACCOUNT_EMAIL, post(acts::ask_email))
        .route(paths::ACCOUNT_EMAIL_CANCEL, post(acts::cancel_email))
        .route(paths::ACCOUNT_CONFIRM, post(acts::send_confirmation))
        .route(paths::ACCOUNT_SESSION_END, post(acts::end_session))
        .route(paths::ACCOUNT_SESSIONS_END, post(acts::end_others))
        .route(paths::ACCOUNT_DATA, get(own::data))
        .route(paths::ACCOUNT_ERASURE, post(own::ask))
        .route(&paths::confirm_email("{token}"), get(links::confirm_form).post(links::confirm))
        .route(&paths::change_email("{token}"), get(links::email_form).post(links::answer_email))
}
