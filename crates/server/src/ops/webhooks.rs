//! What admins do with the systems that are told, and what becomes of deliveries.

use domain::{
    clock::SECOND,
    permission::Permission,
    retry,
    text::Line,
    webhook::{GIVEN_UP_IN_A_ROW, HookEvent, HookEvents, hours},
};
use serde_json::json;
use store::{
    DbError, Tx, clients, deals,
    webhook_deliveries::{self, Delivery, NewDelivery},
    webhooks::{self, HookKind, NewWebhook, Outline, Webhook},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    webhook_events,
};
use crate::{
    app::Env,
    notify::{self, Notice},
    web::paths,
    webhooks::{
        send::{Made, Verdict},
        sign,
    },
};

/// What one can be called.
pub type HookName = Line<60>;

/// The type of a test delivery.
pub const TEST: &str = "webhook.test";

/// How many old deliveries are deleted in one transaction.
const SWEEP_BATCH: i64 = 200;

/// Why nothing was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HookError {
    /// There is no such one.
    #[error("There is no such webhook.")]
    Unknown,
    /// It is so already.
    #[error("It is so already.")]
    Already,
    /// Nothing is sent while it is switched off.
    #[error("It is switched off. Switch it on first.")]
    Off,
    /// A try is under way.
    #[error("A try is under way just now. Look again in a minute.")]
    UnderWay,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What an admin has typed.
#[derive(Debug, Clone)]
pub struct Given {
    /// What people call it.
    pub name: HookName,
    /// Where it is.
    pub url: String,
    /// What it is told of.
    pub events: HookEvents,
    /// What a request is made of.
    pub outline: Outline,
}

