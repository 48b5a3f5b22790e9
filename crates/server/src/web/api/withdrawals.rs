//! `/api/v1/withdrawals`: what partners ask to be paid, and what finance decides.

use axum::{extract::State, http::StatusCode};
use domain::{permission::Permission, text::Line, withdrawal::WithdrawalStatus};
use serde::Deserialize;
use store::{Tx, withdrawals};
use utoipa::{IntoParams, ToSchema};

use super::{
    caller::Caller,
    deals::Because,
    input::{Input, Query},
    once::{Answer, Once, show},
    paging::{self, Limit},
    problem::Problem,
};
use crate::{
    app::{App, Env},
    ops::withdrawals as acts,
    shapes::{List, WithdrawalOut},
    web::office::{parts::Id, withdrawal_acts::REFERENCE_CHARS},
};

/// Whoever may pay sees where to.
fn sees_all(caller: &Caller) -> bool {
    caller.scopes.may(Permission::DecideWithdrawals)
}

fn load(tx: &mut Tx, env: &Env, caller: &Caller, id: &str) -> Result<WithdrawalOut, Problem> {
    let found = withdrawals::by_id(tx, id)?;
    let found = found.ok_or_else(|| Problem::not_found("There is no such withdrawal."))?;
    Ok(WithdrawalOut::new(found, env.programme.currency, sees_all(caller)))
}

/// Which withdrawals are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WithdrawalsQuery {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<StatusWord>,
    /// How many rows, 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Where a withdrawal stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusWord {
    /// Waits for finance.
    Pending,
    /// Paid.
    Paid,
    /// Rejected.
    Rejected,
}

/// List withdrawals
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/withdrawals", tag = "Withdrawals", params(WithdrawalsQuery),
    responses((status = 200, description = "A page of withdrawals", body = List<WithdrawalOut>)))]
pub async fn list(State(app): State<App>, caller: Caller, Query(query): Query<WithdrawalsQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::id(query.cursor.as_deref())?;
    let status = query.status.map(|word| match word {
        StatusWord::Pending => WithdrawalStatus::Pending,
        StatusWord::Paid => WithdrawalStatus::Paid,
        StatusWord::Rejected => WithdrawalStatus::Rejected,
    });
    let page = app
        .read(move |tx, env| {
            let rows = withdrawals::page(tx, status, before.as_deref(), limit.and_one())?;
            let (currency, whole) = (env.programme.currency, sees_all(&caller));
            let item = |row| WithdrawalOut::new(row, currency, whole);
            Ok::<_, Problem>(List::new(rows, limit.rows(), |row| row.id.clone(), item))
        })
        .await?;
    show(&page)
}

/// Read a withdrawal
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}", tag = "Withdrawals",
    params(("id" = String, Path, description = "The withdrawal's identifier")),
    responses((status = 200, description = "The withdrawal", body = WithdrawalOut)))]
pub async fn get(State(app): State<App>, caller: Caller, Id(id): Id) -> Answer {
    show(&app.read(move |tx, env| load(tx, env, &caller, &id)).await?)
}

/// How a withdrawal was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pay {
    /// The payment reference, which the partner reads.
    #[schema(min_length = 1, max_length = 200, example = "TX-2077")]
    reference: String,
}

/// Mark a withdrawal paid
///
/// The rules of the office hold: a large one must have been approved by a person other than the maker of the token, and
/// none is paid to a wallet that was changed lately.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/pay", tag = "Withdrawals", request_body = Pay,
    params(("id" = String, Path, description = "The withdrawal's identifier")),
    responses((status = 200, description = "The withdrawal", body = WithdrawalOut)))]
pub async fn pay(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Id(id): Id,
    input: Input<Pay>,
) -> Answer {
    let reference = Line::<REFERENCE_CHARS>::parse_as("payment reference", &input.value.reference);
    let reference = reference.map_err(|error| Problem::field("reference", error))?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::pay(tx, env, &caller.actor, &id, reference.as_str(), None)?;
        load(tx, env, caller, &id)
    })
    .await
}

/// Reject a withdrawal
///
/// Its amount is available to the partner again.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/reject", tag = "Withdrawals", request_body = Because,
    params(("id" = String, Path, description = "The withdrawal's identifier")),
    responses((status = 200, description = "The withdrawal", body = WithdrawalOut)))]
pub async fn reject(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Id(id): Id,
    input: Input<Because>,
) -> Answer {
    let reason = input.value.read()?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::reject(tx, env, &caller.actor, &id, &reason)?;
        load(tx, env, caller, &id)
    })
    .await
}
