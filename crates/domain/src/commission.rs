//! A partner's commission: which transfers a won deal, the end of its hold period, a refund and a reopening
//! book. Only planning: given what is known, what to give to the ledger.
//!
//! One deal can be won several times, when it was reopened between; each winning is a *round* with a commission
//! of its own. A won deal that another partner takes over with its client begins a round of that partner's. Every key starts with `deal:<number>:`, so that all that was ever booked for a deal is one range
//! of keys, and [`Standing::read`] can tell from it where a round's commission stands.

use crate::clock::{DAY, Timestamp};
use crate::ledger::{Account, Phase, Subject, Transfer, TransferCode};
use crate::money::{Currency, Money};
use crate::rate::Rate;

/// A deal at the moment it is won.
#[derive(Debug, Clone, Copy)]
pub struct Winning<'a> {
    /// The deal's transaction number.
    pub deal: i64,
    /// Which winning of the deal this is: 1, then 2 after a first reopening, and so on.
    pub round: i64,
    /// The id of the partner who earns.
    pub partner: &'a str,
    /// The programme's currency.
    pub currency: Currency,
    /// What the client pays (minor units).
    pub amount: Money,
    /// The partner's rate, frozen from now on.
    pub rate: Rate,
    /// When it was won.
    pub won_at: Timestamp,
    /// Days from winning to the commission's becoming available; 0 for at once.
    pub hold_days: i64,
}

impl Winning<'_> {
    /// The commission: the amount times the rate, rounded once, half to even (minor units). May be zero.
    pub fn commission(&self) -> Money {
        self.rate.of(self.amount)
    }

    /// How the commission came to its amount: `12,400.00 × 12 % = 1,488.00`.
    pub fn sum(&self) -> String {
        let (amount, commission) =
            (self.currency.format(self.amount), self.currency.format(self.commission()));
        format!("{amount} × {} = {commission}", self.rate)
    }

    /// When the commission becomes available.
    pub fn available_at(&self) -> Timestamp {
        self.won_at.plus(self.hold_days.saturating_mul(DAY))
    }
}

/// The key under which a round's commission is booked: `deal:2077:commission`, from the second winning on
/// `deal:2077:commission:2`.
pub fn booking_key(deal: i64, round: i64) -> String {
    match round {
        1 => format!("deal:{deal}:commission"),
        round => format!("deal:{deal}:commission:{round}"),
    }
}

/// The first and one past the last of all keys of a deal, in byte order.
pub fn key_range(deal: i64) -> (String, String) {
    // ';' follows ':' in ASCII.
    (format!("deal:{deal}:"), format!("deal:{deal};"))
}

/// What winning books: the commission, on hold where there is a hold period, and nothing where it rounds to
/// zero.
pub fn book(winning: &Winning<'_>) -> Option<Transfer> {
    let held = winning.hold_days > 0;
    winning.commission().is_positive().then(|| Transfer {
        key: booking_key(winning.deal, winning.round),
        debit: Account::expense(winning.partner, winning.currency),
        credit: Account::payable(winning.partner, winning.currency),
        amount: winning.commission(),
        code: TransferCode::Commission,
        phase: if held { Phase::Pending } else { Phase::Single },
        subject: Subject::Deal(winning.deal),
        reverses: None,
        may_overdraw: false,
        reason: None,
        available_at: held.then(|| winning.available_at()),
    })
}

/// What taking a won deal over books for the partner who now earns: the whole commission, as if this partner had won
/// the deal, and then what refunds have taken back of it since. The partner before loses what is left by
/// [`reverse`] with [`Cause::Moving`], which is the same amount to the cent: a ruling changes who earns, not how much.
pub fn take_over(taking: &TakingOver<'_>) -> Vec<Transfer> {
    let winning = &taking.winning;
    let Some(booked) = book(winning) else { return Vec::new() };
    let (phase, available_at) = match taking.hold {
        Hold::Until(at) => (Phase::Pending, at),
        Hold::Over => (Phase::Single, None),
    };
    let mut transfers = vec![Transfer { phase, available_at, ..booked }];
    if taking.refunded.is_positive()
        && let Some(standing) = Standing::read(winning.deal, winning.round, &transfers)
    {
        let cause = Cause::RefundedBefore { deal_amount: winning.amount, refunded_total: taking.refunded };
        transfers.extend(reverse(&standing, cause));
    }
    transfers
}

