//! A random workload held against the executable model: after every step the answer, the counters and the newest
//! entries of every account it touched are the same, in the end everything is.
//!
//! `GOODWORD_SIMULATION_STEPS` makes it longer, `GOODWORD_SIMULATION_SEED` repeats one.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use domain::adjustment::{self, Adjustment};
use domain::clock::Timestamp;
use domain::commission::{self, Cause, Hold, Standing, TakingOver, Winning};
use domain::ledger::model::Model;
use domain::ledger::{Account, Counters, Entry, LedgerError, Outcome, Phase, Side, Transfer, TransferCode};
use domain::money::Money;
use domain::rate::Rate;
use domain::withdrawal;
use store::ledger::{self, ApplyError};
use store::{Db, DbError, both_databases};

use crate::ledger::{NOW, USD, entries, request, sound};

const PARTNERS: [&str; 4] = ["ann", "bob", "cid", "dan"];

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn amount(&mut self, most: i64) -> i64 {
        1 + i64::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

#[derive(Clone)]
struct Deal {
    number: i64,
    partner: &'static str,
    round: i64,
    won: bool,
    amount: i64,
    rate_bp: i64,
    refunded: i64,
    refunds: i64,
}

struct Withdrawal {
    id: String,
    partner: &'static str,
    amount: i64,
}

/// What the office knows beside the ledger.
struct World {
    random: Random,
    model: Model,
    deals: Vec<Deal>,
    withdrawals: Vec<Withdrawal>,
    adjustments: u32,
    /// Everything that was ever asked, answered well or not.
    asked: Vec<Asked>,
}

#[derive(Clone, Default)]
struct Asked {
    transfers: Vec<Transfer>,
    /// Not what the program's own planning would say: the deals it touches are no longer what planning left.
    strange: bool,
}

impl From<Vec<Transfer>> for Asked {
    fn from(transfers: Vec<Transfer>) -> Asked {
        Asked { transfers, strange: false }
    }
}

/// The number in `deal:<number>:...`.
fn deal_in(key: &str) -> Option<i64> {
    key.strip_prefix("deal:")?.split(':').next()?.parse().ok()
}

impl World {
    fn new(seed: u64) -> World {
        World {
            random: Random(seed),
            model: Model::default(),
            deals: Vec::new(),
            withdrawals: Vec::new(),
            adjustments: 0,
            asked: Vec::new(),
        }
    }

    fn standing(&self, deal: &Deal) -> Option<Standing> {
        Standing::read(deal.number, deal.round, &self.model.of_deal(deal.number))
    }

    /// What happens next.
    fn plan(&mut self) -> Asked {
        match self.random.below(22) {
            0..=3 => self.win().into(),
            4 | 5 => self.release().into(),
            6 | 7 => self.refund().into(),
            8 => self.reopen().into(),
            9..=10 => self.request().into(),
            11..=13 => self.rule_on_withdrawal().into(),
            14 => self.adjust().into(),
            15 | 16 => self.repeat(),
            17 => Asked { transfers: self.contradict(), strange: true },
            18 => self.together().into(),
            19 | 20 => self.hand_over().into(),
            _ => Asked { transfers: self.nonsense(), strange: true },
        }
    }

    fn win(&mut self) -> Vec<Transfer> {
        let pending: Vec<usize> = (0..self.deals.len()).filter(|index| !self.deals[*index].won).collect();
        let index = if pending.is_empty() || self.random.below(3) > 0 {
            let number = 1_000 + self.deals.len() as i64;
            let partner = PARTNERS[self.random.below(PARTNERS.len())];
            self.deals.push(Deal {
                number,
                partner,
                round: 0,
                won: false,
                amount: 0,
                rate_bp: 0,
                refunded: 0,
                refunds: 0,
            });
            self.deals.len() - 1
        } else {
            pending[self.random.below(pending.len())]
        };
        let most = [30, 10_000, 5_000_000][self.random.below(3)];
        let deal = &mut self.deals[index];
        deal.amount = self.random.amount(most);
        deal.round += 1;
        deal.won = true;
        deal.refunded = 0;
        let rate_bp = [0, 333, 1_000, 1_250, 10_000][self.random.below(5)];
        let deal = &mut self.deals[index];
        deal.rate_bp = rate_bp;
        let winning = Winning {
            deal: deal.number,
            round: deal.round,
            partner: deal.partner,
            currency: USD,
            amount: Money::from_minor(deal.amount),
            rate: Rate::from_basis_points(rate_bp).unwrap(),
            won_at: NOW,
            hold_days: [0, 14][self.random.below(2)],
        };
        commission::book(&winning).into_iter().collect()
    }

    fn won_deal(&mut self) -> Option<usize> {
        let won: Vec<usize> = (0..self.deals.len()).filter(|index| self.deals[*index].won).collect();
        (!won.is_empty()).then(|| won[self.random.below(won.len())])
    }

    fn release(&mut self) -> Vec<Transfer> {
        let held = self.won_deal().and_then(|index| self.standing(&self.deals[index]));
        held.and_then(|standing| commission::release(&standing)).into_iter().collect()
    }

    fn refund(&mut self) -> Vec<Transfer> {
        let Some(index) = self.won_deal() else { return Vec::new() };
        let left = self.deals[index].amount - self.deals[index].refunded;
        if left == 0 {
            return Vec::new();
        }
        let part = if self.random.below(4) == 0 { left } else { self.random.amount(left) };
        let deal = &mut self.deals[index];
        deal.refunded += part;
        deal.refunds += 1;
        let cause = Cause::Refund {
            number: deal.refunds,
            deal_amount: Money::from_minor(deal.amount),
            refunded_total: Money::from_minor(deal.refunded),
        };
        let standing = self.standing(&self.deals[index]);
        standing.map(|standing| commission::reverse(&standing, cause)).unwrap_or_default()
    }

    fn reopen(&mut self) -> Vec<Transfer> {
        let Some(index) = self.won_deal() else { return Vec::new() };
        self.deals[index].won = false;
        let standing = self.standing(&self.deals[index]);
        standing.map(|standing| commission::reverse(&standing, Cause::Reopening)).unwrap_or_default()
    }

    /// A won deal goes to another partner with its client.
    fn hand_over(&mut self) -> Vec<Transfer> {
        let Some(index) = self.won_deal() else { return Vec::new() };
        let partner = PARTNERS[self.random.below(PARTNERS.len())];
        let standing = self.standing(&self.deals[index]);
        let deal = &mut self.deals[index];
        deal.round += 1;
        deal.partner = partner;
        let winning = Winning {
            deal: deal.number,
            round: deal.round,
            partner,
            currency: USD,
            amount: Money::from_minor(deal.amount),
            rate: Rate::from_basis_points(deal.rate_bp).unwrap(),
            won_at: NOW,
            hold_days: 0,
        };
        let mut transfers = standing
            .as_ref()
            .map(|standing| commission::reverse(standing, Cause::Moving))
            .unwrap_or_default();
        transfers.extend(commission::take_over(&TakingOver {
            winning,
            hold: standing.as_ref().map_or(Hold::Over, Standing::hold),
            refunded: Money::from_minor(deal.refunded),
        }));
        transfers
    }

    fn request(&mut self) -> Vec<Transfer> {
        let partner = PARTNERS[self.random.below(PARTNERS.len())];
        let available = self.model.counters(&Account::payable(partner, USD)).balance(Side::Credit).minor();
        // Sometimes everything, sometimes a little too much.
        let amount = match self.random.below(4) {
            0 => available.max(1),
            1 => available.max(0) + 1,
            _ => self.random.amount(available.max(1)),
        };
        let id = format!("w{}", self.asked.len());
        let hold = withdrawal::hold(&request(&id, partner, amount));
        self.withdrawals.push(Withdrawal { id, partner, amount });
        vec![hold]
    }

    fn rule_on_withdrawal(&mut self) -> Vec<Transfer> {
        if self.withdrawals.is_empty() {
            return Vec::new();
        }
        let index = self.random.below(self.withdrawals.len());
        let found = &self.withdrawals[index];
        let asked = request(&found.id, found.partner, found.amount);
        vec![match self.random.below(5) {
            0 | 1 => withdrawal::pay(&asked),
            2 | 3 => withdrawal::reject(&asked, "wrong address"),
            _ => withdrawal::came_back(&asked, "account closed"),
        }]
    }

    fn adjust(&mut self) -> Vec<Transfer> {
        self.adjustments += 1;
        let amount = self.random.amount(1_000) - 500;
        let adjustment = Adjustment {
            id: &format!("a{}", self.adjustments),
            partner: PARTNERS[self.random.below(PARTNERS.len())],
            currency: USD,
            amount: Money::from_minor(amount),
            code: if amount > 0 { TransferCode::Bonus } else { TransferCode::Correction },
            reason: "agreed",
        };
        adjustment::book(&adjustment).into_iter().collect()
    }

    /// Something that was asked before, once more.
    fn repeat(&mut self) -> Asked {
        if self.asked.is_empty() {
            return Asked::default();
        }
        let index = self.random.below(self.asked.len());
        self.asked[index].clone()
    }

    /// Something that was asked before, with one field changed.
    fn contradict(&mut self) -> Vec<Transfer> {
        let mut transfers = self.repeat().transfers;
        let which = self.random.below(5);
        if let Some(transfer) = transfers.first_mut() {
            match which {
                0 => transfer.amount = transfer.amount + Money::from_minor(1),
                1 => transfer.reason = Some("another reason".into()),
                2 => transfer.code = TransferCode::Correction,
                3 => transfer.debit = Account::adjustment(USD),
                _ => transfer.subject = domain::ledger::Subject::Deal(1),
            }
        }
        transfers
    }

    /// Two things in one call.
    fn together(&mut self) -> Vec<Transfer> {
        let mut transfers = self.win();
        transfers.extend(self.request());
        if self.random.below(2) == 0 {
            transfers.reverse();
        }
        transfers
    }

    /// What no part of the program would ask, about something that was booked.
    fn nonsense(&mut self) -> Vec<Transfer> {
        let index = self.random.below(self.model.transfers().count().max(1));
        let which = self.random.below(8);
        let Some(booked) = self.model.transfers().nth(index).cloned() else { return Vec::new() };
        let plain = Transfer {
            key: format!("nonsense:{}", self.asked.len()),
            phase: Phase::Single,
            reverses: None,
            may_overdraw: false,
            available_at: None,
            ..booked.clone()
        };
        let opposite = Transfer { debit: booked.credit, credit: booked.debit, ..plain.clone() };
        vec![match which {
            0 => Transfer { amount: Money::ZERO, ..plain },
            1 => Transfer { credit: plain.debit.clone(), ..plain },
            2 => Transfer { phase: Phase::Post { pending: booked.key }, ..plain },
            3 => Transfer {
                phase: Phase::Post { pending: booked.key },
                amount: plain.amount + Money::from_minor(1),
                ..plain
            },
            4 => Transfer { phase: Phase::Void { pending: "nothing".into() }, ..plain },
            5 => Transfer { reverses: Some("nothing".into()), ..plain },
            6 => Transfer { reverses: Some(booked.key), ..plain },
            // All of it back, although a part may have been taken back before.
            _ => Transfer { reverses: Some(booked.key), may_overdraw: true, ..opposite },
        }]
    }
}

/// What the database says after a step: the answer, and of each account it touched the counters and newest entries.
type Said = (Result<Vec<Outcome>, LedgerError>, Vec<(Account, Counters, Vec<Entry>)>);

fn ask(db: &Db, at: Timestamp, transfers: &[Transfer], touched: &[Account]) -> Said {
    let (transfers, touched) = (transfers.to_vec(), touched.to_vec());
    let newest = i64::try_from(transfers.len()).unwrap() + 2;
    let answer = db.write_blocking(move |tx| ledger::apply(tx, at, &transfers));
    let answer = crate::ledger::refusal::<Vec<Outcome>>(answer);
    let accounts = db.read_blocking(move |tx| -> Result<_, DbError> {
        let mut seen = Vec::new();
        for account in &touched {
            let counters = ledger::counters(tx, account)?;
            let lines = ledger::statement(tx, account, None, newest)?;
            seen.push((account.clone(), counters, lines.into_iter().map(|line| line.entry).collect()));
        }
        Ok(seen)
    });
    (answer, accounts.unwrap())
}

fn simulate(db: &Db, seed: u64, steps: u32) -> BTreeMap<&'static str, u32> {
    let mut world = World::new(seed);
    let mut words = BTreeMap::new();
    let mut strange_deals = BTreeSet::new();
    for step in 0..steps {
        let (deals, withdrawals) = (world.deals.clone(), world.withdrawals.len());
        let mut asked = world.plan();
        let transfers = &asked.transfers;
        let named = || format!("seed {seed}, step {step}: {transfers:#?}");
        let expected = world.model.apply(transfers);
        assert_eq!(world.model.broken_rule(), None, "the model itself: {}", named());

        let keys: BTreeSet<String> =
            transfers.iter().flat_map(|transfer| [transfer.debit.key(), transfer.credit.key()]).collect();
        let touched: Vec<Account> = keys.iter().map(|key| Account::from_key(key).unwrap()).collect();
        let at = NOW.plus(i64::from(step));
        let (answer, accounts) = ask(db, at, transfers, &touched);
        assert_eq!(answer, expected, "{}", named());
        for (account, counters, newest) in accounts {
            assert_eq!(counters, world.model.counters(&account), "{}: {}", account.key(), named());
            let all = world.model.entries(&account);
            let expected: Vec<Entry> = all.iter().rev().take(transfers.len() + 2).cloned().collect();
            assert_eq!(newest, expected, "{}: {}", account.key(), named());
        }
        match &expected {
            Ok(outcomes) => {
                outcomes.iter().for_each(|outcome| *words.entry(outcome.word()).or_default() += 1)
            }
            Err(error) => *words.entry(error.word()).or_default() += 1,
        }
        if asked.strange && expected.is_ok() {
            let keys = transfers.iter().flat_map(|transfer| {
                [Some(transfer.key.as_str()), transfer.phase.pending(), transfer.reverses.as_deref()]
            });
            strange_deals.extend(keys.flatten().filter_map(deal_in));
            strange_deals.extend(transfers.iter().filter_map(|transfer| transfer.subject.deal()));
        }
        if expected.is_err() {
            // The office's transaction was rolled back. Asked again later it may be let in, behind the office's back.
            world.deals = deals;
            world.withdrawals.truncate(withdrawals);
            asked.strange = true;
        }
        world.asked.push(asked);
    }
    for account in world.model.accounts() {
        assert_eq!(entries(db, account), world.model.entries(account), "seed {seed}: {}", account.key());
    }
    // Each deal has what its last winning left, and nothing of the earlier ones.
    for deal in world.deals.iter().filter(|deal| !strange_deals.contains(&deal.number)) {
        let left = world.standing(deal).map(|standing| standing.left()).unwrap_or_default();
        assert_eq!(
            world.model.commission_left(deal.number),
            left,
            "seed {seed}: {:#?}",
            world.model.of_deal(deal.number)
        );
    }
    words
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

both_databases!(a_random_workload_agrees_with_the_model, |db: Db| {
    // Another one each time; a failure names it.
    let seed = variable("GOODWORD_SIMULATION_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let steps = variable("GOODWORD_SIMULATION_STEPS").unwrap_or(300);
    simulate(&db, seed, steps);
    sound(&db);
});

both_databases!(the_workload_meets_every_answer, |db: Db| {
    // A fixed seed, so that this says something about the workload and not about luck.
    let words = simulate(&db, 7, 900);
    sound(&db);
    for word in [
        "applied",
        "exists",
        "conflict",
        "insufficient",
        "already_resolved",
        "invalid",
        "mismatch",
        "not_pending",
        "unknown_pending",
        "not_reversible",
        "unknown_original",
        "reversal_too_large",
    ] {
        assert!(words.contains_key(word), "never {word}: {words:?}");
    }
});

#[test]
fn an_error_of_the_database_is_no_refusal() {
    let error = ApplyError::from(DbError::Busy);
    assert!(matches!(error, ApplyError::Db(DbError::Busy)));
}
