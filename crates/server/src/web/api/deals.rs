//! `/api/v1/deals`: deals, and what sales does to them.

use axum::{extract::State, http::StatusCode};
use domain::text::Message;
use serde::Deserialize;
use store::{
    Tx,
    deals::{self, Asked},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    amount::Amount,
    caller::Caller,
    clients::{external, storable},
    input::{Input, Query},
    once::{Answer, Once, show},
    paging::{self, Limit},
    problem::Problem,
};
use crate::{
    app::{App, Env},
    ops::deals as acts,
    shapes::{DealOut, List},
    web::office::parts::Number,
};

/// The deal of a number.
///
/// # Errors
/// 404 when there is none.
pub fn load(tx: &mut Tx, env: &Env, number: i64) -> Result<DealOut, Problem> {
    let deal = deals::by_number(tx, number)?
        .ok_or_else(|| Problem::not_found("There is no deal with this number."))?;
    Ok(DealOut::new(deal, env.programme.currency))
}

/// Which deals are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DealsQuery {
    /// Only the deal that your own system calls so.
    #[param(min_length = 1, max_length = 200)]
    external_id: Option<String>,
    /// Only deals with the client of this number.
    client: Option<i64>,
    /// Only deals of the partner with this identifier.
    partner: Option<String>,
    /// How many rows, 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// List deals
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/deals", tag = "Deals", params(DealsQuery),
    responses((status = 200, description = "A page of deals", body = List<DealOut>)))]
pub async fn list(State(app): State<App>, Query(query): Query<DealsQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::number(query.cursor.as_deref())?;
    let external_id = query.external_id.as_deref().map(external).transpose();
    let external_id = external_id.map_err(|error| Problem::field("external_id", error))?;
    let asked = Asked { external_id, client: query.client, partner_id: storable("partner", query.partner)? };
    let page = app
        .read(move |tx, env| {
            let currency = env.programme.currency;
            let rows = deals::page(tx, &asked, before, limit.and_one())?;
            let cursor = |row: &deals::Deal| row.number.to_string();
            Ok::<_, Problem>(List::new(rows, limit.rows(), cursor, |row| DealOut::new(row, currency)))
        })
        .await?;
    show(&page)
}

/// Read a deal
#[utoipa::path(get, path = "/api/v1/deals/{number}", tag = "Deals",
    params(("number" = i64, Path, description = "The transaction number")),
    responses((status = 200, description = "The deal", body = DealOut)))]
pub async fn get(State(app): State<App>, Number(number): Number) -> Answer {
    show(&app.read(move |tx, env| load(tx, env, number)).await?)
}

/// What a deal came to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Win {
    /// What the deal came to.
    amount: Amount,
}

/// Why something was done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Why, for whoever reads the history.
    #[schema(min_length = 1, max_length = 5000)]
    pub reason: String,
}

impl Because {
    /// Reads the field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self) -> Result<String, Problem> {
        let reason = Message::parse_as("reason", &self.reason);
        reason.map(Message::into_string).map_err(|error| Problem::field("reason", error))
    }
}

/// What a client was given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// How much.
    amount: Amount,
    /// Why. The partner reads this.
    #[schema(min_length = 1, max_length = 5000)]
    reason: String,
}

/// Close a deal successfully
///
/// The partner's rate is fixed and the commission booked.
#[utoipa::path(post, path = "/api/v1/deals/{number}/win", tag = "Deals", request_body = Win,
    params(("number" = i64, Path, description = "The transaction number")),
    responses((status = 200, description = "The deal", body = DealOut)))]
pub async fn win(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Number(number): Number,
    input: Input<Win>,
) -> Answer {
    let amount = input.value.amount.read(app.programme().currency)?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::win(tx, env, &caller.actor, number, amount)?;
        load(tx, env, number)
    })
    .await
}

/// Close a deal unsuccessfully
#[utoipa::path(post, path = "/api/v1/deals/{number}/lose", tag = "Deals", request_body = Because,
    params(("number" = i64, Path, description = "The transaction number")),
    responses((status = 200, description = "The deal", body = DealOut)))]
pub async fn lose(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Number(number): Number,
    input: Input<Because>,
) -> Answer {
    let reason = input.value.read()?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::lose(tx, env, &caller.actor, number, &reason)?;
        load(tx, env, number)
    })
    .await
}

/// Open a closed deal again
///
/// What is left of its commission is taken back.
#[utoipa::path(post, path = "/api/v1/deals/{number}/reopen", tag = "Deals", request_body = Because,
    params(("number" = i64, Path, description = "The transaction number")),
    responses((status = 200, description = "The deal", body = DealOut)))]
pub async fn reopen(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Number(number): Number,
    input: Input<Because>,
) -> Answer {
    let reason = input.value.read()?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::reopen(tx, env, &caller.actor, number, &reason)?;
        load(tx, env, number)
    })
    .await
}

/// Record that the client was given money back
///
/// The commission is taken back in proportion.
#[utoipa::path(post, path = "/api/v1/deals/{number}/refund", tag = "Deals", request_body = Refund,
    params(("number" = i64, Path, description = "The transaction number")),
    responses((status = 200, description = "The deal", body = DealOut)))]
pub async fn refund(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Number(number): Number,
    input: Input<Refund>,
) -> Answer {
    let amount = input.value.amount.read(app.programme().currency)?;
    let reason = Because { reason: input.value.reason }.read()?;
    once.act(&app, caller, &input.hash, StatusCode::OK, move |tx, env, caller| {
        acts::refund(tx, env, &caller.actor, number, amount, &reason)?;
        load(tx, env, number)
    })
    .await
}
