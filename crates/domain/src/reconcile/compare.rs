//! One deal as the CRM has it beside the same deal here: where they differ, and what would bring ours to theirs.

use crate::{deal::DealStatus, money::Money};

/// A deal as the CRM has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theirs {
    /// Where it stands.
    pub status: DealStatus,
    /// What it came to, if that is said.
    pub amount: Option<Money>,
}

/// The same deal here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// Where it stands.
    pub status: DealStatus,
    /// What it was won with; zero unless it is won.
    pub amount: Money,
    /// What the client was given back of it.
    pub refunded: Money,
    /// Whether its commission was settled by another system before: opened again, ours would be booked on top.
    pub settled: bool,
    /// Whether it bears the CRM's identifier.
    pub named: bool,
}

impl Ours {
    /// What is left of the amount.
    pub fn remaining(&self) -> Money {
        self.amount - self.refunded
    }
}

/// How a line of the CRM's list and our deals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// The two stand in different places.
    Stage,
    /// Both are won, with different amounts.
    Amount,
    /// The CRM has a deal that isn't here.
    MissingHere,
    /// Here is a deal that the CRM doesn't have.
    MissingThere,
    /// They are the same, but ours doesn't bear the CRM's identifier.
    Unnamed,
    /// The line can't be compared.
    Unclear,
}

impl Difference {
    /// Every difference, what costs money first.
    pub const ALL: [Difference; 6] = [
        Difference::Stage,
        Difference::Amount,
        Difference::MissingHere,
        Difference::MissingThere,
        Difference::Unnamed,
        Difference::Unclear,
    ];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Difference::Stage => "stage",
            Difference::Amount => "amount",
            Difference::MissingHere => "missing-here",
            Difference::MissingThere => "missing-there",
            Difference::Unnamed => "unnamed",
            Difference::Unclear => "unclear",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Difference> {
        Difference::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Difference::Stage => "Stage differs",
            Difference::Amount => "Amount differs",
            Difference::MissingHere => "Missing here",
            Difference::MissingThere => "Missing in the CRM",
            Difference::Unnamed => "Not linked",
            Difference::Unclear => "Can't be compared",
        }
    }
}

/// Where a deal of the CRM and the same deal here differ, if they do. Refunds that the CRM knows or doesn't know are no
/// difference: its amount may be what was agreed on or what is left.
pub fn compare(theirs: &Theirs, ours: &Ours) -> Option<Difference> {
    if theirs.status != ours.status {
        return Some(Difference::Stage);
    }
    let differs = |amount: Money| amount != ours.amount && amount != ours.remaining();
    if theirs.status == DealStatus::Won && theirs.amount.is_some_and(differs) {
        return Some(Difference::Amount);
    }
    (!ours.named).then_some(Difference::Unnamed)
}

/// What would bring ours to where the CRM says it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mend {
    /// Enter the client and the deal, and bring the deal to the CRM's stage.
    Enter,
    /// Keep the CRM's identifier with our deal.
    Name,
    /// Close it successfully.
    Win,
    /// Close it unsuccessfully.
    Lose,
    /// Take the closing back.
    Reopen,
    /// Take the closing back and close it successfully, with the CRM's amount.
    WinAgain,
    /// Take the closing back and close it unsuccessfully.
    LoseAgain,
    /// Record that the client was given the difference back.
    Refund,
    /// Post the client to the CRM.
    Post,
}

impl Mend {
    /// Every mend.
    pub const ALL: [Mend; 9] = [
        Mend::Enter,
        Mend::Name,
        Mend::Win,
        Mend::Lose,
        Mend::Reopen,
        Mend::WinAgain,
        Mend::LoseAgain,
        Mend::Refund,
        Mend::Post,
    ];

    /// The word in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mend::Enter => "enter",
            Mend::Name => "name",
            Mend::Win => "win",
            Mend::Lose => "lose",
            Mend::Reopen => "reopen",
            Mend::WinAgain => "win-again",
            Mend::LoseAgain => "lose-again",
            Mend::Refund => "refund",
            Mend::Post => "post",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Mend> {
        Mend::ALL.into_iter().find(|mend| mend.as_str() == word)
    }
}

