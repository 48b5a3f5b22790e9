//! What moves with a client, for whoever is about to give the client to somebody else.

use domain::money::{Currency, Money};
use store::{DbError, Tx, deals};

use super::attribution::booked;

/// The deals of a client, and what moving them takes from whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stake {
    /// How many deals are won.
    pub won: usize,
    /// How many are not.
    pub others: usize,
    /// How many of the won ones earned nobody anything.
    pub unbooked: usize,
    /// What each partner loses, by name.
    pub takes: Vec<(String, Money)>,
}

/// What would move with a client now.
///
/// # Errors
/// When the database says no.
pub fn of_client(tx: &mut Tx, client_number: i64) -> Result<Stake, DbError> {
    let mut stake = Stake::default();
    for deal in deals::of_client(tx, client_number)? {
        let Some(won) = &deal.won else {
            stake.others += 1;
            continue;
        };
        stake.won += 1;
        let (_, left) = booked(tx, &deal, won)?;
        match &deal.partner {
            Some(partner) if won.commission.is_some() => stake.take(&partner.name, left),
            // What another system has settled stays settled, whoever has the client.
            _ if won.settled.is_some() => {}
            _ => stake.unbooked += 1,
        }
    }
    Ok(stake)
}

impl Stake {
    fn take(&mut self, name: &str, left: Money) {
        if left.is_zero() {
            return;
        }
        match self.takes.iter_mut().find(|(of, _)| of == name) {
            Some((_, sum)) => *sum = *sum + left,
            None => self.takes.push((name.to_owned(), left)),
        }
    }

    /// What giving the client to another partner moves, in a sentence or two.
    pub fn words(&self, currency: Currency) -> String {
        let deals = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let what = match (self.won, self.others) {
            (0, 0) => return "No deal moves with the client.".into(),
            (0, others) => {
                return format!("Moves {}; no commission is booked.", deals(others, "open or lost deal"));
            }
            (won, 0) => deals(won, "won deal"),
            (won, others) => format!("{} and {}", deals(won, "won deal"), deals(others, "other")),
        };
        let takes: Vec<String> = self
            .takes
            .iter()
            .map(|(name, sum)| format!("{} of commission from {name}", currency.format_with_symbol(*sum)))
            .collect();
        let takes = if takes.is_empty() {
            "takes no commission from anybody".to_owned()
        } else {
            format!("takes {}", takes.join(" and "))
        };
        let unbooked = if self.unbooked > 0 {
            " Where no commission was booked, the new partner's rate of today counts."
        } else {
            ""
        };
        format!("Moves {what}; {takes}.{unbooked}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_said_in_a_sentence() {
        let stake = |won, others, unbooked, takes: &[(&str, i64)]| Stake {
            won,
            others,
            unbooked,
            takes: takes.iter().map(|(name, sum)| ((*name).to_owned(), Money::from_minor(*sum))).collect(),
        };
        for (stake, words) in [
            (stake(0, 0, 0, &[]), "No deal moves with the client."),
            (stake(0, 1, 0, &[]), "Moves 1 open or lost deal; no commission is booked."),
            (
                stake(1, 0, 0, &[("Pia", 290_000)]),
                "Moves 1 won deal; takes $2,900.00 of commission from Pia.",
            ),
            (stake(2, 2, 0, &[]), "Moves 2 won deals and 2 others; takes no commission from anybody."),
            (
                stake(3, 1, 1, &[("Pia", 100), ("Ole", 5)]),
                "Moves 3 won deals and 1 other; takes $1.00 of commission from Pia and $0.05 of commission from Ole. \
                 Where no commission was booked, the new partner's rate of today counts.",
            ),
        ] {
            assert_eq!(stake.words(Currency::USD), words);
        }
    }
}
