//! A difference is mended: what the report saw is looked at once more, so that nothing is changed that has changed since, and
//! nothing is done twice.

use domain::{
    claim::keys::email_key,
    deal::DealStatus,
    money::Money,
    reconcile::{Difference, Mend, compare, mends},
    text::Message,
};
use serde::{Deserialize, Serialize};
use store::{
    Tx,
    deals::{self as stored_deals, Deal},
    reconciliations::{self as stored, Item, Standing, State},
};

use super::ReconcileError;
use crate::{
    app::Env,
    ops::{
        Actor,
        audit::{self, Act, Change},
        crm::{self, mapping::News},
        deals::{self, DealError},
        webhook_events,
    },
};

/// What a line says of a deal that isn't here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The client's name.
    pub name: String,
    /// The client's email address.
    pub email: String,
    /// The client's phone number.
    pub phone: String,
    /// Our number of the client.
    pub client: String,
    /// The partner's code.
    pub code: String,
    /// What the deal is about.
    pub title: String,
    /// Why it was lost.
    pub reason: String,
}

impl Said {
    /// What news says, as it is kept, and the key of the email address in it.
    pub(super) fn of(news: &News) -> (String, String) {
        let short = |text: &str| text.chars().take(500).collect::<String>();
        let said = Said {
            name: short(&news.name),
            email: short(&news.email),
            phone: short(&news.phone),
            client: short(&news.client),
            code: short(&news.code),
            title: short(&news.title),
            reason: short(&news.reason),
        };
        let text = serde_json::to_string(&said).expect("texts make JSON");
        (text, email_key(&news.email))
    }

    /// Why the deal was lost, as it is kept: all that a line about a deal of ours needs to say.
    pub(super) fn why(news: &News) -> String {
        let reason: String = news.reason.chars().take(500).collect();
        if reason.is_empty() {
            return reason;
        }
        serde_json::to_string(&Said { reason, ..Said::default() }).expect("texts make JSON")
    }

