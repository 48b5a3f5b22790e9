//! Giving a client to another partner, or to nobody: by a ruling on a claim, by a code that the client gave, or by a
//! decision of staff. Everything that followed from the attribution moves with it: deals, totals, commissions.

use std::collections::BTreeMap;

use domain::{
    alias::Alias,
    attribution::Method,
    clock::{DAY, Day, Timestamp},
    commission::{self, Cause, Hold, Standing, State, TakingOver, Winning, booking_key},
    ledger::Transfer,
    money::Money,
    rate::Rate,
    referral_code::{Reading, ReferralCode},
};
use store::{
    DbError, Tx, accounts, aliases,
    clients::{self, Client, NewAttribution, PartnerName},
    deals::{self, Commission, Deal, NewEvent, Won},
    ledger::{self, ApplyError},
    partners::{self, Partner, PartnerDay},
    sources::{self, PartnerSource},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    deals::tell_rate,
    webhook_events,
};
use crate::{
    app::Env,
    notify::{self, Notice},
};

/// Why a client was not given to a partner.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AssignError {
    /// There is no such client.
    #[error("There is no client with this number.")]
    UnknownClient,
    /// There is no such partner.
    #[error("There is no such partner (any more).")]
    UnknownPartner,
    /// It is so already.
    #[error("This client already belongs to {0}.")]
    Already(String),
    /// It is so already.
    #[error("This client already belongs to nobody.")]
    NobodysAlready,
    /// Suspended partners earn nothing new.
    #[error(
        "{0} is suspended and earns nothing new. Choose another partner, or have the suspension lifted first."
    )]
    Suspended(String),
    /// The ledger doesn't allow it: a defect, since what is planned here fits the books.
    #[error(transparent)]
    Ledger(#[from] ApplyError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A decision on whose a client is.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The client number.
    pub client: i64,
    /// The partner's identifier, or nobody.
    pub to: Option<String>,
    /// How it was decided.
    pub method: Method,
    /// The code that the client gave, for that method.
    pub code: Option<Reading>,
    /// The claim that was ruled on, for that method.
    pub claim: Option<i64>,
    /// What speaks for it, or empty.
    pub evidence: String,
    /// Why, as both partners read it.
    pub reason: String,
}

/// Gives a client to a partner or to nobody, with everything that followed from whose the client was. Commissions
/// already booked are taken back from the partner before, below zero if they were paid out, and booked for the new one:
/// at the rate that was frozen when the deal was won, with its hold period and its refunds. Where nothing had been
/// booked, the new partner's own rate of today counts. Both partners are told. Returns who had the client before.
///
/// # Errors
/// [`AssignError`], whose text can be shown to staff.
pub fn assign(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    decision: &Decision,
) -> Result<Option<PartnerName>, AssignError> {
    // Locks, always in this order: the client, its deals, the new partner, the totals of both, then the ledger.
    let client = clients::lock(tx, decision.client)?.ok_or(AssignError::UnknownClient)?;
    let deals = deals::lock_of_client(tx, decision.client)?;
    let to = receiver(tx, &client, decision.to.as_deref())?;
    let mut moving = Moving::lock(tx, &client, to, &deals)?;
    for deal in &deals {
        moving.take(tx, env, decision, deal)?;
    }
    ledger::apply(tx, env.now, &moving.transfers)?;
    moving.write(tx, env, by, decision, &client)?;
    moving.tell(tx, env, decision, &client)?;
    let before = client.partner.as_ref().map(|partner| partner.id.as_str());
    webhook_events::client_attributed(tx, env, decision.client, before)?;
    for number in moving.available() {
        webhook_events::commission_available(tx, env, number)?;
    }
    moving.record(tx, env, by, decision, &client)?;
    Ok(client.partner)
}

/// What is booked for the present winning of a deal, and how much of the commission is left.
pub(super) fn booked(tx: &mut Tx, deal: &Deal, won: &Won) -> Result<(Option<Standing>, Money), DbError> {
    let standing = ledger::standing(tx, deal.number, deal.win_round)?;
    let left = won.commission.and(standing.as_ref()).map_or(Money::ZERO, Standing::left);
    Ok((standing, left))
}

