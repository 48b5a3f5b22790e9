//! A client leaves a contact, and what sales writes down about clients.

use domain::{
    attribution::{Evidence, Method, Visit, decide},
    money::Money,
    referral_code::{Reading, ReferralCode},
    source::Source,
    text::Message,
};
use store::{
    DbError, SqlErrorKind, Tx,
    clients::{self, NewAttribution, NewClient},
    deals::{self, NewEvent},
    partners::{self, PartnerDay},
    sources::{self, PartnerSource},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    webhook_events,
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// What a client sends with the contact form.
#[derive(Debug, Clone, Default)]
pub struct Contact {
    /// What the client is called.
    pub name: String,
    /// Email address, or empty.
    pub email: String,
    /// Phone number, or empty.
    pub phone: String,
    /// Telegram account with its `@`, or empty.
    pub telegram: String,
    /// What the client wrote.
    pub message: String,
    /// The random identifier of the form: sent twice, it makes one client.
    pub submission: Option<String>,
    /// Who recommended us, as the client typed it.
    pub typed: Option<Reading>,
    /// The code that the form carried along from the link.
    pub carried: Option<Reading>,
    /// The link followed before, as the cookie remembers it.
    pub cookie: Option<Visit>,
    /// Where the link stood that was followed, as the form carried it along.
    pub source: Source,
    /// What the company's own system calls the client.
    pub external_id: Option<String>,
    /// What it calls the deal that the client comes with.
    pub deal_external_id: Option<String>,
}

/// A client who was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The client number.
    pub client_number: i64,
    /// The deal that the client came with; none when this form had been received before.
    pub deal_number: Option<i64>,
    /// Whether this form had been received before.
    pub again: bool,
}

/// Makes a client with one pending deal, attributed to the partner whose link or code the client used.
///
/// # Errors
/// When the database says no.
pub fn receive(tx: &mut Tx, env: &Env, contact: &Contact) -> Result<Received, DbError> {
    receive_by(tx, env, contact, None)
}

/// Enters a client that the company's own system knows, as if the client had sent the form.
///
/// # Errors
/// [`ClientError::Known`] when another client has the external identifier.
pub fn enter(tx: &mut Tx, env: &Env, by: &Actor, contact: &Contact) -> Result<Received, ClientError> {
    if let Some(external_id) = &contact.external_id
        && let Some(number) = clients::by_external(tx, external_id)?
    {
        return Err(ClientError::Known { what: "client", number: format!("C-{number}") });
    }
    let received = receive_by(tx, env, contact, Some(by)).map_err(|error| taken(error, "client"))?;
    let number = received.client_number.to_string();
    let mut changes = vec![Change::set("Name", &contact.name)];
    changes.extend(contact.external_id.as_ref().map(|id| Change::set("External identifier", id)));
    let act = Act { what: "client.entered", on: ("client", &number), changes: &changes, reason: "" };
    audit::record(tx, env, by, act)?;
    Ok(received)
}

/// Somebody else was faster with the same external identifier: the unique index has said so.
fn taken(error: DbError, what: &'static str) -> ClientError {
    match error.kind() {
        Some(SqlErrorKind::Unique) => ClientError::Known { what, number: "just added".into() },
        _ => ClientError::Db(error),
    }
}

fn receive_by(tx: &mut Tx, env: &Env, contact: &Contact, by: Option<&Actor>) -> Result<Received, DbError> {
    // Looked up before: a number that an insert was refused would be left out of the sequence.
    if let Some(submission) = &contact.submission
        && let Some(client_number) = clients::by_submission(tx, submission)?
    {
        return Ok(Received { client_number, deal_number: None, again: true });
    }
    let verdict = attribute(tx, env, contact)?;
    let source = verdict.as_ref().map_or(Source::UNKNOWN, |verdict| verdict.source);
    let client = NewClient {
        name: contact.name.clone(),
        email: contact.email.clone(),
        phone: contact.phone.clone(),
        telegram: contact.telegram.clone(),
        message: contact.message.clone(),
        submission: contact.submission.clone(),
        partner_id: verdict.as_ref().and_then(|verdict| verdict.partner_id.clone()),
        external_id: contact.external_id.clone(),
        source: source.to_string(),
    };
    let Some(number) = clients::insert(tx, &client, env.now)? else {
        let submission = contact.submission.as_deref().unwrap_or_default();
        let number = clients::by_submission(tx, submission)?;
        let client_number = number.expect("a submission that conflicts has made a client");
        return Ok(Received { client_number, deal_number: None, again: true });
    };
    if let Some(verdict) = &verdict {
        let attribution = NewAttribution {
            id: env.ids.uuid(env.now),
            client_number: number,
            partner_id: verdict.partner_id.as_deref(),
            method: verdict.method,
            code: Some(verdict.code.to_string()),
            repaired_from: verdict.repaired_from.clone(),
            decided_by: None,
            reason: verdict.reason.clone(),
            claim: None,
            evidence: "",
        };
        clients::insert_attribution(tx, &attribution, env.now)?;
    }
    let deal = open_deal(tx, env, number, &contact.name, "", client.partner_id.as_deref(), by)?;
    if let Some(external_id) = &contact.deal_external_id {
        deals::set_external(tx, deal, external_id)?;
    }
    webhook_events::client_created(tx, env, number, deal)?;
    if client.partner_id.is_some() {
        webhook_events::client_attributed(tx, env, number, None)?;
    }
    if let Some(partner_id) = &client.partner_id {
        let notice = Notice::NewClient { client: number, name: contact.name.clone() };
        notify::tell(tx, env, partner_id, &notice)?;
        // Last, since every client of this partner changes these rows.
        partners::add_totals(tx, partner_id, 1, 0, Money::ZERO)?;
        let day = PartnerDay { clients: 1, ..PartnerDay::empty(env.now.day()) };
        partners::add_to_day(tx, partner_id, day)?;
        if !source.is_unknown() {
            let one = PartnerSource { source: source.to_string(), clients: 1, ..PartnerSource::default() };
            sources::add(tx, partner_id, env.now.day(), &one)?;
        }
    }
    Ok(Received { client_number: number, deal_number: Some(deal), again: false })
}