/// What mends a difference, the likeliest first. Nothing, where a person has to look.
pub fn mends(difference: Difference, theirs: Option<&Theirs>, ours: Option<&Ours>) -> Vec<Mend> {
    use DealStatus::*;
    let amount = theirs.and_then(|theirs| theirs.amount).filter(|amount| amount.is_positive());
    match (difference, theirs, ours) {
        (Difference::MissingHere, Some(theirs), None) if theirs.status != Won || amount.is_some() => {
            vec![Mend::Enter]
        }
        (Difference::Unnamed, Some(_), Some(_)) => vec![Mend::Name],
        // Ours would be booked on top of what the other system has settled.
        (_, _, Some(ours)) if ours.settled => vec![],
        (Difference::Stage, Some(theirs), Some(ours)) => match (ours.status, theirs.status) {
            (Pending, Won) if amount.is_some() => vec![Mend::Win],
            (Pending, Lost) => vec![Mend::Lose],
            (Won | Lost, Pending) => vec![Mend::Reopen],
            (Won, Lost) => vec![Mend::LoseAgain],
            (Lost, Won) if amount.is_some() => vec![Mend::WinAgain],
            _ => vec![],
        },
        (Difference::Amount, Some(_), Some(ours)) => match amount {
            // What was given back would be forgotten with the closing that is taken back.
            Some(amount) if amount < ours.remaining() && !ours.refunded.is_zero() => vec![Mend::Refund],
            Some(amount) if amount < ours.remaining() => vec![Mend::Refund, Mend::WinAgain],
            Some(_) if ours.refunded.is_zero() => vec![Mend::WinAgain],
            _ => vec![],
        },
        (Difference::MissingThere, None, Some(ours)) => {
            let close = match ours.status {
                Pending => vec![Mend::Lose],
                Won => vec![Mend::LoseAgain],
                Lost => vec![],
            };
            if ours.named { close } else { [vec![Mend::Post], close].concat() }
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DealStatus::*;

    const fn money(minor: i64) -> Money {
        Money::from_minor(minor)
    }

    fn theirs(status: DealStatus, amount: i64) -> Theirs {
        Theirs { status, amount: Some(money(amount)) }
    }

    fn ours(status: DealStatus, amount: i64, refunded: i64) -> Ours {
        Ours { status, amount: money(amount), refunded: money(refunded), settled: false, named: true }
    }

    #[test]
    fn differences_and_what_mends_them() {
        use Difference::*;
        for (there, here, difference, mended) in [
            (theirs(Pending, 500), ours(Pending, 0, 0), None, vec![]),
            (theirs(Won, 500), ours(Won, 500, 0), None, vec![]),
            (theirs(Lost, 0), ours(Lost, 0, 0), None, vec![]),
            // With or without what was given back.
            (theirs(Won, 500), ours(Won, 500, 200), None, vec![]),
            (theirs(Won, 300), ours(Won, 500, 200), None, vec![]),
            (theirs(Won, 500), ours(Pending, 0, 0), Some(Stage), vec![Mend::Win]),
            (theirs(Won, 0), ours(Pending, 0, 0), Some(Stage), vec![]),
            (theirs(Lost, 0), ours(Pending, 0, 0), Some(Stage), vec![Mend::Lose]),
            (theirs(Pending, 0), ours(Won, 500, 0), Some(Stage), vec![Mend::Reopen]),
            (theirs(Pending, 0), ours(Lost, 0, 0), Some(Stage), vec![Mend::Reopen]),
            (theirs(Lost, 0), ours(Won, 500, 0), Some(Stage), vec![Mend::LoseAgain]),
            (theirs(Won, 500), ours(Lost, 0, 0), Some(Stage), vec![Mend::WinAgain]),
            (theirs(Won, 400), ours(Won, 500, 0), Some(Amount), vec![Mend::Refund, Mend::WinAgain]),
            (theirs(Won, 600), ours(Won, 500, 0), Some(Amount), vec![Mend::WinAgain]),
            (theirs(Won, 200), ours(Won, 500, 200), Some(Amount), vec![Mend::Refund]),
            (theirs(Won, 400), ours(Won, 500, 200), Some(Amount), vec![]),
            (theirs(Won, 0), ours(Won, 500, 0), Some(Amount), vec![]),
        ] {
            assert_eq!(compare(&there, &here), difference, "{there:?} {here:?}");
            if let Some(difference) = difference {
                assert_eq!(mends(difference, Some(&there), Some(&here)), mended, "{there:?} {here:?}");
            }
        }
        let silent = Theirs { status: Won, amount: None };
        assert_eq!(compare(&silent, &ours(Won, 500, 0)), None);
    }

    #[test]
    fn what_one_side_lacks() {
        let here = ours(Won, 500, 0);
        let unnamed = |status| Ours { named: false, ..ours(status, 0, 0) };
        let missing = Difference::MissingThere;
        assert_eq!(mends(missing, None, Some(&here)), [Mend::LoseAgain]);
        assert_eq!(mends(missing, None, Some(&unnamed(Pending))), [Mend::Post, Mend::Lose]);
        assert_eq!(mends(Difference::MissingHere, Some(&theirs(Lost, 0)), None), [Mend::Enter]);
        assert_eq!(mends(Difference::MissingHere, Some(&theirs(Won, 0)), None), []);
        assert_eq!(compare(&theirs(Pending, 0), &unnamed(Pending)), Some(Difference::Unnamed));
        assert_eq!(
            mends(Difference::Unnamed, Some(&theirs(Pending, 0)), Some(&unnamed(Pending))),
            [Mend::Name]
        );
    }

    #[test]
    fn what_another_system_has_settled_is_not_booked_again() {
        let here = Ours { settled: true, ..ours(Won, 500, 0) };
        assert_eq!(compare(&theirs(Lost, 0), &here), Some(Difference::Stage));
        assert_eq!(mends(Difference::Stage, Some(&theirs(Lost, 0)), Some(&here)), []);
        assert_eq!(mends(Difference::Amount, Some(&theirs(Won, 400)), Some(&here)), []);
    }

    #[test]
    fn words_are_read_back() {
        for kind in Difference::ALL {
            assert_eq!(Difference::from_word(kind.as_str()), Some(kind));
        }
        for mend in Mend::ALL {
            assert_eq!(Mend::from_word(mend.as_str()), Some(mend));
        }
    }
}
