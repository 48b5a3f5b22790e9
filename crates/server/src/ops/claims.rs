//! Claims: a partner says that a client is theirs, sales looks at what speaks for it and rules.

use std::{cmp::Reverse, collections::BTreeMap};

use domain::{
    attribution::Method,
    claim::{
        ClaimAct, ClaimRefusal, ClaimStatus, due_day,
        keys::{Clues, Keys, likeness, name_key},
        matching::{self, Candidate, LEAST, LIKELY, Reason, STRONG, Statement, Visit},
        next_status,
    },
    clock::{DAY, Day, Timestamp},
    permission::Permission,
    referral_code::damage::Damage,
};
use store::{
    DbError, Tx,
    claims::{self, Claim, NewClaim},
    clients::{self, Attribution, Client},
    matching::{self as look, FoundClick},
    partners::{self, PartnerDay},
};

use super::{
    Actor,
    attribution::{AssignError, Decision, assign},
    audit::{self, Act, Change},
    stake::{self, Stake},
};
use crate::{
    app::Env,
    notify::{self, Notice},
    web::paths,
};

/// How many claims of a partner may be open at once.
pub const MOST_OPEN: i64 = 30;

/// Why a claim was not filed or withdrawn.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClaimError {
    /// Suspended partners get no new clients.
    #[error("Your account is suspended, so no client can be assigned to you. Please write to support.")]
    Suspended,
    /// Too many wait already.
    #[error(
        "{MOST_OPEN} of your claims are still open. Wait until some of them are answered, or withdraw one."
    )]
    TooMany,
    /// There is no such claim of this partner.
    #[error("There is no such claim.")]
    Unknown,
    /// It was ruled on or withdrawn before.
    #[error(transparent)]
    Refused(#[from] ClaimRefusal),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Files a claim. The same form again gives the same claim. The answer says nothing about the client.
///
/// # Errors
/// [`ClaimError`], whose text can be shown to the partner.
pub fn file(tx: &mut Tx, env: &Env, claim: &NewClaim) -> Result<i64, ClaimError> {
    if let Some(number) = claims::by_submission(tx, &claim.partner_id, &claim.submission)? {
        return Ok(number);
    }
    if partners::lock_suspended(tx, &claim.partner_id)? {
        return Err(ClaimError::Suspended);
    }
    if claims::open_of(tx, &claim.partner_id, MOST_OPEN)? >= MOST_OPEN {
        return Err(ClaimError::TooMany);
    }
    let due_on = due_day(env.now.day(), env.programme.claim_days);
    match claims::insert(tx, claim, due_on, env.now)? {
        Some(number) => Ok(number),
        // The same form, sent at the same moment, was faster.
        None => claims::by_submission(tx, &claim.partner_id, &claim.submission)?.ok_or(ClaimError::Unknown),
    }
}

/// Takes an open claim back.
///
/// # Errors
/// [`ClaimError`], whose text can be shown to the partner.
pub fn withdraw(tx: &mut Tx, env: &Env, partner_id: &str, number: i64) -> Result<(), ClaimError> {
    let claim = claims::lock(tx, number)?.filter(|claim| claim.partner.id == partner_id);
    let claim = claim.ok_or(ClaimError::Unknown)?;
    let status = next_status(claim.status, ClaimAct::Withdraw)?;
    claims::decide(tx, number, status, None, "", None, env.now)?;
    Ok(())
}

/// Why a claim was not ruled on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RuleError {
    /// There is no such claim.
    #[error("There is no claim with this number.")]
    Unknown,
    /// It was ruled on or withdrawn before.
    #[error(transparent)]
    Refused(#[from] ClaimRefusal),
    /// The client can't be given to the partner.
    #[error(transparent)]
    Assign(#[from] AssignError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What accepting a claim has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing: the client was the partner's already.
    Nothing,
    /// The client, who was nobody's.
    FromNobody,
    /// The client, who was another partner's.
    FromAnother,
}

/// Accepts a claim: the client is given to the partner, with deals and commissions. Where the client is the partner's
/// already nothing moves. `evidence` is what [`evidence`] has found before.
///
/// # Errors
/// [`RuleError`], whose text can be shown to staff.
pub fn accept(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    number: i64,
    client_number: i64,
    evidence: &str,
    reason: &str,
) -> Result<Moved, RuleError> {
    let claim = claims::lock(tx, number)?.ok_or(RuleError::Unknown)?;
    let status = next_status(claim.status, ClaimAct::Accept)?;
    let client = clients::lock(tx, client_number)?.ok_or(AssignError::UnknownClient)?;
    claims::decide(tx, number, status, Some(&by.id), reason, Some(client_number), env.now)?;
    notify::tell(tx, env, &claim.partner.id, &ruled(&claim, Some(client_number), reason))?;
    let moved = if client.partner.as_ref().is_some_and(|owner| owner.id == claim.partner.id) {
        Moved::Nothing
    } else {
        let decision = Decision {
            client: client_number,
            to: Some(claim.partner.id.clone()),
            method: Method::Claim,
            code: None,
            claim: Some(number),
            evidence: evidence.to_owned(),
            reason: reason.to_owned(),
        };
        match assign(tx, env, by, &decision)? {
            Some(_) => Moved::FromAnother,
            None => Moved::FromNobody,
        }
    };
    let changes = [
        Change::new("Status", claim.status.label(), status.label()),
        Change::set("Claimed by", &claim.partner.name),
        Change::set("Client", format!("C-{client_number} {}", client.name)),
        Change::set("Evidence", evidence),
    ];
    record(tx, env, by, "claim.accepted", number, &changes, reason)?;
    Ok(moved)
}

/// Rejects a claim.
///
/// # Errors
/// [`RuleError`], whose text can be shown to staff.
pub fn reject(tx: &mut Tx, env: &Env, by: &Actor, number: i64, reason: &str) -> Result<(), RuleError> {
    let claim = claims::lock(tx, number)?.ok_or(RuleError::Unknown)?;
    let status = next_status(claim.status, ClaimAct::Reject)?;
    claims::decide(tx, number, status, Some(&by.id), reason, None, env.now)?;
    notify::tell(tx, env, &claim.partner.id, &ruled(&claim, None, reason))?;
    let changes = [
        Change::new("Status", claim.status.label(), status.label()),
        Change::set("Claimed by", &claim.partner.name),
        Change::set("Client claimed", &claim.client_name),
    ];
    record(tx, env, by, "claim.rejected", number, &changes, reason)
}

fn ruled(claim: &Claim, accepted: Option<i64>, reason: &str) -> Notice {
    Notice::ClaimRuled { client_name: claim.client_name.clone(), accepted, reason: reason.to_owned() }
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    number: i64,
    changes: &[Change],
    reason: &str,
) -> Result<(), RuleError> {
    let number = number.to_string();
    Ok(audit::record(tx, env, by, Act { what, on: ("claim", &number), changes, reason })?)
}

/// How many overdue claims one run of the job tells of.
const TELL_BATCH: i64 = 20;

/// Tells staff of claims whose time is over, of each once. Returns how many; the caller comes again until none is left.
///
/// # Errors
/// When the database says no.
pub fn remind(tx: &mut Tx, env: &Env) -> Result<usize, DbError> {
    let overdue = claims::overdue(tx, env.now.day(), TELL_BATCH)?;
    for claim in &overdue {
        // Another server may have been faster.
        if !claims::set_told(tx, claim.number, env.now)? {
            continue;
        }
        let notice = Notice::OfficeClaim {
            client_name: claim.client_name.clone(),
            partner: claim.partner.name.clone(),
            path: paths::office_claim(claim.number),
        };
        notify::tell_staff(tx, env, Permission::RuleOnClaims, &notice)?;
    }
    Ok(overdue.len())
}

/// A client who may be the one that is claimed.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The client.
    pub client: Client,
    /// What speaks for it, the strongest first.
    pub reasons: Vec<Reason>,
    /// The history of whose the client is, newest first.
    pub history: Vec<Attribution>,
    /// What moves with the client.
    pub stake: Stake,
}

impl Proposal {
    /// How strong it is.
    pub fn points(&self) -> i64 {
        matching::points(&self.reasons)
    }
}

/// What happened around the day on which the partner sent the client.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The partner's days with visits: all that were counted.
    pub days: Vec<PartnerDay>,
    /// The visits through the partner's link, the earliest first.
    pub clicks: Vec<FoundClick>,
    /// Whether every visit of those days was looked for.
    pub complete: bool,
    /// Codes that could not be read and are close to the partner's, with what may have become of them.
    pub damaged: Vec<(look::DamagedCode, Damage)>,
}