/// Which partner a new client belongs to, and what the history says about it.
struct Verdict {
    partner_id: Option<String>,
    method: Method,
    code: ReferralCode,
    repaired_from: Option<String>,
    reason: Option<String>,
    /// Where the link of that code stood; unknown unless there is a partner for whom it counts.
    source: Source,
}

fn attribute(tx: &mut Tx, env: &Env, contact: &Contact) -> Result<Option<Verdict>, DbError> {
    let evidence = Evidence {
        cookie: contact.cookie.filter(|visit| visit.within(env.programme.window(), env.now)),
        carried: contact.carried.as_ref().map(|reading| reading.code),
        typed: contact.typed.as_ref().map(|reading| reading.code),
    };
    let Some((code, method)) = decide(&evidence) else { return Ok(None) };
    let given = if method == Method::Code { &contact.typed } else { &contact.carried };
    let repaired_from = given
        .as_ref()
        .filter(|reading| reading.code == code)
        .and_then(|reading| reading.repaired_from.clone());
    let verdict = |partner_id, reason: Option<&str>| Verdict {
        partner_id,
        method,
        code,
        repaired_from: repaired_from.clone(),
        reason: reason.map(str::to_owned),
        source: Source::UNKNOWN,
    };
    let source = match (method, evidence.cookie) {
        (Method::Link, Some(visit)) if visit.code == code => visit.source.or(contact.source),
        (Method::Link | Method::Code, _) => contact.source,
        (Method::Claim | Method::Staff, _) => Source::UNKNOWN,
    };
    Ok(Some(match partners::by_code(tx, code)? {
        None => verdict(None, Some("No partner has this code.")),
        Some((_, true)) => {
            verdict(None, Some("The partner with this code is suspended and earns nothing new."))
        }
        Some((partner_id, false)) => Verdict { source, ..verdict(Some(partner_id), None) },
    }))
}

/// Why nothing could be added to a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// There is no such client.
    #[error("There is no client with this number.")]
    Unknown,
    /// Another one has the external identifier.
    #[error("There is a {what} with this external identifier already: {number}.")]
    Known {
        /// Client or deal.
        what: &'static str,
        /// Its number, as people write it.
        number: String,
    },
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Opens another deal with a client who is known already.
///
/// # Errors
/// [`ClientError::Unknown`] when there is no such client.
pub fn add_deal(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    client_number: i64,
    title: &str,
) -> Result<i64, ClientError> {
    // Locked, so that the deal belongs to whom the client belongs to, also when that is being decided just now.
    let client = clients::lock(tx, client_number)?.ok_or(ClientError::Unknown)?;
    let partner_id = client.partner.as_ref().map(|partner| partner.id.as_str());
    let number = open_deal(tx, env, client_number, &client.name, title, partner_id, Some(by))?;
    let changes =
        [Change::set("Client", format!("C-{client_number} {}", client.name)), Change::set("About", title)];
    let on = ("deal", &*number.to_string());
    audit::record(tx, env, by, Act { what: "deal.opened", on, changes: &changes, reason: "" })?;
    Ok(number)
}

fn open_deal(
    tx: &mut Tx,
    env: &Env,
    client_number: i64,
    client_name: &str,
    title: &str,
    partner_id: Option<&str>,
    by: Option<&Actor>,
) -> Result<i64, DbError> {
    let number = deals::insert(tx, client_number, client_name, title, partner_id, env.now)?;
    let event = NewEvent {
        id: env.ids.uuid(env.now),
        deal_number: number,
        kind: "created",
        actor_id: by.map(|actor| actor.id.as_str()),
        amount: None,
        reason: None,
    };
    deals::insert_event(tx, &event, env.now)?;
    Ok(number)
}

/// Opens a deal that the company's own system knows, like [`add_deal`].
///
/// # Errors
/// [`ClientError::Known`] when another deal has the external identifier.
pub fn enter_deal(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    client_number: i64,
    title: &str,
    external_id: Option<&str>,
) -> Result<i64, ClientError> {
    if let Some(external_id) = external_id
        && let Some(number) = deals::by_external(tx, external_id)?
    {
        return Err(ClientError::Known { what: "deal", number: format!("T-{number}") });
    }
    let number = add_deal(tx, env, by, client_number, title)?;
    if let Some(external_id) = external_id {
        deals::set_external(tx, number, external_id).map_err(|error| taken(error, "deal"))?;
    }
    Ok(number)
}

/// Keeps a note about a client.
///
/// # Errors
/// [`ClientError::Unknown`] when there is no such client.
pub fn add_note(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    client_number: i64,
    note: &Message,
) -> Result<(), ClientError> {
    clients::by_number(tx, client_number)?.ok_or(ClientError::Unknown)?;
    let id = env.ids.uuid(env.now);
    clients::insert_note(tx, &id, client_number, &by.id, &note.to_string(), env.now)?;
    let changes = [Change::set("Note", note)];
    let on = ("client", &*client_number.to_string());
    Ok(audit::record(tx, env, by, Act { what: "client.noted", on, changes: &changes, reason: "" })?)
}
