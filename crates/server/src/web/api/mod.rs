//! The programming interface: what other programs of the company read and do, as JSON under `/api/v1`. Every address is
//! here with the permission it needs, the same as in the office; nothing is reached past this table, and the tests walk
//! the whole of it.

pub mod amount;
pub mod caller;
pub mod clients;
pub mod deals;
pub mod docs;
pub mod document;
pub mod input;
pub mod once;
pub mod paging;
pub mod partners;
pub mod problem;
pub mod programme;
pub mod withdrawals;

use axum::{Router, middleware::from_fn_with_state, routing::get};
use domain::permission::Permission;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

use super::paths;
use crate::app::App;

/// The largest body that is read.
pub const BODY_LIMIT: usize = 64 * 1024;

/// An address of the interface with one method.
pub struct ApiRoute {
    /// What a token must be allowed to do.
    pub permission: Permission,
    /// The handler, with what the documentation says about it.
    pub handler: UtoipaMethodRouter<App>,
}

/// The permission table of the interface.
pub fn table() -> Vec<ApiRoute> {
    use Permission::*;
    let route = |permission, handler| ApiRoute { permission, handler };
    vec![
        route(ReadPartners, routes!(partners::list)),
        route(ManagePartners, routes!(partners::create)),
        route(ReadPartners, routes!(partners::get)),
        route(ManagePartners, routes!(partners::change)),
        route(ReadPartners, routes!(partners::statement)),
        route(ReadClients, routes!(clients::list)),
        route(CloseDeals, routes!(clients::create)),
        route(ReadClients, routes!(clients::get)),
        route(AssignClients, routes!(clients::attribute)),
        route(CloseDeals, routes!(clients::add_deal)),
        route(ReadClients, routes!(deals::list)),
        route(ReadClients, routes!(deals::get)),
        route(CloseDeals, routes!(deals::win)),
        route(CloseDeals, routes!(deals::lose)),
        route(CloseDeals, routes!(deals::reopen)),
        route(CloseDeals, routes!(deals::refund)),
        route(ReadWithdrawals, routes!(withdrawals::list)),
        route(ReadWithdrawals, routes!(withdrawals::get)),
        route(DecideWithdrawals, routes!(withdrawals::pay)),
        route(DecideWithdrawals, routes!(withdrawals::reject)),
        route(ReadPartners, routes!(programme::stats)),
        route(ReadAudit, routes!(programme::events)),
    ]
}

/// The addresses of the interface and of its documentation.
pub fn routes(app: &App) -> Router<App> {
    let guarded = table().into_iter().fold(Router::new(), |router, ApiRoute { permission, handler }| {
        let (_, documented, handler) = handler;
        // Only around the method: which ones an address has is no secret, it stands in the documentation.
        let guard = from_fn_with_state((app.clone(), permission), caller::allow);
        let handler = handler.route_layer(guard);
        documented.paths.keys().fold(router, |router, path| router.route(path, handler.clone()))
    });
    guarded
        .route(paths::API_DOCUMENT, get(document::show))
        .route(paths::API_DOCS, get(docs::page))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
}
