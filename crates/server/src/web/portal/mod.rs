//! Pages for partners.

pub mod link;

use axum::{Router, routing::get};

use super::paths;
use crate::app::App;

/// The addresses of this module.
pub fn routes() -> Router<App> {
    Router::new()
        .route(paths::LINK, get(link::page))
        .route(paths::QR_SVG, get(link::svg))
        .route(paths::QR_JPG, get(link::jpg))
}

/// The word that a redirect has left in the address, for the notice on the page.
#[derive(Debug, serde::Deserialize)]
pub struct Done {
    /// What was just done.
    pub done: Option<String>,
}
