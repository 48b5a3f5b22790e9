//! The web interface: everything that people see.

pub mod account;
pub mod address;
pub mod api;
pub mod assets;
pub mod conversation;
pub mod error;
pub mod fields;
pub mod guide;
pub mod hooks;
pub mod office;
pub mod paths;
pub mod portal;
pub mod proof;
pub mod public;
pub mod security;
pub mod shell;
pub mod show;
pub mod upload;
pub mod visitor;

use std::time::Duration;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware};
use tower::ServiceBuilder;
use tower_http::{
    CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer,
};

use crate::app::App;

/// The largest form that is read: twenty wallets and a long message fit several times over.
pub const BODY_LIMIT: usize = 256 * 1024;

/// How long a request may take before it is answered with an apology.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every address of the server.
pub fn router(app: App) -> Router {
    let pages = Router::new()
        .merge(public::routes())
        .merge(portal::routes())
        .merge(account::routes())
        .merge(guide::routes())
        .merge(office::router())
        .fallback(error::no_such_page)
        .layer(
            ServiceBuilder::new()
                .layer(security::cross_site_layer(&app))
                .layer(middleware::from_fn(security::refuse_anonymous_posts))
                .layer(middleware::from_fn_with_state(app.clone(), visitor::identify))
                // What takes files says so itself, nearer to its handler.
                .layer(DefaultBodyLimit::max(BODY_LIMIT)),
        );
    // Programs have a token and no cookie: nothing that protects browsers is needed around them.
    let answers = pages
        .merge(public::leads::routes())
        .merge(hooks::routes())
        .merge(api::routes(&app))
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(app.clone(), error::render))
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
                .layer(CatchPanicLayer::custom(error::panicked)),
        )
        .merge(crate::health::routes())
        // Pages are made for each request: most of what compression brings, at a fraction of its time.
        .layer(CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest));
    // The click path stays clear of what pages need: it has its own patience, and nothing to compress.
    answers
        .layer(middleware::from_fn_with_state(app.clone(), security::headers))
        .merge(crate::redirect::routes().layer(CatchPanicLayer::new()))
        .with_state(app)
        .merge(assets::routes())
}
