//! `/api/v1/partners`: partners, what they have earned, and the entries behind it.

use axum::{extract::State, http::StatusCode};
use domain::{
    ledger::Account,
    rate::Rate,
    text::{Email, Message, Name},
};
use serde::Deserialize;
use store::{ledger, partners};
use utoipa::{IntoParams, ToSchema};

use super::{
    amount::sent,
    caller::Caller,
    input::{Input, Query},
    once::{Answer, Once, show},
    paging::{self, Limit},
    problem::{FieldProblem, Problem},
};
use crate::{
    app::App,
    ops::{
        accounts::{self, SignUpError},
        partners::{self as acts, PartnerChange},
    },
    shapes::{EntryOut, List, PartnerOut},
    web::office::parts::Id,
};

fn unknown() -> Problem {
    Problem::not_found("There is no such partner.")
}

/// Which partners are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartnersQuery {
    /// Only the partner with this email address.
    email: Option<String>,
    /// How many rows, 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// List partners
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/partners", tag = "Partners", params(PartnersQuery),
    responses((status = 200, description = "A page of partners", body = List<PartnerOut>)))]
pub async fn list(State(app): State<App>, Query(query): Query<PartnersQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::id(query.cursor.as_deref())?;
    let email = query.email.as_deref().map(Email::parse).transpose();
    let email = email.map_err(|error| Problem::field("email", error))?;
    let env = app.env();
    let page = app
        .db
        .report(move |tx| {
            let rows = match &email {
                Some(_) if before.is_some() => Vec::new(),
                Some(email) => partners::by_email(tx, &email.key())?.into_iter().collect(),
                None => partners::list(tx, "", false, before.as_deref(), limit.and_one())?,
            };
            let list = List::new(rows, limit.rows(), |partner| partner.id.clone(), |partner| partner);
            let items = list.items.into_iter().map(|partner| PartnerOut::load(tx, &env, partner));
            let items = items.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Problem>(List { items, next: list.next })
        })
        .await?;
    show(&page)
}

/// Read a partner
#[utoipa::path(get, path = "/api/v1/partners/{id}", tag = "Partners",
    params(("id" = String, Path, description = "The partner's identifier")),
    responses((status = 200, description = "The partner", body = PartnerOut)))]
pub async fn get(State(app): State<App>, Id(id): Id) -> Answer {
    let found = app
        .read(move |tx, env| {
            let partner = partners::by_id(tx, &id)?.ok_or_else(unknown)?;
            Ok::<_, Problem>(PartnerOut::load(tx, env, partner)?)
        })
        .await?;
    show(&found)
}

/// A new partner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPartner {
    /// What the partner is called.
    #[schema(min_length = 1, max_length = 100, example = "Mara Voss")]
    name: String,
    /// The partner's address, which nobody has yet.
    #[schema(format = "email", example = "mara@example.com")]
    email: String,
}

/// Add a partner
///
/// The person is sent a mail with the link, and chooses a password under "Forgot your password?".
#[utoipa::path(post, path = "/api/v1/partners", tag = "Partners", request_body = NewPartner,
    responses((status = 201, description = "The new partner", body = PartnerOut)))]
pub async fn create(State(app): State<App>, caller: Caller, once: Once, input: Input<NewPartner>) -> Answer {
    let mut wrong = Vec::new();
    let name = field(&mut wrong, "name", Name::parse(&input.value.name));
    let email = field(&mut wrong, "email", Email::parse(&input.value.email));
    let (Some(name), Some(email)) = (name, email) else { return Err(Problem::fields(wrong)) };
    once.act(&app, caller, &input.hash, StatusCode::CREATED, move |tx, env, caller| {
        let id =
            accounts::add_partner(tx, env, &caller.actor, &name, &email).map_err(|error| match error {
                SignUpError::Known => {
                    Problem::conflict("email_taken", "This email address has an account already.")
                }
                SignUpError::Db(error) => error.into(),
            })?;
        let partner = partners::by_id(tx, &id)?.ok_or_else(unknown)?;
        Ok(PartnerOut::load(tx, env, partner)?)
    })
    .await
}

/// A field's value; what is wrong with it is kept.
pub(super) fn field<T, E: ToString>(
    wrong: &mut Vec<FieldProblem>,
    name: &str,
    read: Result<T, E>,
) -> Option<T> {
    read.map_err(|error| wrong.push(FieldProblem { field: name.to_owned(), detail: error.to_string() })).ok()
}

/// What is changed of a partner; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePartner {
    /// Suspended partners earn nothing new and withdraw nothing.
    status: Option<PartnerStatus>,
    /// Why the partner is suspended, for the office.
    #[schema(max_length = 5000)]
    reason: Option<String>,
    /// A rate of the partner's own in basis points (1250 is 12.5 %), or null to follow the tiers again.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 10000)]
    agreed_rate_bp: Option<Option<i64>>,
}

/// Where a partner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartnerStatus {
    /// Earns.
    Active,
    /// Earns nothing new.
    Suspended,
}

/// Change a partner
///
/// Suspend or reinstate, agree on a rate. Commissions already booked stay as they are. Sent twice, nothing happens the
/// second time.
#[utoipa::path(patch, path = "/api/v1/partners/{id}", tag = "Partners", request_body = ChangePartner,
    params(("id" = String, Path, description = "The partner's identifier")),
    responses((status = 200, description = "The partner", body = PartnerOut)))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Input { value, .. }: Input<ChangePartner>,
) -> Answer {
    let mut wrong = Vec::new();
    let standard = || Ok(format!("Suspended by {}.", caller.actor.name));
    let reason = value
        .reason
        .as_deref()
        .map_or_else(standard, |typed| Message::parse_as("reason", typed).map(Message::into_string));
    let reason = field(&mut wrong, "reason", reason);
    let rate = |points| Rate::from_basis_points(points).ok_or("A rate has 0 to 10000 basis points.");
    let rate = value.agreed_rate_bp.map(|points| points.map(rate).transpose()).transpose();
    let agreed_rate = field(&mut wrong, "agreed_rate_bp", rate);
    let (Some(reason), Some(agreed_rate)) = (reason, agreed_rate) else { return Err(Problem::fields(wrong)) };
    let suspended = value.status.map(|status| (status == PartnerStatus::Suspended, reason));
    let change = PartnerChange { suspended, agreed_rate };
    let changed = app
        .write(move |tx, env| {
            acts::change(tx, env, &caller.actor, &id, &change)?;
            let partner = partners::by_id(tx, &id)?.ok_or_else(unknown)?;
            Ok::<_, Problem>(PartnerOut::load(tx, env, partner)?)
        })
        .await?;
    show(&changed)
}

/// How far a list is read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many rows, 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Read a partner's statement
///
/// The entries of the ledger behind the partner's balance, newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/statement", tag = "Partners",
    params(("id" = String, Path, description = "The partner's identifier"), PageQuery),
    responses((status = 200, description = "A page of entries", body = List<EntryOut>)))]
pub async fn statement(State(app): State<App>, Id(id): Id, Query(query): Query<PageQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::number(query.cursor.as_deref())?;
    let page = app
        .read(move |tx, env| {
            partners::by_id(tx, &id)?.ok_or_else(unknown)?;
            let currency = env.programme.currency;
            let account = Account::payable(&id, currency);
            let rows = ledger::statement(tx, &account, before, limit.and_one())?;
            let cursor = |line: &ledger::StatementLine| line.entry.seq.to_string();
            Ok::<_, Problem>(List::new(rows, limit.rows(), cursor, |line| EntryOut::new(line, currency)))
        })
        .await?;
    show(&page)
}
