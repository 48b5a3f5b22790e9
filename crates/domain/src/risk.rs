//! What finance should know before it pays a withdrawal: facts with their reasons, no verdicts.

use crate::clock::{DAY, Timestamp};
use crate::money::{Currency, Money};
use crate::wallet::WalletKind;

/// How long before the request an address counts as entered lately.
pub const LATELY_DAYS: i64 = 14;

/// Whether two addresses of wallets are one: as texts that are equal exactly then.
pub fn address_key(kind: WalletKind, address: &str) -> String {
    match kind {
        // Letter case is a checksum here, or doesn't matter.
        WalletKind::Paypal | WalletKind::Eth | WalletKind::UsdtEthereum => address.to_lowercase(),
        _ => address.to_owned(),
    }
}

/// What a client has in common with the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Common {
    /// The email address.
    Email,
    /// The name.
    Name,
    /// The account on Telegram.
    Telegram,
    /// The client's email address is the wallet's PayPal account.
    Paypal,
}

/// A client of the partner who may be the partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// The client number.
    pub client: i64,
    /// What the client is called.
    pub name: String,
    /// What is the same.
    pub common: Common,
}

/// A deal of the partner that was refunded or opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenBack {
    /// The transaction number.
    pub deal: i64,
    /// When.
    pub at: Timestamp,
    /// Opened again, or else refunded.
    pub reopened: bool,
}

/// What is known about a withdrawal.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How much.
    pub amount: Money,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// When the wallet's address was entered.
    pub entered_at: Option<Timestamp>,
    /// When the wallet was changed or removed after the request.
    pub changed_since: Option<Timestamp>,
    /// Whether another withdrawal was paid to the partner.
    pub paid: bool,
    /// Whether one was to this address.
    pub paid_here: bool,
    /// How many payments to this address came back.
    pub came_back_here: i64,
    /// The largest of the latest payments to the partner.
    pub largest: Option<Money>,
    /// Other partners who have or had this address: identifier and name.
    pub shared_with: Vec<(String, String)>,
    /// Clients of the partner who may be the partner.
    pub likenesses: Vec<Likeness>,
    /// Deals of the partner refunded or opened again since the request.
    pub taken_back: Vec<TakenBack>,
    /// What is available to the partner now.
    pub available: Money,
    /// Since when the partner is suspended.
    pub suspended: Option<Timestamp>,
}

/// One fact to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// The partner is suspended.
    Suspended(Timestamp),
    /// The balance is below zero.
    BelowZero(Money),
    /// The address was entered shortly before the request.
    EnteredLately(Timestamp),
    /// The wallet was changed or removed after the request.
    ChangedSince(Timestamp),
    /// Nothing was ever paid to this partner.
    First,
    /// Nothing was ever paid to this address.
    NewAddress,
    /// A payment to this address came back.
    CameBack(i64),
    /// More than finance has paid to this partner lately.
    AboveUsual(Money),
    /// Another partner has or had the same address: identifier and name.
    SharedAddress(String, String),
    /// A client of the partner may be the partner.
    OwnClient(Likeness),
    /// A deal was refunded or opened again since the request.
    TakenBack(TakenBack),
}

/// The signs in the facts, the gravest first.
pub fn signs(facts: &Facts) -> Vec<Sign> {
    let mut signs = Vec::new();
    signs.extend(facts.suspended.map(Sign::Suspended));
    if facts.available < Money::ZERO {
        signs.push(Sign::BelowZero(facts.available));
    }
    signs.extend(facts.shared_with.iter().map(|(id, name)| Sign::SharedAddress(id.clone(), name.clone())));
    signs.extend(facts.likenesses.iter().cloned().map(Sign::OwnClient));
    signs.extend(facts.taken_back.iter().copied().map(Sign::TakenBack));
    if facts.came_back_here > 0 {
        signs.push(Sign::CameBack(facts.came_back_here));
    }
    let is_late =
        |entered: &Timestamp| facts.requested_at.is_some_and(|at| at.since(*entered) < LATELY_DAYS * DAY);
    signs.extend(facts.entered_at.filter(is_late).map(Sign::EnteredLately));
    signs.extend(facts.changed_since.map(Sign::ChangedSince));
    match (facts.paid, facts.paid_here) {
        (false, _) => signs.push(Sign::First),
        (true, false) => signs.push(Sign::NewAddress),
        (true, true) => {}
    }
    signs.extend(facts.largest.filter(|largest| facts.amount > *largest).map(Sign::AboveUsual));
    signs
}