/// Where the commission of one round stands, read from what was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The deal's transaction number.
    pub deal: i64,
    /// Which winning of the deal.
    pub round: i64,
    /// The commission as it was booked at winning (minor units).
    pub booked: Money,
    /// Where it is now.
    pub state: State,
    expense: Account,
    payable: Account,
}

/// Whether a commission that is taken over is still in its hold period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is, until that moment; without one, nothing of it will be left to become available.
    Until(Option<Timestamp>),
    /// It isn't, or there is none.
    Over,
}

/// A won deal that a partner takes over with its client.
#[derive(Debug, Clone, Copy)]
pub struct TakingOver<'a> {
    /// The deal as it was won, with the round that begins, the partner who takes it over, and the rate: the one that
    /// was frozen, whoever earned it first.
    pub winning: Winning<'a>,
    /// Whether the commission is still on hold.
    pub hold: Hold,
    /// What was given back to the client so far (minor units).
    pub refunded: Money,
}

/// Where a commission is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// In its hold period.
    OnHold {
        /// The key of the one pending transfer.
        key: String,
        /// What is on hold, refunds taken off (minor units).
        amount: Money,
        /// When it becomes available.
        available_at: Option<Timestamp>,
    },
    /// Available to the partner, or already withdrawn.
    Posted {
        /// The key of the transfer that made it final.
        key: String,
        /// What is left of it, reversals taken off (minor units); may be zero.
        left: Money,
    },
    /// Wholly taken back while it was on hold.
    Gone,
}

impl Standing {
    /// Reads a round's standing from the deal's transfers, in any order. `None` where the winning booked
    /// nothing.
    pub fn read(deal: i64, round: i64, transfers: &[Transfer]) -> Option<Standing> {
        let by_key = |key: &str| transfers.iter().find(|transfer| transfer.key == key);
        let booking = by_key(&booking_key(deal, round))?;
        let mut head = booking;
        // A refund inside the hold period voids the pending transfer and books what is left as a new one: the
        // walk follows them. It ends, because no transfer is resolved twice.
        let state = loop {
            let resolution =
                transfers.iter().find(|transfer| transfer.phase.pending() == Some(head.key.as_str()));
            let last = match (&head.phase, resolution) {
                (Phase::Pending, None) => {
                    break State::OnHold {
                        key: head.key.clone(),
                        amount: head.amount,
                        available_at: head.available_at,
                    };
                }
                (Phase::Pending, Some(resolution)) => resolution,
                _ => head,
            };
            if let Phase::Void { .. } = last.phase {
                match last.key.strip_suffix(VOID).and_then(by_key) {
                    Some(next) => head = next,
                    None => break State::Gone,
                }
                continue;
            }
            let taken = transfers
                .iter()
                .filter(|transfer| transfer.reverses.as_ref() == Some(&last.key))
                .map(|transfer| transfer.amount)
                .sum();
            break State::Posted { key: last.key.clone(), left: last.amount - taken };
        };
        Some(Standing {
            deal,
            round,
            booked: booking.amount,
            state,
            expense: booking.debit.clone(),
            payable: booking.credit.clone(),
        })
    }

    /// What is left of the commission, on hold or posted (minor units).
    pub fn left(&self) -> Money {
        match &self.state {
            State::OnHold { amount, .. } => *amount,
            State::Posted { left, .. } => *left,
            State::Gone => Money::ZERO,
        }
    }

    /// Until when another partner's commission is on hold who takes the deal over.
    pub fn hold(&self) -> Hold {
        match &self.state {
            State::OnHold { available_at, .. } => Hold::Until(*available_at),
            State::Posted { .. } => Hold::Over,
            // All of it was refunded while it was on hold, so that nothing is left to become available.
            State::Gone => Hold::Until(None),
        }
    }