/// The partner who gets the client, locked so that a suspension comes either before this or after it.
fn receiver(tx: &mut Tx, client: &Client, to: Option<&str>) -> Result<Option<Partner>, AssignError> {
    let Some(id) = to else {
        return if client.partner.is_none() { Err(AssignError::NobodysAlready) } else { Ok(None) };
    };
    let partner = partners::by_id(tx, id)?.ok_or(AssignError::UnknownPartner)?;
    if client.partner.as_ref().is_some_and(|before| before.id == partner.id) {
        return Err(AssignError::Already(partner.name));
    }
    if partners::lock_suspended(tx, id)? {
        return Err(AssignError::Suspended(partner.name));
    }
    Ok(Some(partner))
}

/// What a partner gains by the move; below zero, loses.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    clients: i64,
    deals_won: i64,
    volume: Money,
    profit: Money,
    /// The volume that decided the tier before the move, and the agreed rate.
    before: Money,
    agreed: Option<Rate>,
}

/// A deal with what is booked for it now.
struct Taken {
    number: i64,
    round: i64,
    won: Option<Won>,
    /// What was taken back and from whom, and what was booked, for the audit.
    words: Option<String>,
}

/// Everything that moves.
struct Moving<'a> {
    to: Option<Partner>,
    shares: BTreeMap<String, Share>,
    transfers: Vec<Transfer>,
    deals: Vec<(&'a Deal, Taken)>,
}