/// How many days before and after the stated one are looked at.
const DAYS_BEFORE: i64 = 1;
const DAYS_AFTER: i64 = 14;
/// How many clients of those days are looked at.
const MOST_CLIENTS: i64 = 300;
/// Where there are more: how many are looked at after each trace, and how many traces of each kind.
const AFTER_TRACE: i64 = 20;
const MOST_TRACES: usize = 10;
/// How many clicks of all partners are walked through to find this partner's.
const MOST_WALKED: i64 = 200_000;
/// How many visits of the partner are taken.
const MOST_CLICKS: i64 = 200;
/// How many unreadable codes are compared with the partner's.
const MOST_DAMAGED: i64 = 5_000;
/// How many clients are proposed.
const MOST_PROPOSED: usize = 8;
/// From how many basis points on the names in two claims are taken for one client's.
const ALIKE: i64 = 6_000;

/// What a claim says, for comparing.
fn statement(claim: &Claim) -> Statement {
    Statement {
        name: name_key(&claim.client_name),
        clues: Clues::read(&claim.client_contact),
        sent_on: claim.sent_on,
        words: format!("{}\n{}", claim.how, claim.evidence),
    }
}

/// What happened around the day of a claim.
///
/// # Errors
/// When the database says no.
pub fn around(tx: &mut Tx, claim: &Claim) -> Result<Around, DbError> {
    let (first, last) = (Day(claim.sent_on.0 - DAYS_BEFORE), Day(claim.sent_on.0 + DAYS_AFTER));
    let mut around = Around { complete: true, ..Around::default() };
    around.days = partners::days(tx, &claim.partner.id, first)?
        .into_iter()
        .filter(|day| day.day <= last && day.clicks > 0)
        .collect();
    let mut budget = MOST_WALKED;
    let mut nearest = around.days.clone();
    nearest.sort_by_key(|day| (day.day.0 - claim.sent_on.0).abs());
    for day in nearest {
        let room = MOST_CLICKS - i64::try_from(around.clicks.len()).unwrap_or(MOST_CLICKS);
        let (from, to) = (day.day.start(), Day(day.day.0 + 1).start());
        let (found, complete) = look::clicks(tx, &claim.partner.id, from, to, &mut budget, room.max(0))?;
        around.complete &= complete && i64::try_from(found.len()).is_ok_and(|found| found < room);
        around.clicks.extend(found);
    }
    around.clicks.sort_by_key(|click| click.at);
    let partner = partners::by_id(tx, &claim.partner.id)?;
    let unreadable = look::damaged(tx, first.start(), Day(last.0 + 1).start(), MOST_DAMAGED)?;
    around.complete &= i64::try_from(unreadable.len()).is_ok_and(|found| found < MOST_DAMAGED);
    around.damaged = unreadable
        .into_iter()
        .filter_map(|damaged| {
            let damage = partner.as_ref()?.code.damage(&damaged.code)?;
            Some((damaged, damage))
        })
        .collect();
    Ok(around)
}

