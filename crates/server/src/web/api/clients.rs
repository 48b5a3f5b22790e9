//! `/api/v1/clients`: clients, whose they are, and further deals with them.

use axum::{extract::State, http::StatusCode};
use domain::{
    attribution::Method,
    text::{Line, Message},
};
use serde::Deserialize;
use store::{
    clients::{self, Asked},
    deals,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    caller::Caller,
    input::{Input, Query},
    once::{Answer, Once, show},
    paging::{self, Limit},
    partners::field,
    problem::Problem,
};
use crate::{
    app::App,
    ops::{
        attribution::{AssignError, Decision, assign},
        clients as acts,
    },
    shapes::{ClientEntered, ClientOut, ClientWithDeals, DealOut, List},
    web::{
        fields::Fields,
        office::{client::TITLE_CHARS, parts::Number},
        public::contact,
    },
};

/// How many characters an external identifier may have.
pub const EXTERNAL_CHARS: usize = 200;

fn unknown() -> Problem {
    Problem::not_found("There is no client with this number.")
}

/// An external identifier as it is sent.
pub(super) fn external(typed: &str) -> Result<String, domain::text::TextError> {
    Line::<EXTERNAL_CHARS>::parse_as("external identifier", typed).map(Line::into_string)
}

/// Which clients are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientsQuery {
    /// Only the client that your own system calls so.
    #[param(min_length = 1, max_length = 200)]
    external_id: Option<String>,
    /// Only clients of the partner with this identifier.
    partner: Option<String>,
    /// How many rows, 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// List clients
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/clients", tag = "Clients", params(ClientsQuery),
    responses((status = 200, description = "A page of clients", body = List<ClientOut>)))]
pub async fn list(State(app): State<App>, Query(query): Query<ClientsQuery>) -> Answer {
    let limit = Limit::read(query.limit)?;
    let before = paging::number(query.cursor.as_deref())?;
    let external_id = query.external_id.as_deref().map(external).transpose();
    let external_id = external_id.map_err(|error| Problem::field("external_id", error))?;
    let asked = Asked { external_id, partner_id: storable("partner", query.partner)? };
    let page = app
        .read(move |tx, _| {
            let rows = clients::page(tx, &asked, before, limit.and_one())?;
            Ok::<_, Problem>(List::new(rows, limit.rows(), |row| row.number.to_string(), ClientOut::from))
        })
        .await?;
    show(&page)
}

/// A text that is looked for as it is; what no database can hold is said to be wrong.
pub(super) fn storable(name: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    match value {
        Some(text) if text.contains('\0') => Err(Problem::field(name, "This holds a sign that is no text.")),
        value => Ok(value),
    }
}

/// Read a client
///
/// With every deal, newest first.
#[utoipa::path(get, path = "/api/v1/clients/{number}", tag = "Clients",
    params(("number" = i64, Path, description = "The client number")),
    responses((status = 200, description = "The client", body = ClientWithDeals)))]
pub async fn get(State(app): State<App>, Number(number): Number) -> Answer {
    let found = app
        .read(move |tx, env| {
            let client = clients::by_number(tx, number)?.ok_or_else(unknown)?.into();
            let currency = env.programme.currency;
            let deals = deals::of_client(tx, number)?;
            let deals = deals.into_iter().map(|deal| DealOut::new(deal, currency)).collect();
            Ok::<_, Problem>(ClientWithDeals { client, deals })
        })
        .await?;
    show(&found)
}

/// A new client. One of `email`, `phone` and `telegram` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What the client is called.
    #[schema(min_length = 1, max_length = 100, example = "Aurora Ltd")]
    name: String,
    /// Email address.
    #[serde(default)]
    #[schema(format = "email", example = "office@aurora.example")]
    email: String,
    /// Telephone number.
    #[serde(default)]
    #[schema(example = "+1 202 555 0123")]
    phone: String,
    /// Telegram name.
    #[serde(default)]
    #[schema(example = "@aurora")]
    telegram: String,
    /// What the client wrote.
    #[serde(default)]
    #[schema(max_length = 5000)]
    message: String,
    /// The referral code that the client gave, or the name of whoever recommended you.
    #[serde(default)]
    #[schema(example = "")]
    code: String,
    /// Where the client came from: what your form received as `ref_source`.
    #[serde(default)]
    #[schema(max_length = 40, example = "newsletter")]
    source: String,
    /// What your own system calls the client; no two clients have the same.
    #[schema(min_length = 1, max_length = 200, example = "crm-4711")]
    external_id: Option<String>,
}

/// Enter a client
///
/// The client comes with a pending deal, and belongs to the partner whose code was given.
#[utoipa::path(post, path = "/api/v1/clients", tag = "Clients", request_body = NewClient,
    responses((status = 201, description = "The client with the deal", body = ClientEntered)))]
