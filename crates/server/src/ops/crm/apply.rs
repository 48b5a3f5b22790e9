//! A piece of news from the CRM is applied: the deal is brought to where the CRM says it stands. News says how things are, not
//! what to do: told twice, nothing happens the second time; told in the wrong order, the older one comes too late.

use domain::{
    deal::DealStatus,
    money::Money,
    text::{Email, Message, Name, Phone, Telegram, optional},
};
use serde_json::Value;
use store::{
    DbError, Tx, aliases, clients as stored_clients,
    crm::{self, Item, Source, Status},
    deals::{self as stored_deals, Deal},
};

use super::{
    CrmError, kept,
    mapping::{Mapping, Meaning, News},
    mapping_of, read_items,
};
use crate::{
    app::Env,
    ops::{
        Actor,
        audit::{self, Act, Change},
        clients::{self, ClientError, Contact},
        deals::{self, DealError},
        reconcile::ReconcileError,
    },
};

/// News that nobody looked at within this time (microseconds) has been left behind by a server that ended.
const LEFT_BEHIND: i64 = 60 * domain::clock::SECOND;
/// How much of it is looked for at once.
const BATCH: i64 = 50;
/// The longest external identifier, as the API takes it.
const LONGEST_EXTERNAL: usize = 200;

/// What became of a piece of news.
enum Outcome {
    Done(String, Option<i64>),
    Waits(String, Option<i64>),
    Ignored(String),
    Outdated(String, i64),
}