fn visits(around: &Around) -> Vec<Visit> {
    let clicks = around.clicks.iter();
    let damaged = around.damaged.iter();
    clicks
        .map(|click| Visit { at: click.at, source: click.source.clone(), damaged: false })
        .chain(damaged.map(|(code, _)| Visit { at: code.at, source: code.source.clone(), damaged: true }))
        .collect()
}

fn candidate(client: &Client) -> Candidate {
    Candidate {
        keys: Keys::of(&client.name, &client.email, &client.phone, &client.telegram),
        created_at: client.created_at,
    }
}

/// What speaks for one client, in sentences; nothing where claim or client don't exist. It walks through many visits: call
/// it before the transaction that accepts, which would hold up every other writer meanwhile.
///
/// # Errors
/// When the database says no.
pub fn evidence(tx: &mut Tx, number: i64, client_number: i64) -> Result<String, DbError> {
    let (claim, client) = (claims::by_number(tx, number)?, clients::by_number(tx, client_number)?);
    let Some((claim, client)) = claim.zip(client) else { return Ok(String::new()) };
    let visits = visits(&around(tx, &claim)?);
    let reasons = matching::reasons(&statement(&claim), &candidate(&client), &visits);
    Ok(reasons.iter().map(Reason::words).collect::<Vec<_>>().join(" "))
}