impl<'a> Moving<'a> {
    /// Locks the totals of all whom it concerns, in the order of their identifiers.
    fn lock(
        tx: &mut Tx,
        client: &Client,
        to: Option<Partner>,
        deals: &'a [Deal],
    ) -> Result<Moving<'a>, DbError> {
        let mut shares: BTreeMap<String, Share> = BTreeMap::new();
        let before = client.partner.as_ref().map(|partner| partner.id.clone());
        let of_deals =
            deals.iter().filter_map(|deal| deal.partner.as_ref()).map(|partner| partner.id.clone());
        for id in before.iter().cloned().chain(of_deals).chain(to.as_ref().map(|partner| partner.id.clone()))
        {
            shares.entry(id).or_default();
        }
        for (id, share) in &mut shares {
            (share.before, share.agreed) = partners::lock_volume(tx, id)?;
        }
        if let Some(id) = before {
            shares.entry(id).or_default().clients -= 1;
        }
        if let Some(partner) = &to {
            shares.entry(partner.id.clone()).or_default().clients += 1;
        }
        Ok(Moving { to, shares, transfers: Vec::new(), deals: Vec::new() })
    }

    fn share(&mut self, id: &str) -> &mut Share {
        self.shares.entry(id.to_owned()).or_default()
    }

    /// Plans what becomes of one deal.
    fn take(&mut self, tx: &mut Tx, env: &Env, decision: &Decision, deal: &'a Deal) -> Result<(), DbError> {
        let Some(won) = &deal.won else {
            let taken = Taken { number: deal.number, round: deal.win_round, won: None, words: None };
            self.deals.push((deal, taken));
            return Ok(());
        };
        let (standing, left) = booked(tx, deal, won)?;
        if let (true, Some(before)) = (won.counts(), &deal.partner) {
            let what =
                if self.to.is_some() { "assigned to another partner" } else { "belongs to nobody any more" };
            let reason = format!("Client C-{} {what}: {}", decision.client, decision.reason);
            let back = standing.iter().flat_map(|standing| commission::reverse(standing, Cause::Moving));
            self.transfers.extend(back.map(|transfer| Transfer { reason: Some(reason.clone()), ..transfer }));
            let share = self.share(&before.id);
            // Clamped, not asserted: the totals are a projection and must never keep staff from a ruling.
            let volume = won.remaining().min(share.before + share.volume);
            share.deals_won -= 1;
            share.volume = share.volume - volume;
            share.profit = share.profit - left;
        }
        let taken = match self.to.clone() {
            // What another system has settled goes along with the client: it counts for whoever has the client, and
            // nobody is paid for it a second time.
            to if won.settled.is_some() => {
                if let Some(partner) = to {
                    let share = self.share(&partner.id);
                    share.deals_won += 1;
                    share.volume = share.volume + won.remaining();
                }
                won.clone()
            }
            Some(partner) => self.give(env, decision, deal, won, standing.as_ref(), &partner),
            None => Won {
                commission: None,
                commission_reason: "The client belongs to no partner any more.".into(),
                ..won.clone()
            },
        };
        let currency = env.programme.currency;
        let back = match &deal.partner {
            Some(before) if !left.is_zero() => {
                Some(format!("{} taken back from {}", currency.format(left), before.name))
            }
            _ => None,
        };
        let given = taken.commission.map(|booked| {
            let name = self.to.as_ref().map_or("", |partner| partner.name.as_str());
            format!("{} booked for {name} at {}", currency.format(booked.remaining()), booked.rate)
        });
        let words: Vec<String> = back.into_iter().chain(given).collect();
        let words = (!words.is_empty()).then(|| format!("T-{}: {}", deal.number, words.join(", ")));
        self.deals
            .push((deal, Taken { number: deal.number, round: deal.win_round + 1, won: Some(taken), words }));
        Ok(())
    }

    /// Plans what the new partner earns with a won deal.
    fn give(
        &mut self,
        env: &Env,
        decision: &Decision,
        deal: &Deal,
        won: &Won,
        standing: Option<&Standing>,
        partner: &Partner,
    ) -> Won {
        let programme = &env.programme;
        let round = deal.win_round + 1;
        let share = self.share(&partner.id);
        let (rate, volume_before, why, hold) = match won.commission {
            // A ruling changes who earned, not how much.
            Some(booked) => {
                let why = format!(
                    "{}, as it was fixed when the deal was won; the client was assigned anew on {}.",
                    booked.rate,
                    env.now.date()
                );
                (booked.rate, booked.volume_before, why, standing.map_or(Hold::Over, Standing::hold))
            }
            None => {
                let volume = share.before + share.volume;
                let tier = programme.tiers.standing(volume).current;
                let (rate, source) = match share.agreed {
                    Some(rate) => (rate, "as agreed with the partner".to_owned()),
                    None => {
                        let from = programme.currency.format_with_symbol(tier.from);
                        (tier.rate, format!("from a volume of {from}"))
                    }
                };
                let why = format!(
                    "{rate} {source}: nothing was booked when the deal was won, and the client was assigned on {}.",
                    env.now.date()
                );
                (rate, volume, why, hold_of(won.at, programme.hold_days, env.now))
            }
        };
        share.deals_won += 1;
        share.volume = share.volume + won.remaining();
        let winning = Winning {
            deal: deal.number,
            round,
            partner: &partner.id,
            currency: programme.currency,
            amount: won.amount,
            rate,
            won_at: won.at,
            hold_days: programme.hold_days,
        };
        let plan = commission::take_over(&TakingOver { winning, hold, refunded: won.refunded });
        let booked = winning.commission();
        let after = Standing::read(deal.number, round, &plan);
        let left = after.as_ref().map_or(Money::ZERO, Standing::left);
        share.profit = share.profit + left;
        let moved = format!("Client C-{} assigned to you: {}", decision.client, decision.reason);
        let booked_because = format!("{}. {why} {moved}", winning.sum());
        self.transfers.extend(plan.into_iter().map(|transfer| {
            let is_booking = transfer.reverses.is_none() && transfer.key == booking_key(deal.number, round);
            let reason = if is_booking { &booked_because } else { &moved };
            Transfer { reason: Some(reason.clone()), ..transfer }
        }));
        let available_at = after.and_then(|after| match after.state {
            State::OnHold { available_at, .. } => available_at,
            State::Posted { .. } | State::Gone => None,
        });
        let commission =
            Commission { rate, volume_before, amount: booked, reversed: booked - left, available_at };
        Won { commission: Some(commission), commission_reason: why, ..won.clone() }
    }

    /// Writes what was planned: totals, days, deals, the client, and the history.
    fn write(
        &self,
        tx: &mut Tx,
        env: &Env,
        by: &Actor,
        decision: &Decision,
        client: &Client,
    ) -> Result<(), DbError> {
        for (id, share) in &self.shares {
            partners::add_totals(tx, id, share.clients, share.deals_won, share.volume)?;
        }
        // A client counts on the day of the contact; what was earned moves today.
        let mut days: BTreeMap<(&str, Day), (i64, Money)> = BTreeMap::new();
        for (id, share) in &self.shares {
            days.entry((id, client.created_at.day())).or_default().0 += share.clients;
            let profit = &mut days.entry((id, env.now.day())).or_default().1;
            *profit = *profit + share.profit;
        }
        for ((id, day), (clients, profit)) in days {
            if clients != 0 || !profit.is_zero() {
                partners::add_to_day(tx, id, PartnerDay { clients, profit, ..PartnerDay::empty(day) })?;
            }
        }
        self.take_from_source(tx, env, client)?;
        let to = self.to.as_ref().map(|partner| partner.id.as_str());
        let whom = self.to.as_ref().map_or("nobody", |partner| partner.name.as_str());
        for (deal, taken) in &self.deals {
            deals::set_partner(tx, deal, to, taken.round, taken.won.as_ref(), env.now)?;
            let reason = format!("To {whom}: {}", decision.reason);
            let event = NewEvent {
                id: env.ids.uuid(env.now),
                deal_number: deal.number,
                kind: "moved",
                actor_id: Some(&by.id),
                amount: None,
                reason: Some(&reason),
            };
            deals::insert_event(tx, &event, env.now)?;
        }
        clients::set_partner(tx, client.number, to)?;
        // Later than every decision before, whatever the clocks of two servers say: the newest one is in force.
        let newest = clients::attributions(tx, client.number)?.into_iter().map(|before| before.at).max();
        let at = newest.map_or(env.now, |before| env.now.max(before.plus(1_000)));
        let attribution = NewAttribution {
            id: env.ids.uuid(at),
            client_number: client.number,
            partner_id: to,
            method: decision.method,
            code: decision.code.as_ref().map(|reading| reading.code.to_string()),
            repaired_from: decision.code.as_ref().and_then(|reading| reading.repaired_from.clone()),
            decided_by: Some(&by.id),
            reason: Some(decision.reason.clone()),
            claim: decision.claim,
            evidence: &decision.evidence,
        };
        clients::insert_attribution(tx, &attribution, at)
    }

    /// The client came from somewhere for the partner before, and for nobody else.
    fn take_from_source(&self, tx: &mut Tx, env: &Env, client: &Client) -> Result<(), DbError> {
        let Some(before) = client.partner.as_ref().filter(|_| !client.source.is_empty()) else {
            return Ok(());
        };
        let share = self.shares.get(&before.id).copied().unwrap_or_default();
        let from = |clients, deals_won, profit| PartnerSource {
            source: client.source.clone(),
            clicks: 0,
            clients,
            deals_won,
            profit,
        };
        sources::add(tx, &before.id, client.created_at.day(), &from(share.clients, 0, Money::ZERO))?;
        sources::add(tx, &before.id, env.now.day(), &from(0, share.deals_won, share.profit))
    }

    /// The deals whose commission the new partner can withdraw at once.
    fn available(&self) -> impl Iterator<Item = i64> {
        let at_once = |taken: &Taken| {
            let booked = taken.won.as_ref().and_then(|won| won.commission);
            booked.is_some_and(|booked| booked.available_at.is_none())
        };
        self.deals.iter().filter(move |(_, taken)| at_once(taken)).map(|(deal, _)| deal.number)
    }

    /// Tells both partners.
    fn tell(&self, tx: &mut Tx, env: &Env, decision: &Decision, client: &Client) -> Result<(), DbError> {
        let profit = |id: &str| self.shares.get(id).map_or(Money::ZERO, |share| share.profit);
        let notice = |to_you, commission| Notice::ClientMoved {
            client: client.number,
            name: client.name.clone(),
            to_you,
            commission,
            reason: decision.reason.clone(),
        };
        if let Some(PartnerName { id, .. }) = &client.partner {
            notify::tell(tx, env, id, &notice(false, -profit(id)))?;
        }
        if let Some(partner) = &self.to {
            notify::tell(tx, env, &partner.id, &notice(true, profit(&partner.id)))?;
            if let Some(share) = self.shares.get(&partner.id) {
                tell_rate(tx, env, &partner.id, share.agreed, share.before, share.before + share.volume)?;
            }
        }
        Ok(())
    }

    fn record(
        &self,
        tx: &mut Tx,
        env: &Env,
        by: &Actor,
        decision: &Decision,
        client: &Client,
    ) -> Result<(), AssignError> {
        let before = client.partner.as_ref().map_or("nobody", |partner| partner.name.as_str());
        let after = self.to.as_ref().map_or("nobody", |partner| partner.name.as_str());
        let mut changes =
            vec![Change::new("Partner", before, after), Change::set("How", decision.method.label())];
        if let Some(code) = &decision.code {
            let repaired =
                code.repaired_from.as_ref().map(|from| format!(", repaired from {from}")).unwrap_or_default();
            changes.push(Change::set("Code", format!("{}{repaired}", code.code)));
        }
        changes.extend(decision.claim.map(|claim| Change::set("Claim", format!("K-{claim}"))));
        if !decision.evidence.is_empty() {
            changes.push(Change::set("Evidence", &decision.evidence));
        }
        if !self.deals.is_empty() {
            let numbers: Vec<String> =
                self.deals.iter().map(|(_, taken)| format!("T-{}", taken.number)).collect();
            changes.push(Change::set("Deals moved", numbers.join(", ")));
        }
        let moved = self.deals.iter().filter_map(|(_, taken)| taken.words.as_deref());
        changes.extend(moved.map(|words| Change::set("Commission", words)));
        let number = client.number.to_string();
        let act = Act {
            what: "client.attributed",
            on: ("client", &number),
            changes: &changes,
            reason: &decision.reason,
        };
        Ok(audit::record(tx, env, by, act)?)
    }
}