impl Sign {
    /// What it is, in a few words.
    pub const fn title(&self) -> &'static str {
        match self {
            Sign::Suspended(_) => "Partner suspended",
            Sign::BelowZero(_) => "Balance below zero",
            Sign::EnteredLately(_) => "Wallet entered lately",
            Sign::ChangedSince(_) => "Wallet changed since",
            Sign::First => "First withdrawal",
            Sign::NewAddress => "Never paid to this wallet",
            Sign::CameBack(_) => "Came back before",
            Sign::AboveUsual(_) => "Above what is usual",
            Sign::SharedAddress(..) => "Same wallet as another partner",
            Sign::OwnClient(_) => "May be their own client",
            Sign::TakenBack(TakenBack { reopened: true, .. }) => "Deal opened again since",
            Sign::TakenBack(_) => "Refund since",
        }
    }

    /// Why it is shown, in a sentence.
    pub fn reason(&self, currency: Currency) -> String {
        let at = |at: &Timestamp| format!("{} UTC", at.date_time());
        match self {
            Sign::Suspended(since) => format!("The partner has been suspended since {}.", at(since)),
            Sign::BelowZero(available) => format!(
                "{} is available: refunds have taken back more than the partner had.",
                currency.format(*available)
            ),
            Sign::EnteredLately(entered) => {
                format!(
                    "The address was entered on {}, at most {LATELY_DAYS} days before the request.",
                    at(entered)
                )
            }
            Sign::ChangedSince(changed) => format!(
                "The partner changed or removed this wallet on {}, after the request. The address above is the one of \
                 the request.",
                at(changed)
            ),
            Sign::First => "Nothing was paid to this partner before.".into(),
            Sign::NewAddress => "Earlier withdrawals of this partner went elsewhere.".into(),
            Sign::CameBack(1) => "A payment to this address came back.".into(),
            Sign::CameBack(times) => format!("{times} payments to this address came back."),
            Sign::AboveUsual(largest) => {
                format!(
                    "The largest of the latest payments to this partner was {}.",
                    currency.format(*largest)
                )
            }
            Sign::SharedAddress(_, name) => format!("{name} has or had a wallet with this address."),
            Sign::OwnClient(likeness) => {
                let what = match likeness.common {
                    Common::Email => "has the partner's email address",
                    Common::Name => "is called like the partner",
                    Common::Telegram => "has the partner's Telegram account",
                    Common::Paypal => "has the email address of this PayPal account",
                };
                format!("C-{} {} {what}.", likeness.client, likeness.name)
            }
            Sign::TakenBack(taken) => {
                let what = if taken.reopened { "was opened again" } else { "was refunded" };
                format!("T-{} {what} on {}.", taken.deal, at(&taken.at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Timestamp {
        Timestamp::from_micros(days * DAY)
    }

    /// Nothing to be said: an old wallet that was paid to before.
    fn usual() -> Facts {
        Facts {
            amount: Money::from_minor(50_000),
            requested_at: Some(day(100)),
            entered_at: Some(day(10)),
            paid: true,
            paid_here: true,
            largest: Some(Money::from_minor(50_000)),
            ..Facts::default()
        }
    }

    #[test]
    fn each_fact_gives_its_sign_and_no_other() {
        assert_eq!(signs(&usual()), []);
        let likeness = Likeness { client: 1042, name: "Ann".into(), common: Common::Email };
        let taken = TakenBack { deal: 2077, at: day(101), reopened: true };
        let cases: Vec<(Facts, Sign)> = vec![
            (Facts { suspended: Some(day(1)), ..usual() }, Sign::Suspended(day(1))),
            (Facts { available: Money::from_minor(-1), ..usual() }, Sign::BelowZero(Money::from_minor(-1))),
            (Facts { entered_at: Some(day(87)), ..usual() }, Sign::EnteredLately(day(87))),
            (Facts { changed_since: Some(day(101)), ..usual() }, Sign::ChangedSince(day(101))),
            (Facts { paid: false, paid_here: false, largest: None, ..usual() }, Sign::First),
            (Facts { paid_here: false, ..usual() }, Sign::NewAddress),
            (Facts { came_back_here: 1, ..usual() }, Sign::CameBack(1)),
            (
                Facts { amount: Money::from_minor(50_001), ..usual() },
                Sign::AboveUsual(Money::from_minor(50_000)),
            ),
            (
                Facts { shared_with: vec![("p2".into(), "Bob".into())], ..usual() },
                Sign::SharedAddress("p2".into(), "Bob".into()),
            ),
            (Facts { likenesses: vec![likeness.clone()], ..usual() }, Sign::OwnClient(likeness)),
            (Facts { taken_back: vec![taken], ..usual() }, Sign::TakenBack(taken)),
        ];
        for (facts, expected) in cases {
            assert_eq!(signs(&facts), std::slice::from_ref(&expected));
            assert!(expected.reason(Currency::USD).ends_with('.') && !expected.title().is_empty());
        }
    }

    #[test]
    fn an_address_counts_as_late_for_two_weeks() {
        for (entered, shown) in [(86, false), (87, true), (100, true)] {
            let facts = Facts { entered_at: Some(day(entered)), ..usual() };
            assert_eq!(!signs(&facts).is_empty(), shown, "{entered}");
        }
    }

    #[test]
    fn addresses_that_are_one_have_one_key() {
        let key = |kind, address: &str| address_key(kind, address);
        assert_eq!(key(WalletKind::Paypal, "Ann@Example.com"), key(WalletKind::Paypal, "ann@example.com"));
        assert_eq!(key(WalletKind::Eth, "0xAb"), key(WalletKind::UsdtEthereum, "0xaB"));
        assert_ne!(key(WalletKind::Btc, "1Ab"), key(WalletKind::Btc, "1aB"));
    }
}