/// The clients that a claim may mean, the likeliest first.
///
/// # Errors
/// When the database says no.
pub fn proposals(tx: &mut Tx, claim: &Claim, around: &Around) -> Result<Vec<Proposal>, DbError> {
    let said = statement(claim);
    let mut clients: BTreeMap<i64, Client> = BTreeMap::new();
    let mut keep =
        |found: Vec<Client>| clients.extend(found.into_iter().map(|client| (client.number, client)));
    keep(look::by_keys(tx, &said.clues, &said.name)?);
    let (first, end) =
        (Day(claim.sent_on.0 - DAYS_BEFORE).start(), Day(claim.sent_on.0 + DAYS_AFTER + 1).start());
    keep(look::by_words(tx, &claim.client_name, first)?);
    let (found, all) = look::by_time(tx, first, end, MOST_CLIENTS)?;
    keep(found);
    if !all {
        // Too many to look at each: those who came soonest after a trace are the likeliest.
        for trace in traces(claim, around) {
            keep(look::by_time(tx, trace, trace.plus(DAY), AFTER_TRACE)?.0);
        }
    }
    let visits = visits(around);
    let mut found = Vec::new();
    for client in clients.into_values() {
        let reasons = matching::reasons(&said, &candidate(&client), &visits);
        if matching::points(&reasons) >= LEAST {
            found.push(Proposal { client, reasons, history: Vec::new(), stake: Stake::default() });
        }
    }
    found.sort_by_key(|proposal| (Reverse(proposal.points()), proposal.client.number));
    // Where one stands out, those for whom only the time speaks are noise.
    if found.first().is_some_and(|best| best.points() >= STRONG) {
        found.retain(|proposal| proposal.points() >= LIKELY);
    }
    found.truncate(MOST_PROPOSED);
    for proposal in &mut found {
        proposal.history = clients::attributions(tx, proposal.client.number)?;
        proposal.stake = stake::of_client(tx, proposal.client.number)?;
    }
    Ok(found)
}

/// Other open claims of the same partner that may be about the same client: by a contact, or by the name.
///
/// # Errors
/// When the database says no.
pub fn also_claimed(tx: &mut Tx, claim: &Claim) -> Result<Vec<i64>, DbError> {
    let said = statement(claim);
    let others = claims::open_by(tx, &claim.partner.id, MOST_OPEN)?;
    let same = |other: &&Claim| {
        let of = statement(other);
        other.number != claim.number
            && (said.clues.meet(&of.clues) || likeness(&said.name, &of.name) >= ALIKE)
    };
    Ok(others.iter().filter(same).map(|other| other.number).collect())
}

/// When the damaged codes close to the partner's and the visits nearest to the stated day were seen.
fn traces(claim: &Claim, around: &Around) -> Vec<Timestamp> {
    let mut clicks: Vec<Timestamp> = around.clicks.iter().map(|click| click.at).collect();
    clicks.sort_by_key(|at| (at.day().0 - claim.sent_on.0).abs());
    clicks.truncate(MOST_TRACES);
    around.damaged.iter().take(MOST_TRACES).map(|(code, _)| code.at).chain(clicks).collect()
}

/// Whether a claim's status lets somebody rule on it.
pub const fn is_open(claim: &Claim) -> bool {
    matches!(claim.status, ClaimStatus::Open)
}