pub async fn create(State(app): State<App>, caller: Caller, once: Once, input: Input<NewClient>) -> Answer {
    let sent = input.value;
    let mut form = Fields::filled([
        ("name", &sent.name),
        ("email", &sent.email),
        ("phone", &sent.phone),
        ("telegram", &sent.telegram),
        ("message", &sent.message),
        ("code", &sent.code),
        ("source", &sent.source),
    ]);
    let external_id = match sent.external_id.as_deref().map(external).transpose() {
        Ok(external_id) => external_id,
        Err(error) => {
            form.refuse("external_id", error);
            None
        }
    };
    let word = contact::word(&app, &form).await;
    let read = contact::read(&mut form, None, word).filter(|_| !form.is_refused());
    let Some(mut contact) = read else { return Err(Problem::from(&form)) };
    contact.external_id = external_id;
    once.act(&app, caller, &input.hash, StatusCode::CREATED, move |tx, env, caller| {
        let received = acts::enter(tx, env, &caller.actor, &contact)?;
        let client = clients::by_number(tx, received.client_number)?.ok_or_else(unknown)?.into();
        let deal = deals::of_client(tx, received.client_number)?.into_iter().next();
        let deal = deal.ok_or_else(|| Problem::internal("a client was entered without a deal"))?;
        Ok(ClientEntered { client, deal: DealOut::new(deal, env.programme.currency) })
    })
    .await
}

/// Whose a client is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttribution {
    /// The partner's identifier, or null: nobody's.
    #[serde(default, deserialize_with = "super::amount::sent")]
    #[schema(value_type = Option<String>, required = true)]
    partner: Option<Option<String>>,
    /// Why. Both partners read this.
    #[schema(min_length = 1, max_length = 5000)]
    reason: String,
}

/// Give a client to a partner
///
/// Deals and commissions that were booked move with the client, and both partners are told. Sent twice, nothing happens
/// the second time.
#[utoipa::path(put, path = "/api/v1/clients/{number}/attribution", tag = "Clients", request_body = NewAttribution,
    params(("number" = i64, Path, description = "The client number")),
    responses((status = 200, description = "The client", body = ClientOut)))]
pub async fn attribute(
    State(app): State<App>,
    caller: Caller,
    Number(number): Number,
    Input { value, .. }: Input<NewAttribution>,
) -> Answer {
    let mut wrong = Vec::new();
    let reason = field(&mut wrong, "reason", Message::parse_as("reason", &value.reason));
    let partner = field(&mut wrong, "partner", value.partner.ok_or("Missing: an identifier, or null."));
    let (Some(reason), Some(partner)) = (reason, partner) else { return Err(Problem::fields(wrong)) };
    let decision = Decision {
        client: number,
        to: storable("partner", partner)?,
        method: Method::Staff,
        code: None,
        claim: None,
        evidence: String::new(),
        reason: reason.into_string(),
    };
    let changed = app
        .write(move |tx, env| {
            match assign(tx, env, &caller.actor, &decision) {
                // A repeated PUT finds what it asks for.
                Ok(_) | Err(AssignError::Already(_) | AssignError::NobodysAlready) => {}
                Err(error) => return Err(error.into()),
            }
            let client = clients::by_number(tx, number)?.ok_or_else(unknown)?;
            Ok::<_, Problem>(ClientOut::from(client))
        })
        .await?;
    show(&changed)
}

/// A further deal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeal {
    /// What it is about.
    #[schema(min_length = 1, max_length = 200, example = "Second shop")]
    title: String,
    /// What your own system calls the deal; no two deals have the same.
    #[schema(min_length = 1, max_length = 200, example = "crm-deal-12")]
    external_id: Option<String>,
}

/// Open a further deal with a client
#[utoipa::path(post, path = "/api/v1/clients/{number}/deals", tag = "Deals", request_body = NewDeal,
    params(("number" = i64, Path, description = "The client number")),
    responses((status = 201, description = "The deal", body = DealOut)))]
pub async fn add_deal(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    Number(number): Number,
    input: Input<NewDeal>,
) -> Answer {
    let mut wrong = Vec::new();
    let title = field(&mut wrong, "title", Line::<TITLE_CHARS>::parse_as("title", &input.value.title));
    let external_id =
        field(&mut wrong, "external_id", input.value.external_id.as_deref().map(external).transpose());
    let (Some(title), Some(external_id)) = (title, external_id) else { return Err(Problem::fields(wrong)) };
    once.act(&app, caller, &input.hash, StatusCode::CREATED, move |tx, env, caller| {
        let by = &caller.actor;
        let deal = acts::enter_deal(tx, env, by, number, title.as_str(), external_id.as_deref())?;
        super::deals::load(tx, env, deal)
    })
    .await
}
