//! Pages for staff. Every address is here with the permission it needs; nothing of the office is reached past
//! this table, and the tests walk the whole of it.

use axum::{
    Router,
    middleware::from_fn,
    routing::{MethodRouter, get},
};
use domain::permission::Permission;

use super::{
    paths,
    show::{Page, go_to},
    visitor::{Staff, allow},
};
use crate::app::App;

/// An address of the office.
pub struct OfficeRoute {
    /// The path, with parameters in braces.
    pub path: String,
    /// What the person must be allowed to do, whatever the method.
    pub permission: Permission,
    handler: MethodRouter<App>,
}

fn route(path: impl Into<String>, permission: Permission, handler: MethodRouter<App>) -> OfficeRoute {
    OfficeRoute { path: path.into(), permission, handler }
}

/// The permission table of the office.
pub fn table() -> Vec<OfficeRoute> {
    use Permission::*;
    vec![route(paths::OFFICE, Office, get(home))]
}

/// The addresses of the office.
pub fn router(_app: &App) -> Router<App> {
    table().into_iter().fold(Router::new(), |router, OfficeRoute { path, permission, handler }| {
        let guarded = handler.route_layer(from_fn(move |request, next| allow(permission, request, next)));
        router.route(&path, guarded)
    })
}

/// `GET /office`: the first section that the person may open.
async fn home(staff: Staff) -> Page {
    let sections = [
        (paths::OFFICE_CLIENTS, Permission::ReadClients),
        (paths::OFFICE_WITHDRAWALS, Permission::ReadWithdrawals),
        (paths::OFFICE_FEEDBACK, Permission::ReadFeedback),
    ];
    let section = sections.into_iter().find(|(_, permission)| staff.role.may(*permission));
    go_to(section.map_or(paths::OFFICE_PARTNERS, |(path, _)| path))
}
