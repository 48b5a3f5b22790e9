//! Pages for partners.

mod chart;
pub mod claims;
pub mod export;
pub mod feedback;
pub mod link;
mod lists;
pub mod notices;
mod place;
pub mod print;
pub mod sources;
pub mod statement;
pub mod statistics;
pub mod support;
pub mod ticket;
mod view;
pub mod wallets;
pub mod withdrawals;

use axum::{
    Router,
    routing::{get, post},
};

use super::paths;
use crate::app::App;

/// The addresses of this module.
pub fn routes() -> Router<App> {
    let tickets = |rest: &str| format!("{}/{{n}}{rest}", paths::SUPPORT);
    Router::new()
        .route(paths::LINK, get(link::page))
        .route(paths::QR_SVG, get(link::svg))
        .route(paths::QR_JPG, get(link::jpg))
        .route(paths::LINK_ALIAS, post(link::choose_alias))
        .route(paths::STATISTICS, get(statistics::page))
        .route(paths::STATEMENT, get(statement::page))
        .route(paths::CLIENTS_CSV, get(export::clients))
        .route(paths::SOURCES_CSV, get(sources::file))
        .route(paths::WITHDRAWALS_CSV, get(export::withdrawals))
        .route(paths::WITHDRAWALS, post(withdrawals::request))
        .route(paths::WALLETS, get(wallets::page).post(wallets::save))
        .route(paths::ACCOUNT_NOTICES, get(notices::page).post(notices::save))
        .route(paths::ACCOUNT_TELEGRAM, post(notices::connect))
        .route(paths::ACCOUNT_TELEGRAM_END, post(notices::disconnect))
        .route(&tickets(""), get(ticket::page))
        .route(&tickets("/reply"), post(ticket::reply))
        .route(&tickets("/close"), post(ticket::close))
        .route(paths::CLAIMS, get(claims::page).post(claims::file))
        .route(&format!("{}/{{n}}/withdraw", paths::CLAIMS), post(claims::withdraw))
        .route(paths::LINK_SHEET, get(print::sheet))
        .route(paths::LINK_CARDS, get(print::cards))
        .route(paths::FEEDBACK, post(feedback::send))
}

/// The word that a redirect has left in the address, for the notice on the page.
#[derive(Debug, serde::Deserialize)]
pub struct Done {
    /// What was just done.
    pub done: Option<String>,
}

#[cfg(test)]
mod samples {
    //! What the tests of the pages show.

    use crate::web::{fields::Fields, shell::PortalShell};

    pub fn shell(here: &'static str) -> PortalShell {
        PortalShell {
            programme: "Northwind <Partners>".into(),
            here,
            suspended: false,
            notice: Some("Done."),
            feedback: Fields::default(),
        }
    }
}
