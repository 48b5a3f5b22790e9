//! What other systems are told: written in the transaction of what happened, only where somebody wants it. Which events
//! anybody wants is at hand with the programme, so an installation that tells nobody pays nothing.

use domain::{
    money::Money,
    webhook::{HookEvent, HookEvents},
};
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    DbError, Tx, clients, deals, partners,
    webhook_deliveries::{self, NewDelivery},
    webhooks::{self, HookKind, Webhook},
    withdrawals,
};

use crate::{
    app::Env,
    web::{
        api::shapes::{ClientEntered, ClientOut, DealOut, MoneyOut, PartnerOut, WithdrawalOut},
        paths,
    },
};

/// The events that a request by a template can be made for.
pub const FOR_REQUESTS: HookEvents = HookEvents::NONE.with(HookEvent::ClientCreated);

/// The body of a delivery.
#[derive(Serialize)]
struct Body<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: &'a str,
    /// When it happened.
    timestamp: String,
    data: T,
}

fn wanted(tx: &mut Tx, env: &Env, event: HookEvent) -> Result<Vec<Webhook>, DbError> {
    if env.quiet || !env.programme.hook_events.has(event) {
        return Ok(vec![]);
    }
    webhooks::wanting(tx, event)
}

/// A body as text.
pub(super) fn body<T: Serialize>(env: &Env, kind: &str, data: T) -> String {
    let body = Body { kind, timestamp: env.now.rfc3339(), data };
    serde_json::to_string(&body).expect("names, texts and numbers make JSON")
}

fn post<T: Serialize>(
    tx: &mut Tx,
    env: &Env,
    hooks: &[Webhook],
    event: HookEvent,
    subject: (&str, &str),
    data: T,
) -> Result<(), DbError> {
    let body = body(env, event.as_str(), data);
    for hook in hooks.iter().filter(|hook| hook.kind == HookKind::Standard) {
        let new = NewDelivery {
            id: env.ids.uuid(env.now),
            webhook_id: &hook.id,
            event: event.as_str(),
            subject,
            body: &body,
        };
        webhook_deliveries::insert(tx, &new, env.now)?;
    }
    Ok(())
}

/// A client has come, with a deal.
///
/// # Errors
/// When the database says no.
pub fn client_created(tx: &mut Tx, env: &Env, number: i64, deal: i64) -> Result<(), DbError> {
    let event = HookEvent::ClientCreated;
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let (Some(client), Some(deal)) = (clients::by_number(tx, number)?, deals::by_number(tx, deal)?) else {
        return Ok(());
    };
    let subject = ("client", &*number.to_string());
    // Another system that has named the client, or the deal, knows the client.
    if client.external_id.is_none() && deal.external_id.is_none() {
        request(tx, env, &hooks, &client, &deal)?;
    }
    let deal = DealOut::new(deal, env.programme.currency);
    post(tx, env, &hooks, event, subject, ClientEntered { client: ClientOut::from(client), deal })
}

/// Has a client posted to every system that is told of clients by a template; returns how many those are.
fn request(
    tx: &mut Tx,
    env: &Env,
    hooks: &[Webhook],
    client: &clients::Client,
    deal: &deals::Deal,
) -> Result<usize, DbError> {
    let requests: Vec<&Webhook> = hooks.iter().filter(|hook| hook.kind == HookKind::Request).collect();
    if requests.is_empty() {
        return Ok(0);
    }
    let facts = facts(tx, env, client, deal)?.to_string();
    for hook in &requests {
        let new = NewDelivery {
            id: env.ids.uuid(env.now),
            webhook_id: &hook.id,
            event: HookEvent::ClientCreated.as_str(),
            subject: ("client", &client.number.to_string()),
            body: &facts,
        };
        webhook_deliveries::insert(tx, &new, env.now)?;
    }
    Ok(requests.len())
}

/// Whether any system is told of clients by a template.
///
/// # Errors
/// When the database says no.
pub fn can_post_to_crm(tx: &mut Tx, env: &Env) -> Result<bool, DbError> {
    let hooks = wanted(tx, env, HookEvent::ClientCreated)?;
    Ok(hooks.iter().any(|hook| hook.kind == HookKind::Request))
}

/// Has the client of a deal posted to the CRM, as new clients are; returns to how many systems.
///
/// # Errors
/// When the database says no.
pub fn post_to_crm(tx: &mut Tx, env: &Env, deal: &deals::Deal) -> Result<usize, DbError> {
    let hooks = wanted(tx, env, HookEvent::ClientCreated)?;
    let Some(client) = clients::by_number(tx, deal.client_number)? else { return Ok(0) };
    request(tx, env, &hooks, &client, deal)
}

/// What a template is filled with: see [`crate::webhooks::template::FIELDS`].
fn facts(tx: &mut Tx, env: &Env, client: &clients::Client, deal: &deals::Deal) -> Result<Value, DbError> {
    let partner = match &client.partner {
        Some(partner) => partners::by_id(tx, &partner.id)?,
        None => None,
    };
    let decided = clients::attributions(tx, client.number)?;
    let code = decided.into_iter().find_map(|decision| decision.code);
    Ok(json!({
        "client": {
            "number": client.number,
            "name": client.name,
            "email": client.email,
            "phone": client.phone,
            "telegram": client.telegram,
            "message": client.message,
            "created_at": client.created_at.rfc3339(),
            "url": format!("{}{}", env.public_url, paths::office_client(client.number)),
        },
        "deal": {
            "number": deal.number,
            "title": deal.title,
            "url": format!("{}{}", env.public_url, paths::office_deal(deal.number)),
        },
        "partner": partner.map(|partner| json!({
            "id": partner.id, "name": partner.name, "email": partner.email,
        })),
        "code": code,
        "programme": {"name": env.programme.name},
    }))
}