    fn towards_partner(&self, key: String, amount: Money, phase: Phase) -> Transfer {
        Transfer {
            key,
            debit: self.expense.clone(),
            credit: self.payable.clone(),
            amount,
            code: TransferCode::Commission,
            phase,
            subject: Subject::Deal(self.deal),
            reverses: None,
            may_overdraw: false,
            reason: None,
            available_at: None,
        }
    }
}

const VOID: &str = ":void";

/// What the end of the hold period books: the commission becomes available. Nothing where it is not on hold
/// (any more).
pub fn release(standing: &Standing) -> Option<Transfer> {
    let State::OnHold { key, amount, .. } = &standing.state else { return None };
    let phase = Phase::Post { pending: key.clone() };
    Some(standing.towards_partner(format!("{key}:release"), *amount, phase))
}

/// Why a commission is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The client was given money back.
    Refund {
        /// Which refund of the deal this is, counted from 1 over the deal's whole life, all rounds.
        number: i64,
        /// The amount at which the deal was won in this round (minor units).
        deal_amount: Money,
        /// All that was refunded in this round, this refund included (minor units).
        refunded_total: Money,
    },
    /// The deal was reopened: all that is left is taken back.
    Reopening,
    /// The client was given to another partner, or to nobody: all that is left is taken back from this one.
    Moving,
    /// What had been refunded before the client was given to this partner.
    RefundedBefore {
        /// The amount at which the deal was won (minor units).
        deal_amount: Money,
        /// All that was refunded before (minor units).
        refunded_total: Money,
    },
}