/// An address as the audit and lists show it: the rest may be a secret.
pub fn place(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

/// Events in words, for the audit.
fn named(events: HookEvents) -> String {
    events.iter().map(HookEvent::label).collect::<Vec<_>>().join(", ")
}

/// Adds a place that is told from now on. Returns its identifier and, where deliveries are signed, the secret.
///
/// # Errors
/// When the database says no.
pub fn add(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    kind: HookKind,
    given: &Given,
) -> Result<(String, Option<String>), DbError> {
    let id = env.ids.uuid(env.now);
    let new = NewWebhook {
        id: &id,
        kind,
        name: given.name.as_str(),
        url: &given.url,
        events: given.events,
        created_by: Some(by.id.as_str()).filter(|id| !id.is_empty()),
        outline: &given.outline,
    };
    webhooks::insert(tx, &new, env.now)?;
    let secret = match kind {
        HookKind::Standard => {
            let secret = sign::new_secret(env.ids.as_ref());
            webhooks::add_secret(tx, &env.ids.uuid(env.now), &id, &secret, env.now, env.now)?;
            Some(secret)
        }
        HookKind::Request => None,
    };
    let changes = [
        Change::set("Name", &given.name),
        Change::set("Address", place(&given.url)),
        Change::set("Events", named(given.events)),
    ];
    record(tx, env, by, "webhook.added", &id, &changes, "")?;
    Ok((id, secret))
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    id: &str,
    changes: &[Change],
    reason: &str,
) -> Result<(), DbError> {
    audit::record(tx, env, by, Act { what, on: ("webhook", id), changes, reason })
}

fn locked(tx: &mut Tx, id: &str) -> Result<Webhook, HookError> {
    webhooks::lock(tx, id)?.ok_or(HookError::Unknown)
}

/// Changes what a place is called, where it is, what it is told of and how.
///
/// # Errors
/// [`HookError::Unknown`] when there is no such one.
pub fn change(tx: &mut Tx, env: &Env, by: &Actor, id: &str, given: &Given) -> Result<(), HookError> {
    let before = locked(tx, id)?;
    let after = Webhook {
        name: given.name.to_string(),
        url: given.url.clone(),
        events: given.events,
        outline: given.outline.clone(),
        ..before.clone()
    };
    webhooks::update(tx, &after)?;
    let (was, is) = (&before.outline, &after.outline);
    let mut changes = Change::differing([
        Change::new("Name", &before.name, &after.name),
        Change::new("Address", place(&before.url), place(&after.url)),
        Change::new("Events", named(before.events), named(after.events)),
        Change::new("Method", &was.method, &is.method),
        Change::new("Template", &was.template, &is.template),
        Change::new("Identifier in the answer", &was.answer_id, &is.answer_id),
    ]);
    if before.url != after.url && place(&before.url) == place(&after.url) {
        changes.push(Change::set("Address", "another path"));
    }
    if was.headers != is.headers {
        let names = |outline: &Outline| {
            outline.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        changes.push(Change::new("Headers", names(was), names(is)));
    }
    if changes.is_empty() {
        return Ok(());
    }
    Ok(record(tx, env, by, "webhook.changed", id, &changes, "")?)
}

/// Switches a place on or off. What waits goes on once it is switched on.
///
/// # Errors
/// [`HookError::Already`] when that is so already.
pub fn switch(tx: &mut Tx, env: &Env, by: &Actor, id: &str, on: bool) -> Result<(), HookError> {
    let hook = locked(tx, id)?;
    if !webhooks::set_active(tx, id, on, "")? {
        return Err(HookError::Already);
    }
    let word = |on| if on { "on" } else { "off" };
    let changes = [Change::set("Name", hook.name), Change::new("Switched", word(!on), word(on))];
    let what = if on { "webhook.switched_on" } else { "webhook.switched_off" };
    Ok(record(tx, env, by, what, id, &changes, "")?)
}

/// Takes a place away for good.
///
/// # Errors
/// [`HookError::Unknown`] when there is no such one.
pub fn remove(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), HookError> {
    let hook = locked(tx, id)?;
    webhooks::remove(tx, id, env.now)?;
    let changes = [Change::set("Name", hook.name), Change::new("Address", place(&hook.url), "")];
    Ok(record(tx, env, by, "webhook.removed", id, &changes, "")?)
}

/// Makes a new secret; the one before goes on signing for some hours. Returns the new one.
///
/// # Errors
/// [`HookError::Unknown`] when there is no such place, or its deliveries aren't signed.
pub fn rotate(tx: &mut Tx, env: &Env, by: &Actor, id: &str, overlap_hours: i64) -> Result<String, HookError> {
    let hook = locked(tx, id)?;
    if hook.kind != HookKind::Standard {
        return Err(HookError::Unknown);
    }
    let secret = sign::new_secret(env.ids.as_ref());
    let ends_at = env.now.plus(hours(overlap_hours));
    webhooks::add_secret(tx, &env.ids.uuid(env.now), id, &secret, ends_at, env.now)?;
    let changes = [
        Change::set("Name", hook.name),
        Change::set("The secret before signs until", format!("{} UTC", ends_at.date_time())),
    ];
    record(tx, env, by, "webhook.secret_made", id, &changes, "")?;
    Ok(secret)
}

/// Writes a delivery that tells nothing but that deliveries arrive. Returns its identifier.
///
/// # Errors
/// [`HookError::Off`] while nothing is sent there.
pub fn test(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<String, HookError> {
    let hook = locked(tx, id)?;
    if !hook.active {
        return Err(HookError::Off);
    }
    let body = match hook.kind {
        HookKind::Standard => {
            let message = format!("A test from {}: deliveries arrive.", env.programme.name);
            webhook_events::body(env, TEST, json!({"message": message}))
        }
        HookKind::Request => webhook_events::sample_facts(env).to_string(),
    };
    let delivery = env.ids.uuid(env.now);
    let new =
        NewDelivery { id: delivery.clone(), webhook_id: id, event: TEST, subject: ("", ""), body: &body };
    webhook_deliveries::insert(tx, &new, env.now)?;
    record(tx, env, by, "webhook.tested", id, &[Change::set("Name", hook.name)], "")?;
    Ok(delivery)
}

/// Has a delivery made again now, with the identifier that it has.
///
/// # Errors
/// [`HookError::UnderWay`] while a try is under way, [`HookError::Off`] while nothing is sent there.
pub fn send_again(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), HookError> {
    let delivery = webhook_deliveries::by_id(tx, id)?.ok_or(HookError::Unknown)?;
    let hook = webhooks::by_id(tx, &delivery.webhook_id)?.ok_or(HookError::Unknown)?;
    if !hook.active {
        return Err(HookError::Off);
    }
    if !webhook_deliveries::send_again(tx, id, env.now)? {
        return Err(HookError::UnderWay);
    }
    let changes = [
        Change::set("Name", hook.name),
        Change::set("Event", HookEvent::from_word(&delivery.event).map_or("A test", HookEvent::label)),
        Change::set("Delivery", id),
    ];
    Ok(record(tx, env, by, "webhook.sent_again", &delivery.webhook_id, &changes, "")?)
}

/// Writes down what became of a try. Returns whether the place was switched off for that.
///
/// # Errors
/// When the database says no.
pub fn settle(
    tx: &mut Tx,
    env: &Env,
    hook_id: &str,
    delivery: &Delivery,
    holder: &str,
    made: &Made,
) -> Result<bool, DbError> {
    let id = delivery.id.as_str();
    let why = made.made.error.as_str();
    webhook_deliveries::insert_try(tx, id, delivery.tries, &made.made)?;
    let asked = match made.verdict {
        Verdict::Taken => {
            webhook_deliveries::mark_done(tx, id, env.now)?;
            webhooks::succeeded(tx, hook_id, env.now)?;
            if let Some(external_id) = &made.answer_id {
                adopt(tx, env, hook_id, delivery, external_id)?;
            }
            return Ok(false);
        }
        Verdict::Gone => {
            webhook_deliveries::mark_parked(tx, id, holder, why, env.now)?;
            webhooks::failed(tx, hook_id, why, env.now)?;
            return switch_off(tx, env, hook_id, why);
        }
        Verdict::Failed(asked) => asked,
    };
    webhooks::failed(tx, hook_id, why, env.now)?;
    let mut chance = [0];
    env.ids.fill(&mut chance);
    if let Some(pause) = retry::pause(delivery.attempts, asked, chance[0]) {
        webhook_deliveries::mark_failed(tx, id, holder, why, env.now.plus(pause))?;
        return Ok(false);
    }
    if !webhook_deliveries::mark_parked(tx, id, holder, why, env.now)? {
        return Ok(false);
    }
    let in_a_row = webhooks::given_up(tx, hook_id)?;
    if in_a_row < GIVEN_UP_IN_A_ROW {
        return Ok(false);
    }
    let reason = format!("{in_a_row} deliveries in a row were given up, each tried for about a day. {why}");
    switch_off(tx, env, hook_id, &reason)
}

/// The server switches a place off by itself, and says so.
fn switch_off(tx: &mut Tx, env: &Env, id: &str, why: &str) -> Result<bool, DbError> {
    let Some(hook) = webhooks::lock(tx, id)?.filter(|hook| hook.active) else { return Ok(false) };
    webhooks::set_active(tx, id, false, why)?;
    let notice = Notice::OfficeWebhook {
        name: hook.name.clone(),
        place: place(&hook.url),
        why: why.to_owned(),
        path: paths::office_webhook(id),
    };
    notify::tell_staff(tx, env, Permission::ManageWebhooks, &notice)?;
    let changes = [Change::set("Name", hook.name), Change::new("Switched", "on", "off")];
    record(tx, env, &Actor::server(), "webhook.switched_off", id, &changes, why)?;
    Ok(true)
}

/// Keeps what the other system calls the client or the deal, so that what it sends finds them.
fn adopt(
    tx: &mut Tx,
    env: &Env,
    hook_id: &str,
    delivery: &Delivery,
    external_id: &str,
) -> Result<(), DbError> {
    let Some(hook) = webhooks::by_id(tx, hook_id)? else { return Ok(()) };
    // A test is about nobody.
    let Ok(client) = delivery.subject_id.parse::<i64>() else { return Ok(()) };
    if delivery.subject != "client" {
        return Ok(());
    }
    let (kind, number, kept) = match hook.outline.answer_of.as_str() {
        "client" => ("client", client, clients::adopt_external(tx, client, external_id)?),
        "deal" => {
            // The one that the client came with.
            let first = deals::of_client(tx, client)?.into_iter().map(|deal| deal.number).min();
            let Some(deal) = first else { return Ok(()) };
            ("deal", deal, deals::adopt_external(tx, deal, external_id)?)
        }
        _ => return Ok(()),
    };
    if !kept {
        tracing::warn!(kind, number, external_id, "the identifier was not kept: there is another already");
        return Ok(());
    }
    let changes = [Change::set("External identifier", external_id), Change::set("Said by", hook.name)];
    let (what, number) = (format!("{kind}.external_set"), number.to_string());
    let act = Act { what: &what, on: (kind, &number), changes: &changes, reason: "" };
    audit::record(tx, env, &Actor::server(), act)
}

/// Deletes old deliveries, one batch; returns how many those were.
///
/// # Errors
/// When the database says no.
pub fn sweep(tx: &mut Tx, env: &Env) -> Result<u64, DbError> {
    webhook_deliveries::sweep(tx, env.now, SWEEP_BATCH)
}

/// How long the tries of one delivery go on, in hours, for pages.
pub fn retried_for_hours() -> i64 {
    let pauses = (1..retry::TRIES).filter_map(|tries| retry::pause(tries, None, 128));
    pauses.sum::<i64>() / (3_600 * SECOND)
}