/// The hold period of a commission that is booked only now: counted from the winning, like any other.
fn hold_of(won_at: Timestamp, hold_days: i64, now: Timestamp) -> Hold {
    let until = won_at.plus(hold_days.saturating_mul(DAY));
    if hold_days > 0 && until > now { Hold::Until(Some(until)) } else { Hold::Over }
}

/// Whom somebody means who types a partner into a form.
#[derive(Debug, Clone)]
pub enum Meant {
    /// This one, by the code (which may have been repaired) or email address.
    One(Partner, Option<Reading>),
    /// One of these; a name can be several people's.
    OneOf(Vec<Partner>),
    /// Nobody who is known.
    Nobody,
}

/// How many partners are offered to choose from.
const CHOICES: i64 = 8;

/// Finds a partner by code, link, the word in a link, email address, or words of the name.
///
/// # Errors
/// When the database says no.
pub fn find_partner(tx: &mut Tx, typed: &str) -> Result<Meant, DbError> {
    let typed = typed.trim();
    // A word that could be a name is looked for among the names, below.
    let in_link = typed.rsplit_once("/r/").map(|(_, word)| word);
    let word = Alias::read(in_link.unwrap_or(typed));
    if let Some(word) = word.filter(|word| in_link.is_some() || word.is_no_name())
        && let Some(id) = aliases::owner(tx, &word)?
        && let Some(partner) = partners::by_id(tx, &id)?
    {
        return Ok(Meant::One(partner, None));
    }
    if let Some(reading) = ReferralCode::read(typed)
        && let Some((id, _)) = partners::by_code(tx, reading.code)?
        && let Some(partner) = partners::by_id(tx, &id)?
    {
        return Ok(Meant::One(partner, Some(reading)));
    }
    if typed.contains('@') {
        let key: String = typed.chars().flat_map(char::to_lowercase).collect();
        if let Some(account) = accounts::by_email(tx, &key)?
            && let Some(partner) = partners::by_id(tx, &account.id)?
        {
            return Ok(Meant::One(partner, None));
        }
    }
    let found = partners::list(tx, typed, false, None, CHOICES)?;
    Ok(if found.is_empty() { Meant::Nobody } else { Meant::OneOf(found) })
}