/// A client with the decision on whose the client is.
#[derive(Serialize)]
struct Attributed {
    #[serde(flatten)]
    client: ClientOut,
    attribution: AttributionOut,
}

/// A decision on whose a client is.
#[derive(Serialize)]
struct AttributionOut {
    /// `link`, `code`, `claim`, `staff` and so on.
    method: &'static str,
    code: Option<String>,
    repaired_from: Option<String>,
    reason: Option<String>,
    /// Whose the client was before.
    previous_partner: Option<String>,
    decided_at: String,
}

/// It was decided whose client it is. `before`: whose it was.
///
/// # Errors
/// When the database says no.
pub fn client_attributed(tx: &mut Tx, env: &Env, number: i64, before: Option<&str>) -> Result<(), DbError> {
    let event = HookEvent::ClientAttributed;
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(client) = clients::by_number(tx, number)? else { return Ok(()) };
    let decisions = clients::attributions(tx, number)?;
    let Some(decided) = decisions.into_iter().max_by_key(|decision| decision.at) else { return Ok(()) };
    let attribution = AttributionOut {
        method: decided.method.as_str(),
        code: decided.code,
        repaired_from: decided.repaired_from,
        reason: decided.reason,
        previous_partner: before.map(str::to_owned),
        decided_at: decided.at.rfc3339(),
    };
    let data = Attributed { client: ClientOut::from(client), attribution };
    post(tx, env, &hooks, event, ("client", &number.to_string()), data)
}

/// A deal was won or lost.
///
/// # Errors
/// When the database says no.
pub fn deal(tx: &mut Tx, env: &Env, event: HookEvent, number: i64) -> Result<(), DbError> {
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(deal) = deals::by_number(tx, number)? else { return Ok(()) };
    let data = DealOut::new(deal, env.programme.currency);
    post(tx, env, &hooks, event, ("deal", &number.to_string()), data)
}

/// A deal with what was given back.
#[derive(Serialize)]
struct Refunded {
    #[serde(flatten)]
    deal: DealOut,
    refund: RefundOut,
}

/// What was given back.
#[derive(Serialize)]
struct RefundOut {
    amount: MoneyOut,
    reason: String,
}

/// The client of a deal was given money back.
///
/// # Errors
/// When the database says no.
pub fn deal_refunded(
    tx: &mut Tx,
    env: &Env,
    number: i64,
    amount: Money,
    reason: &str,
) -> Result<(), DbError> {
    let event = HookEvent::DealRefunded;
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(deal) = deals::by_number(tx, number)? else { return Ok(()) };
    let currency = env.programme.currency;
    let refund = RefundOut { amount: MoneyOut::new(amount, currency), reason: reason.to_owned() };
    let data = Refunded { deal: DealOut::new(deal, currency), refund };
    post(tx, env, &hooks, event, ("deal", &number.to_string()), data)
}

/// A deal whose commission can be withdrawn now.
#[derive(Serialize)]
struct Available {
    #[serde(flatten)]
    deal: DealOut,
    /// What can be withdrawn of it.
    available: MoneyOut,
}

/// The commission of a deal can be withdrawn from now on.
///
/// # Errors
/// When the database says no.
pub fn commission_available(tx: &mut Tx, env: &Env, number: i64) -> Result<(), DbError> {
    let event = HookEvent::CommissionAvailable;
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(deal) = deals::by_number(tx, number)? else { return Ok(()) };
    let left = deal.won.as_ref().and_then(|won| won.commission).map(|booked| booked.remaining());
    let Some(left) = left.filter(|left| left.is_positive()) else { return Ok(()) };
    let currency = env.programme.currency;
    let data = Available { deal: DealOut::new(deal, currency), available: MoneyOut::new(left, currency) };
    post(tx, env, &hooks, event, ("deal", &number.to_string()), data)
}

/// A withdrawal was requested, paid or rejected. Where it goes is masked: other systems may be anybody's.
///
/// # Errors
/// When the database says no.
pub fn withdrawal(tx: &mut Tx, env: &Env, event: HookEvent, id: &str) -> Result<(), DbError> {
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(withdrawal) = withdrawals::by_id(tx, id)? else { return Ok(()) };
    let data = WithdrawalOut::new(withdrawal, env.programme.currency, false);
    post(tx, env, &hooks, event, ("withdrawal", id), data)
}

/// A partner has joined.
///
/// # Errors
/// When the database says no.
pub fn partner_created(tx: &mut Tx, env: &Env, id: &str) -> Result<(), DbError> {
    let event = HookEvent::PartnerCreated;
    let hooks = wanted(tx, env, event)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let Some(partner) = partners::by_id(tx, id)? else { return Ok(()) };
    let data = PartnerOut::load(tx, env, partner)?;
    post(tx, env, &hooks, event, ("partner", id), data)
}

/// What a template is tried out with: nobody's.
pub fn sample_facts(env: &Env) -> Value {
    json!({
        "client": {
            "number": 1042,
            "name": "Test Client",
            "email": "test.client@example.com",
            "phone": "+12025550123",
            "telegram": "@test_client",
            "message": "A test: please ignore.",
            "created_at": env.now.rfc3339(),
            "url": format!("{}{}", env.public_url, paths::office_client(1042)),
        },
        "deal": {
            "number": 2077,
            "title": "Test deal",
            "url": format!("{}{}", env.public_url, paths::office_deal(2077)),
        },
        "partner": {"id": "0193a1b2-0000-7000-8000-000000000000", "name": "Test Partner", "email": "partner@example.com"},
        "code": "K7XM2PQD",
        "programme": {"name": env.programme.name},
    })
}