/// Why a piece of news could not be tried to the end.
enum Stop {
    Waits(String),
    /// Another piece of news has entered the same client or deal just now: nothing of this try may stay.
    Raced,
    Fails(DealError),
    Db(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Stop {
        Stop::Db(error)
    }
}

impl From<DealError> for Stop {
    fn from(error: DealError) -> Stop {
        match error {
            DealError::Db(error) => Stop::Db(error),
            error @ DealError::Ledger(_) => Stop::Fails(error),
            error @ (DealError::Unknown | DealError::Refused(_)) => Stop::Waits(error.to_string()),
        }
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Stop {
        match error {
            ClientError::Db(error) => Stop::Db(error),
            ClientError::Known { .. } => Stop::Raced,
            error @ ClientError::Unknown => Stop::Waits(error.to_string()),
        }
    }
}

/// Applies a piece of news that is new or waits. With it comes where it stands afterwards.
///
/// # Errors
/// [`CrmError::Unknown`] when there is no such piece, [`CrmError::Done`] when it doesn't wait any more.
pub fn apply(tx: &mut Tx, env: &Env, id: &str) -> Result<Status, CrmError> {
    let item = crm::lock_item(tx, id)?.ok_or(CrmError::Unknown)?;
    if !matches!(item.status, Status::New | Status::Waiting) {
        return Err(CrmError::Done);
    }
    let source = crm::source_by_id(tx, &item.source_id)?.ok_or(CrmError::Unknown)?;
    let mapping = mapping_of(&source);
    let Some(content) = content(tx, env, &mapping, &item)? else {
        crm::settle(tx, id, Status::Waiting, super::UNREADABLE, None, None, env.now)?;
        return Ok(Status::Waiting);
    };
    let news = mapping.read(&content);
    let outcome = match work(tx, env, &source, &mapping, &news) {
        Ok(outcome) => outcome,
        Err(Stop::Waits(why)) => Outcome::Waits(why, None),
        Err(Stop::Raced) => return Err(CrmError::Raced),
        Err(Stop::Fails(error)) => return Err(error.into()),
        Err(Stop::Db(error)) => return Err(error.into()),
    };
    let (status, why, deal) = match outcome {
        Outcome::Done(what, deal) => (Status::Applied, what, deal),
        Outcome::Waits(why, deal) => (Status::Waiting, why, deal),
        Outcome::Ignored(why) => (Status::Ignored, why, None),
        Outcome::Outdated(why, deal) => (Status::Outdated, why, Some(deal)),
    };
    let event = Some(news.event.as_str()).filter(|event| !event.is_empty() && status == Status::Applied);
    // The same one may be applied already: then it is not named once more.
    let event = match event {
        Some(event) if crm::has_event(tx, &source.id, event)? => None,
        event => event,
    };
    crm::settle(tx, id, status, &why, deal, event, env.now)?;
    Ok(status)
}

/// The piece of news as it is read now. Where it could not be read when it came, or where the mapping has learned since that
/// there is a list in it, it is read from what came.
fn content(tx: &mut Tx, env: &Env, mapping: &Mapping, item: &Item) -> Result<Option<Value>, DbError> {
    let known: Option<Value> = serde_json::from_str(&item.content).ok();
    let Some(payload) = crm::payload(tx, &item.payload_id)? else { return Ok(known) };
    let Some(items) = read_items(mapping, &payload) else { return Ok(known) };
    if known.as_ref().is_some_and(|known| items.contains(known)) || crm::items_of(tx, &payload.id)? > 1 {
        return Ok(known);
    }
    let mut items = items.into_iter();
    let Some(first) = items.next() else { return Ok(known) };
    crm::set_content(tx, &item.id, &kept(&first))?;
    for further in items {
        let id = env.ids.uuid(env.now);
        crm::insert_item(tx, &id, &payload, &kept(&further), Status::New, "", env.now)?;
    }
    Ok(Some(first))
}

fn work(tx: &mut Tx, env: &Env, source: &Source, mapping: &Mapping, news: &News) -> Result<Outcome, Stop> {
    if news.stage.is_empty() {
        let pointer = mapping.pointer("stage");
        let why = if pointer.is_empty() {
            "The mapping doesn't say where the stage stands.".to_owned()
        } else {
            format!("No stage stands at {pointer}.")
        };
        return Ok(Outcome::Waits(why, None));
    }
    let Some(meaning) = mapping.meaning(&news.stage) else {
        return Ok(Outcome::Waits(
            format!("The mapping doesn't say what the stage \"{}\" means.", news.stage),
            None,
        ));
    };
    let Some(wanted) = meaning.status() else {
        return Ok(Outcome::Ignored(format!("The stage \"{}\" is of no interest here.", news.stage)));
    };
    if !news.event.is_empty() && crm::has_event(tx, &source.id, &news.event)? {
        return Ok(Outcome::Done("This event has been applied before.".into(), None));
    }
    let by = Actor::token(source.id.as_str(), source.name.as_str());
    let number = match find(tx, env, &by, news)? {
        Ok(number) => number,
        Err(why) => return Ok(Outcome::Waits(why, None)),
    };
    let deal = stored_deals::lock(tx, number)?.ok_or(DealError::Unknown)?;
    if let (Some(order), Some(came_to)) = (news.order(), crm::came_to(tx, &source.id, number)?)
        && order < came_to
    {
        return Ok(Outcome::Outdated(format!("Later news about T-{number} came before."), number));
    }
    let outcome = bring(tx, env, &by, &deal, wanted, meaning, news)?;
    if let (Some(order), Outcome::Done(..)) = (news.order(), &outcome) {
        crm::set_came_to(tx, &source.id, number, order)?;
    }
    Ok(outcome)
}

/// The deal that news is about, entered where it isn't known, as [`apply`] does; for a list that the CRM has written.
///
/// # Errors
/// [`ReconcileError::Refused`] with the sentence that says why there is none.
pub(in crate::ops) fn find_or_enter(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    news: &News,
) -> Result<i64, ReconcileError> {
    match find(tx, env, by, news) {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(why)) | Err(Stop::Waits(why)) => Err(ReconcileError::Refused(why)),
        Err(Stop::Raced) => Err(ReconcileError::Done),
        Err(Stop::Fails(error)) => Err(error.into()),
        Err(Stop::Db(error)) => Err(error.into()),
    }
}

/// The number that people write after a letter: T-2077, t2077, 2077.
fn number_of(text: &str, letter: char) -> Option<i64> {
    let digits = text.trim_start_matches([letter, letter.to_ascii_lowercase()]).trim_start_matches('-');
    digits.parse().ok().filter(|number| *number > 0)
}

/// The deal that is meant, entered with its client where it is not known and the news says enough; or why there is none.
fn find(tx: &mut Tx, env: &Env, by: &Actor, news: &News) -> Result<Result<i64, String>, Stop> {
    if news.deal.chars().count() > LONGEST_EXTERNAL {
        return Ok(Err(format!("What the CRM calls the deal is longer than {LONGEST_EXTERNAL} letters.")));
    }
    if !news.deal.is_empty()
        && let Some(number) = stored_deals::by_external(tx, &news.deal)?
    {
        return Ok(Ok(number));
    }
    for (sent, letter) in [(&news.number, 'T'), (&news.client, 'C')] {
        if !sent.is_empty() && number_of(sent, letter).is_none() {
            return Ok(Err(format!("\"{sent}\" is no number of ours; write it as {letter}-2077.")));
        }
    }
    if let Some(number) = number_of(&news.number, 'T') {
        return match stored_deals::by_number(tx, number)? {
            Some(deal) => name(tx, &deal, news).map(|()| Ok(number)),
            None => Ok(Err(format!("There is no T-{number}."))),
        };
    }
    if let Some(client) = number_of(&news.client, 'C') {
        if stored_clients::by_number(tx, client)?.is_none() {
            return Ok(Err(format!("There is no C-{client}.")));
        }
        let pending: Vec<Deal> = stored_deals::of_client(tx, client)?
            .into_iter()
            .filter(|deal| deal.status == DealStatus::Pending && deal.external_id.is_none())
            .collect();
        return match pending.as_slice() {
            [deal] => name(tx, deal, news).map(|()| Ok(deal.number)),
            [] if !news.deal.is_empty() => {
                Ok(Ok(clients::enter_deal(tx, env, by, client, &news.title, Some(&news.deal))?))
            }
            _ => Ok(Err(format!(
                "C-{client} has {} pending deals that the CRM has not named yet; say which by its transaction number.",
                pending.len()
            ))),
        };
    }
    if news.name.is_empty() {
        return Ok(Err(if news.deal.is_empty() {
            "The news says neither a deal of the CRM nor a number of ours.".into()
        } else {
            format!("No deal here is known as {}, and the news doesn't say whose it is.", news.deal)
        }));
    }
    enter(tx, env, by, news)
}

/// Keeps what the CRM calls a deal that was found by a number of ours.
fn name(tx: &mut Tx, deal: &Deal, news: &News) -> Result<(), Stop> {
    match &deal.external_id {
        _ if news.deal.is_empty() => Ok(()),
        None => Ok(stored_deals::set_external(tx, deal.number, &news.deal)?),
        Some(known) if *known == news.deal => Ok(()),
        Some(known) => Err(Stop::Waits(format!(
            "T-{} is known as {known} in the CRM, not as {}.",
            deal.number, news.deal
        ))),
    }
}

/// Enters the client with the deal that the CRM knows.
fn enter(tx: &mut Tx, env: &Env, by: &Actor, news: &News) -> Result<Result<i64, String>, Stop> {
    let wrong = |what: &str, error: String| Stop::Waits(format!("The client's {what}: {error}"));
    let name = Name::parse(&news.name).map_err(|error| wrong("name", error.to_string()))?;
    let email = optional(&news.email, Email::parse).map_err(|error| wrong("email", error.to_string()))?;
    let phone = optional(&news.phone, Phone::parse).map_err(|error| wrong("phone", error.to_string()))?;
    let telegram =
        optional(&news.telegram, Telegram::parse).map_err(|error| wrong("Telegram", error.to_string()))?;
    let text = |value: Option<String>| value.unwrap_or_default();
    let contact = Contact {
        name: name.to_string(),
        email: text(email.map(|email| email.to_string())),
        phone: text(phone.map(|phone| phone.to_string())),
        telegram: text(telegram.map(|telegram| telegram.to_string())),
        typed: code(tx, &news.code)?,
        deal_external_id: Some(news.deal.clone()).filter(|id| !id.is_empty()),
        ..Contact::default()
    };
    let received = clients::enter(tx, env, by, &contact)?;
    let number =
        received.deal_number.ok_or_else(|| Stop::Waits("The client was entered without a deal.".into()))?;
    Ok(Ok(number))
}

/// The code that a field of the CRM holds: a code, or a word of a partner.
fn code(tx: &mut Tx, text: &str) -> Result<Option<domain::referral_code::Reading>, DbError> {
    use domain::{
        alias::Alias,
        referral_code::{Reading, ReferralCode},
    };
    let read = ReferralCode::read(text);
    if read.as_ref().is_some_and(|reading| reading.repaired_from.is_none()) {
        return Ok(read);
    }
    let word = Alias::read(text).map(|alias| aliases::code_of(tx, &alias)).transpose()?.flatten();
    Ok(word.map(|code| Reading { code, repaired_from: None }).or(read))
}

/// Brings a deal to where the CRM says it stands.
fn bring(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    deal: &Deal,
    wanted: DealStatus,
    meaning: Meaning,
    news: &News,
) -> Result<Outcome, Stop> {
    let number = deal.number;
    let currency = env.programme.currency;
    let done = |what: String| Ok(Outcome::Done(what, Some(number)));
    let amount = match meaning {
        Meaning::Won => match news.money(currency) {
            Ok(amount) if amount.is_positive() => amount,
            Ok(_) => {
                return Ok(Outcome::Waits("A deal is won with an amount above zero.".into(), Some(number)));
            }
            Err(why) => return Ok(Outcome::Waits(why, Some(number))),
        },
        _ => Money::ZERO,
    };
    if deal.status == wanted {
        let known = deal.won.as_ref().map(|won| won.amount);
        return match known.filter(|known| wanted == DealStatus::Won && *known != amount) {
            // What is booked is never changed behind anybody's back.
            Some(known) => Ok(Outcome::Waits(
                format!(
                    "T-{number} is won with {}, the CRM says {}: record a refund, or open it again and apply this.",
                    currency.format(known),
                    currency.format(amount)
                ),
                Some(number),
            )),
            None => done(format!("T-{number} is {} already.", label(wanted))),
        };
    }
    // Without a time it may be late news, and opening takes a commission back.
    if wanted == DealStatus::Pending && news.order().is_none() {
        let why = format!(
            "T-{number} is {}, the CRM says {} and not when: open it again by hand if that is so.",
            label(deal.status),
            news.stage
        );
        return Ok(Outcome::Waits(why, Some(number)));
    }
    if deal.status != DealStatus::Pending {
        deals::reopen(tx, env, by, number, &format!("The CRM says {}.", news.stage))?;
    }
    match wanted {
        DealStatus::Pending => done(format!("T-{number} was opened again.")),
        DealStatus::Won => {
            deals::win(tx, env, by, number, amount)?;
            done(format!("T-{number} was closed successfully with {}.", currency.format(amount)))
        }
        DealStatus::Lost => {
            let reason = Message::parse(&news.reason).map(|reason| reason.to_string());
            let reason = reason.unwrap_or_else(|_| format!("The CRM says {}.", news.stage));
            deals::lose(tx, env, by, number, &reason)?;
            done(format!("T-{number} was closed unsuccessfully."))
        }
    }
}

fn label(status: DealStatus) -> String {
    status.label().to_lowercase()
}

/// Sets a piece of news aside that waits.
///
/// # Errors
/// [`CrmError::Done`] when it doesn't wait any more.
pub fn ignore(tx: &mut Tx, env: &Env, by: &Actor, id: &str) -> Result<(), CrmError> {
    let item = crm::lock_item(tx, id)?.ok_or(CrmError::Unknown)?;
    if item.status != Status::Waiting {
        return Err(CrmError::Done);
    }
    crm::settle(
        tx,
        id,
        Status::Ignored,
        &format!("Set aside by {}. {}", by.name, item.why),
        None,
        None,
        env.now,
    )?;
    let changes = [Change::set("News", &item.id), Change::set("It waited because", &item.why)];
    let act = Act { what: "crm.ignored", on: ("crm", &item.source_id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Records that somebody has news tried once more that waits: all of a CRM's, or one piece.
///
/// # Errors
/// [`CrmError::Unknown`] when there is no such CRM or piece of news.
pub fn record_again(tx: &mut Tx, env: &Env, by: &Actor, again: Again<'_>) -> Result<(), CrmError> {
    let (source_id, news) = match again {
        Again::All(id) => (id.to_owned(), "All that waits".to_owned()),
        Again::One(id) => {
            let item = crm::item_by_id(tx, id)?.ok_or(CrmError::Unknown)?;
            (item.source_id, item.id)
        }
    };
    crm::source_by_id(tx, &source_id)?.ok_or(CrmError::Unknown)?;
    let changes = [Change::set("News", news)];
    let act = Act { what: "crm.tried_again", on: ("crm", &source_id), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// What is tried once more, by its identifier.
#[derive(Debug, Clone, Copy)]
pub enum Again<'a> {
    /// Everything of a CRM that waits.
    All(&'a str),
    /// One piece of news.
    One(&'a str),
}

/// News that a server has left behind, the oldest first.
///
/// # Errors
/// When the database says no.
pub fn unseen(tx: &mut Tx, env: &Env) -> Result<Vec<String>, DbError> {
    crm::unseen(tx, env.now.plus(-LEFT_BEHIND), BATCH)
}

/// Has a piece of news wait for somebody to look at that can't be applied for a reason that is none of its own.
///
/// # Errors
/// When the database says no.
pub fn park(tx: &mut Tx, env: &Env, id: &str) -> Result<(), DbError> {
    let why = "It could not be applied; the server's log says why. Try it once more.";
    crm::settle(tx, id, Status::Waiting, why, None, None, env.now)
}