/// What a refund, a reopening or the giving of a client to another partner takes back.
///
/// Refunds are cumulative: after each one the total taken back is `commission x refunded_total / deal_amount`,
/// rounded half to even, so that many small refunds never drift and a full refund takes back exactly
/// everything. Inside the hold period the pending commission is voided and what is left is booked as a new
/// pending one, so that the amount the partner sees on hold is right at once. After it, a reversal takes the
/// difference back, below zero if it must. Empty where nothing is to be taken back.
///
/// # Panics
/// When a refund's `deal_amount` is not positive: only a won deal with an amount can be refunded.
pub fn reverse(standing: &Standing, cause: Cause) -> Vec<Transfer> {
    let deal = standing.deal;
    let (name, code, subject, keep) = match cause {
        Cause::Refund { number, deal_amount, refunded_total } => {
            let taken = standing.booked.mul_div_half_even(refunded_total.minor(), deal_amount.minor());
            let name = format!("deal:{deal}:refund:{number}");
            (name, TransferCode::Refund, Subject::Refund(deal), standing.booked - taken)
        }
        Cause::Reopening => {
            let name = format!("deal:{deal}:reopening:{}", standing.round);
            (name, TransferCode::Reopening, Subject::Deal(deal), Money::ZERO)
        }
        Cause::Moving => {
            let name = format!("deal:{deal}:move:{}", standing.round);
            (name, TransferCode::Moved, Subject::Deal(deal), Money::ZERO)
        }
        Cause::RefundedBefore { deal_amount, refunded_total } => {
            let taken = standing.booked.mul_div_half_even(refunded_total.minor(), deal_amount.minor());
            let name = format!("deal:{deal}:refunded:{}", standing.round);
            (name, TransferCode::Refund, Subject::Refund(deal), standing.booked - taken)
        }
    };
    let keep = keep.max(Money::ZERO);
    let taken = standing.left() - keep;
    if !taken.is_positive() {
        return Vec::new();
    }
    match &standing.state {
        State::Gone => Vec::new(),
        State::OnHold { key, amount, available_at } => {
            let phase = Phase::Void { pending: key.clone() };
            let void = standing.towards_partner(format!("{name}{VOID}"), *amount, phase);
            let mut transfers = vec![Transfer { code, subject, ..void }];
            if keep.is_positive() {
                let rest = standing.towards_partner(name, keep, Phase::Pending);
                transfers.push(Transfer { available_at: *available_at, ..rest });
            }
            transfers
        }
        State::Posted { key, .. } => vec![Transfer {
            key: name,
            debit: standing.payable.clone(),
            credit: standing.expense.clone(),
            amount: taken,
            code,
            phase: Phase::Single,
            subject,
            reverses: Some(key.clone()),
            may_overdraw: true,
            reason: None,
            available_at: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Outcome;
    use crate::ledger::model::Model;
    use proptest::prelude::*;

    fn winning(amount: i64, rate_bp: i64, hold_days: i64) -> Winning<'static> {
        Winning {
            deal: 2077,
            round: 1,
            partner: "ann",
            currency: Currency::USD,
            amount: Money::from_minor(amount),
            rate: Rate::from_basis_points(rate_bp).unwrap(),
            won_at: Timestamp::from_micros(1_000),
            hold_days,
        }
    }

    fn standing(model: &Model, round: i64) -> Option<Standing> {
        let transfers: Vec<Transfer> = model.transfers().cloned().collect();
        Standing::read(2077, round, &transfers)
    }

    fn refund(number: i64, deal_amount: i64, total: i64) -> Cause {
        Cause::Refund {
            number,
            deal_amount: Money::from_minor(deal_amount),
            refunded_total: Money::from_minor(total),
        }
    }

    fn applied(model: &mut Model, transfers: &[Transfer]) {
        let outcomes = model.apply(transfers).unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
        assert_eq!(model.broken_rule(), None);
    }

    fn take_back(model: &mut Model, round: i64, cause: Cause) {
        let plan = reverse(&standing(model, round).unwrap(), cause);
        assert!(!plan.is_empty());
        applied(model, &plan);
    }

    fn counters(model: &Model) -> (i64, i64) {
        let counters = model.counters(&Account::payable("ann", Currency::USD));
        let available = counters.balance(crate::ledger::Side::Credit);
        (available.minor(), counters.credits_pending.minor())
    }

    #[test]
    fn without_a_hold_period_the_commission_is_available_at_once() {
        let transfer = book(&winning(123_450, 1_000, 0)).unwrap();
        assert_eq!(transfer.key, "deal:2077:commission");
        assert_eq!(transfer.phase, Phase::Single);
        let mut model = Model::default();
        applied(&mut model, &[transfer]);
        assert_eq!(counters(&model), (12_345, 0));
        assert_eq!(release(&standing(&model, 1).unwrap()), None);
    }

    #[test]
    fn a_commission_that_rounds_to_zero_books_nothing() {
        assert_eq!(book(&winning(4, 1_000, 0)), None);
        assert_eq!(book(&winning(10_000, 0, 14)), None);
        assert_eq!(Standing::read(2077, 1, &[]), None);
    }

    #[test]
    fn a_hold_period_ends_at_its_own_moment() {
        let mut model = Model::default();
        let booked = book(&winning(10_000, 1_000, 14)).unwrap();
        assert_eq!(booked.available_at, Some(Timestamp::from_micros(1_000).plus(14 * DAY)));
        applied(&mut model, &[booked]);
        assert_eq!(counters(&model), (0, 1_000));
        let post = release(&standing(&model, 1).unwrap()).unwrap();
        assert_eq!(post.key, "deal:2077:commission:release");
        applied(&mut model, &[post]);
        assert_eq!(counters(&model), (1_000, 0));
        assert_eq!(release(&standing(&model, 1).unwrap()), None);
    }

    #[test]
    fn a_refund_on_hold_lowers_what_is_on_hold_at_once() {
        let mut model = Model::default();
        applied(&mut model, &[book(&winning(10_000, 1_000, 14)).unwrap()]);
        let plan = reverse(&standing(&model, 1).unwrap(), refund(1, 10_000, 2_500));
        let keys: Vec<&str> = plan.iter().map(|transfer| transfer.key.as_str()).collect();
        assert_eq!(keys, ["deal:2077:refund:1:void", "deal:2077:refund:1"]);
        applied(&mut model, &plan);
        assert_eq!(counters(&model), (0, 750));
        // The same refund planned again has nothing left to do.
        assert_eq!(reverse(&standing(&model, 1).unwrap(), refund(1, 10_000, 2_500)), []);
        let post = release(&standing(&model, 1).unwrap()).unwrap();
        assert_eq!(post.key, "deal:2077:refund:1:release");
        applied(&mut model, &[post]);
        assert_eq!(counters(&model), (750, 0));
        take_back(&mut model, 1, refund(2, 10_000, 10_000));
        assert_eq!(counters(&model), (0, 0));
    }

    #[test]
    fn a_deal_won_again_has_a_commission_of_its_own() {
        let mut model = Model::default();
        applied(&mut model, &[book(&winning(10_000, 1_000, 14)).unwrap()]);
        take_back(&mut model, 1, Cause::Reopening);
        assert_eq!(standing(&model, 1).unwrap().state, State::Gone);
        let again = Winning { round: 2, ..winning(20_000, 1_200, 0) };
        let transfer = book(&again).unwrap();
        assert_eq!(transfer.key, "deal:2077:commission:2");
        applied(&mut model, &[transfer]);
        assert_eq!(counters(&model), (2_400, 0));
        take_back(&mut model, 2, Cause::Reopening);
        assert_eq!(counters(&model), (0, 0));
        assert_eq!(reverse(&standing(&model, 2).unwrap(), Cause::Reopening), []);
    }

    #[test]
    fn a_reversal_reaches_below_zero_when_the_money_is_gone() {
        let mut model = Model::default();
        applied(&mut model, &[book(&winning(10_000, 1_000, 0)).unwrap()]);
        let request = crate::withdrawal::Request {
            id: "w",
            partner: "ann",
            currency: Currency::USD,
            amount: Money::from_minor(900),
        };
        applied(&mut model, &[crate::withdrawal::hold(&request)]);
        take_back(&mut model, 1, Cause::Reopening);
        assert_eq!(counters(&model), (-900, 0));
    }

    fn of(model: &Model, partner: &str) -> (i64, i64) {
        let counters = model.counters(&Account::payable(partner, Currency::USD));
        (counters.balance(crate::ledger::Side::Credit).minor(), counters.credits_pending.minor())
    }

    /// Gives the deal to another partner, as it stands.
    fn hand_over(model: &mut Model, round: i64, won: Winning<'static>, partner: &'static str, refunded: i64) {
        let before = standing(model, round);
        let mut plan = before.as_ref().map(|found| reverse(found, Cause::Moving)).unwrap_or_default();
        plan.extend(take_over(&TakingOver {
            winning: Winning { partner, round: round + 1, ..won },
            hold: before.as_ref().map_or(Hold::Over, Standing::hold),
            refunded: Money::from_minor(refunded),
        }));
        applied(model, &plan);
    }

    #[test]
    fn a_deal_taken_over_keeps_rate_hold_and_refunds() {
        let mut model = Model::default();
        let won = winning(10_000, 1_000, 14);
        applied(&mut model, &[book(&won).unwrap()]);
        take_back(&mut model, 1, refund(1, 10_000, 2_500));
        hand_over(&mut model, 1, won, "bob", 2_500);
        assert_eq!((of(&model, "ann"), of(&model, "bob")), ((0, 0), (0, 750)));
        let held = standing(&model, 2).unwrap();
        let State::OnHold { key, available_at, .. } = &held.state else { panic!("{held:?}") };
        assert_eq!((key.as_str(), *available_at), ("deal:2077:refunded:2", Some(won.available_at())));
        // What comes later finds its way: a refund, the end of the hold, a reopening.
        take_back(&mut model, 2, refund(2, 10_000, 5_000));
        let post = release(&standing(&model, 2).unwrap()).unwrap();
        applied(&mut model, &[post]);
        assert_eq!(of(&model, "bob"), (500, 0));
        take_back(&mut model, 2, Cause::Reopening);
        assert_eq!((of(&model, "ann"), of(&model, "bob")), ((0, 0), (0, 0)));
    }

    #[test]
    fn a_posted_commission_moves_even_when_it_was_paid_out() {
        let mut model = Model::default();
        let won = winning(10_000, 1_000, 0);
        applied(&mut model, &[book(&won).unwrap()]);
        let request = crate::withdrawal::Request {
            id: "w",
            partner: "ann",
            currency: Currency::USD,
            amount: Money::from_minor(900),
        };
        applied(&mut model, &[crate::withdrawal::hold(&request)]);
        hand_over(&mut model, 1, won, "bob", 0);
        assert_eq!((of(&model, "ann"), of(&model, "bob")), ((-900, 0), (1_000, 0)));
        let moved = model.of_deal(2077).into_iter().find(|moved| moved.key == "deal:2077:move:1").unwrap();
        assert_eq!((moved.code, moved.may_overdraw), (TransferCode::Moved, true));
        // There and back again: each round is its own.
        hand_over(&mut model, 2, won, "ann", 0);
        assert_eq!((of(&model, "ann"), of(&model, "bob")), ((100, 0), (0, 0)));
        assert_eq!(reverse(&standing(&model, 1).unwrap(), Cause::Moving), []);
    }

    #[test]
    fn a_commission_wholly_refunded_on_hold_moves_without_money_becoming_available() {
        let mut model = Model::default();
        let won = winning(10_000, 1_000, 14);
        applied(&mut model, &[book(&won).unwrap()]);
        take_back(&mut model, 1, refund(1, 10_000, 10_000));
        hand_over(&mut model, 1, won, "bob", 10_000);
        assert_eq!(of(&model, "bob"), (0, 0));
        assert_eq!(standing(&model, 2).unwrap().state, State::Gone);
        assert!(
            model
                .entries(&Account::payable("bob", Currency::USD))
                .iter()
                .all(|entry| entry.balance_after.is_zero())
        );
    }

    proptest! {
        #[test]
        fn moving_conserves_every_cent(
            amount in 1..1_000_000_000_i64,
            rate_bp in 0..=10_000_i64,
            steps in proptest::collection::vec((0..4_u8, 0..=100_i64), 1..12),
            hold_days in prop::sample::select(vec![0, 30]),
        ) {
            let won = winning(amount, rate_bp, hold_days);
            let commission = won.commission();
            let mut model = Model::default();
            applied(&mut model, book(&won).as_slice());
            let partners = ["ann", "bob", "cid"];
            let (mut round, mut owner, mut total, mut refunds) = (1, 0, 0, 0);
            for (step, percent) in steps {
                match step {
                    0 => {
                        total += (amount - total) * percent / 100;
                        refunds += 1;
                        if let Some(found) = standing(&model, round) {
                            applied(&mut model, &reverse(&found, refund(refunds, amount, total)));
                        }
                    }
                    1 => {
                        if let Some(post) = standing(&model, round).as_ref().and_then(release) {
                            applied(&mut model, &[post]);
                        }
                    }
                    _ => {
                        owner = (owner + 1) % partners.len();
                        hand_over(&mut model, round, won, partners[owner], total);
                        round += 1;
                    }
                }
                let left = commission - commission.mul_div_half_even(total, amount);
                for (index, partner) in partners.into_iter().enumerate() {
                    let (available, on_hold) = of(&model, partner);
                    let expected = if index == owner { left.minor() } else { 0 };
                    prop_assert_eq!(available + on_hold, expected, "{} in round {}", partner, round);
                }
                prop_assert_eq!(model.commission_left(2077), left);
            }
        }

        #[test]
        fn refunds_in_any_parts_take_back_exactly_their_share(
            amount in 1..1_000_000_000_i64,
            rate_bp in 0..=10_000_i64,
            cuts in proptest::collection::vec(0..=100_i64, 1..6),
            release_after in 0..8_usize,
        ) {
            let won = winning(amount, rate_bp, 30);
            let mut model = Model::default();
            let Some(booked) = book(&won) else { return Ok(()) };
            let commission = booked.amount;
            applied(&mut model, &[booked]);
            let mut total = 0;
            for (index, percent) in cuts.iter().chain([&100]).enumerate() {
                if index == release_after
                    && let Some(post) = release(&standing(&model, 1).unwrap())
                {
                    applied(&mut model, &[post]);
                }
                total += (amount - total) * percent / 100;
                let number = index as i64 + 1;
                let plan = reverse(&standing(&model, 1).unwrap(), refund(number, amount, total));
                applied(&mut model, &plan);
                let share = commission.mul_div_half_even(total, amount);
                prop_assert_eq!(standing(&model, 1).unwrap().left(), commission - share);
                prop_assert_eq!(model.commission_left(2077), commission - share);
            }
            prop_assert_eq!(total, amount);
            prop_assert_eq!(counters(&model), (0, 0));
        }
    }
}