    /// Reads it back; nothing once it is forgotten.
    pub fn read(text: &str) -> Said {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What can be done about a difference. `deal` is the deal as it stands now; nothing is offered where that isn't what the
/// report saw.
pub fn offered(item: &Item, deal: Option<&Deal>, can_post: bool) -> Vec<Mend> {
    if item.state != State::Open {
        return vec![];
    }
    let ours = match (item.ours, deal) {
        (Some(seen), Some(deal)) if Standing::of(deal) == seen => Some(seen.compared(deal)),
        (Some(_), _) => return vec![],
        (None, _) => None,
    };
    let said = Said::read(&item.said);
    let can_enter = !said.name.is_empty() || !said.client.is_empty();
    let mut offered = mends(item.difference, item.theirs.as_ref(), ours.as_ref());
    offered.retain(|mend| match mend {
        Mend::Enter => can_enter,
        Mend::Post => can_post,
        Mend::Name => !item.external_id.is_empty() && deal.is_some_and(|deal| deal.external_id.is_none()),
        _ => true,
    });
    offered
}

impl From<DealError> for ReconcileError {
    fn from(error: DealError) -> ReconcileError {
        match error {
            DealError::Db(error) => ReconcileError::Db(error),
            error => ReconcileError::Refused(error.to_string()),
        }
    }
}

fn open_item(tx: &mut Tx, id: &str, n: i64) -> Result<Item, ReconcileError> {
    let item = stored::lock_item(tx, id, n)?.ok_or(ReconcileError::Unknown)?;
    if item.state == State::Open { Ok(item) } else { Err(ReconcileError::Done) }
}

/// Mends a difference.
///
/// # Errors
/// [`ReconcileError::Done`] when somebody was faster, [`ReconcileError::Changed`] when our deal is not what the report saw.
pub fn mend(tx: &mut Tx, env: &Env, by: &Actor, id: &str, n: i64, mend: Mend) -> Result<(), ReconcileError> {
    let mut item = open_item(tx, id, n)?;
    let deal = match item.deal_number {
        Some(number) => Some(stored_deals::lock(tx, number)?.ok_or(ReconcileError::Unknown)?),
        None => None,
    };
    if !offered(&item, deal.as_ref(), true).contains(&mend) {
        return Err(deal.map_or(ReconcileError::Unknown, |deal| ReconcileError::Changed(deal.number)));
    }
    let done = match &deal {
        None => enter(tx, env, by, &mut item)?,
        Some(deal) => bring(tx, env, by, &item, deal, mend)?,
    };
    let changes = [Change::set("Difference", item.difference.label()), Change::set("Done", &done)];
    let act =
        Act { what: "reconciliation.mended", on: ("reconciliation", id), changes: &changes, reason: "" };
    audit::record(tx, env, by, act)?;
    if mend == Mend::Name
        && let Some(further) = still_differs(tx, &item)?
    {
        return Ok(stored::set_difference(tx, id, n, further, &done)?);
    }
    let settled = Item { state: State::Mended, why: done, ..item };
    Ok(stored::settle(tx, id, &settled, &by.id, env.now)?)
}

/// How a deal that was linked differs all the same.
fn still_differs(tx: &mut Tx, item: &Item) -> Result<Option<Difference>, ReconcileError> {
    let deal = match item.deal_number {
        Some(number) => stored_deals::by_number(tx, number)?,
        None => None,
    };
    let (Some(theirs), Some(deal)) = (item.theirs, deal) else { return Ok(None) };
    Ok(compare(&theirs, &Standing::of(&deal).compared(&deal)))
}

/// Enters a deal that isn't here, and brings it to where the CRM says it stands.
fn enter(tx: &mut Tx, env: &Env, by: &Actor, item: &mut Item) -> Result<String, ReconcileError> {
    if !item.external_id.is_empty()
        && let Some(number) = stored_deals::by_external(tx, &item.external_id)?
    {
        return Err(ReconcileError::Refused(format!(
            "This deal has come by another way since the lists were compared: it is T-{number}."
        )));
    }
    let said = Said::read(&item.said);
    let news = News {
        deal: item.external_id.clone(),
        client: said.client,
        name: said.name,
        email: said.email,
        phone: said.phone,
        code: said.code,
        title: said.title,
        ..News::default()
    };
    let number = crm::find_or_enter(tx, env, by, &news)?;
    item.deal_number = Some(number);
    let entered = format!("T-{number} was entered");
    match item.theirs.map(|theirs| (theirs.status, theirs.amount)) {
        Some((DealStatus::Won, Some(amount))) => {
            deals::win(tx, env, by, number, amount)?;
            Ok(format!("{entered} and closed successfully with {}.", env.programme.currency.format(amount)))
        }
        Some((DealStatus::Lost, _)) => {
            deals::lose(tx, env, by, number, &reason(&said.reason, &item.stage))?;
            Ok(format!("{entered} and closed unsuccessfully."))
        }
        _ => Ok(format!("{entered}.")),
    }
}

/// Why a deal is changed, as its history says.
fn reason(said: &str, stage: &str) -> String {
    let said = Message::parse(said).map(|reason| reason.to_string());
    said.unwrap_or_else(|_| match stage {
        "" => "The CRM has no such deal.".to_owned(),
        stage => format!("The CRM says {stage}."),
    })
}

/// Does to a deal of ours what a mend says.
fn bring(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    item: &Item,
    deal: &Deal,
    mend: Mend,
) -> Result<String, ReconcileError> {
    let number = deal.number;
    let format = |amount| env.programme.currency.format(amount);
    let amount = item.theirs.and_then(|theirs| theirs.amount).unwrap_or(Money::ZERO);
    if mend != Mend::Post && deal.external_id.is_none() && !item.external_id.is_empty() {
        if !stored_deals::adopt_external(tx, number, &item.external_id)? {
            return Err(ReconcileError::Refused(format!(
                "{} is another deal here by now. Nothing was done; compare a new list.",
                item.external_id
            )));
        }
        let (text, named) = (number.to_string(), [Change::set("External identifier", &item.external_id)]);
        let act = Act { what: "deal.external_set", on: ("deal", &text), changes: &named, reason: "" };
        audit::record(tx, env, by, act)?;
    }
    let says = reason("", &item.stage);
    Ok(match mend {
        Mend::Name => format!("T-{number} is known as {} now.", item.external_id),
        Mend::Win => {
            deals::win(tx, env, by, number, amount)?;
            format!("T-{number} was closed successfully with {}.", format(amount))
        }
        Mend::Lose => {
            deals::lose(tx, env, by, number, &reason(&Said::read(&item.said).reason, &item.stage))?;
            format!("T-{number} was closed unsuccessfully.")
        }
        Mend::Reopen => {
            deals::reopen(tx, env, by, number, &says)?;
            format!("T-{number} was opened again.")
        }
        Mend::WinAgain => {
            deals::reopen(tx, env, by, number, &says)?;
            deals::win(tx, env, by, number, amount)?;
            format!("T-{number} was closed again, with {}.", format(amount))
        }
        Mend::LoseAgain => {
            deals::reopen(tx, env, by, number, &says)?;
            deals::lose(tx, env, by, number, &reason(&Said::read(&item.said).reason, &item.stage))?;
            format!("T-{number} was opened again and closed unsuccessfully.")
        }
        Mend::Refund => {
            let left = deal.won.as_ref().map_or(Money::ZERO, |won| won.remaining());
            let back = left - amount;
            let why = format!("The CRM says {}; {} were left here.", format(amount), format(left));
            deals::refund(tx, env, by, number, back, &why)?;
            format!("A refund of {} was recorded for T-{number}.", format(back))
        }
        Mend::Post => {
            if webhook_events::post_to_crm(tx, env, deal)? == 0 {
                return Err(ReconcileError::Refused(
                    "No CRM is set up to be told of clients: see Webhooks.".to_owned(),
                ));
            }
            format!("C-{} was posted to the CRM.", deal.client_number)
        }
        Mend::Enter => return Err(ReconcileError::Changed(number)),
    })
}

/// How many deals are linked in one transaction.
const LINKED: i64 = 100;

/// Links deals that the list names by our transaction number, one batch after a place in the report. What has changed since is
/// passed over. Returns the last place that was looked at; none at the end.
///
/// # Errors
/// [`ReconcileError::Unknown`] when there is no such report.
pub fn link(tx: &mut Tx, env: &Env, by: &Actor, id: &str, after: i64) -> Result<Option<i64>, ReconcileError> {
    stored::by_id(tx, id)?.ok_or(ReconcileError::Unknown)?;
    let items = stored::items(tx, id, State::Open, Some(Difference::Unnamed), after, LINKED)?;
    // What was only found by a guess is for a person to decide.
    for item in items.iter().filter(|item| item.why.is_empty()) {
        let Some(number) = item.deal_number else { continue };
        let free = stored_deals::by_number(tx, number)?.is_some_and(|deal| deal.external_id.is_none())
            && stored_deals::by_external(tx, &item.external_id)?.is_none();
        if free {
            match mend(tx, env, by, id, item.n, Mend::Name) {
                Ok(()) | Err(ReconcileError::Done | ReconcileError::Changed(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(items.last().map(|item| item.n))
}

/// Leaves a difference as it is.
///
/// # Errors
/// [`ReconcileError::Done`] when somebody was faster.
pub fn leave(tx: &mut Tx, env: &Env, by: &Actor, id: &str, n: i64) -> Result<(), ReconcileError> {
    let item = open_item(tx, id, n)?;
    let mut changes = vec![Change::set("Difference", item.difference.label())];
    changes.extend(item.deal_number.map(|number| Change::set("Deal", format!("T-{number}"))));
    changes.extend(Some(Change::set("Line", item.line.to_string())).filter(|_| item.line > 0));
    let act = Act { what: "reconciliation.left", on: ("reconciliation", id), changes: &changes, reason: "" };
    audit::record(tx, env, by, act)?;
    let settled = Item { state: State::Left, ..item };
    Ok(stored::settle(tx, id, &settled, &by.id, env.now)?)
}
