//! Two sides measured in turn, and the median of their ratios.

use anyhow::Result;

/// A share in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(pub i64);

impl Ratio {
    /// One number as a share of another.
    pub fn of(part: i64, whole: i64) -> Ratio {
        let whole = whole.max(1);
        Ratio((part * 1000 + whole / 2) / whole)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Cut off, not rounded: what is just below an aim must not look like it.
        write!(f, "{}.{:02}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

/// What both sides came to, a number for each round.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    /// What is measured.
    pub ours: Vec<i64>,
    /// What it is held against.
    pub floor: Vec<i64>,
}

/// Measures two sides in turn: A B A B. Both go through whatever the machine does meanwhile.
pub fn in_turn(
    rounds: u32,
    unit: &str,
    mut ours: impl FnMut(u32) -> Result<i64>,
    mut floor: impl FnMut(u32) -> Result<i64>,
) -> Result<Rounds> {
    let mut all = Rounds::default();
    for round in 0..rounds {
        let a = ours(round)?;
        let b = floor(round)?;
        println!(
            "  round {} of {rounds}: {a} {unit}, floor {b} {unit}, ratio {}",
            round + 1,
            Ratio::of(a, b)
        );
        all.ours.push(a);
        all.floor.push(b);
    }
    Ok(all)
}

impl Rounds {
    /// The ratios of all rounds, smallest first.
    fn ratios(&self) -> Vec<Ratio> {
        let mut ratios: Vec<_> =
            self.ours.iter().zip(&self.floor).map(|(ours, floor)| Ratio::of(*ours, *floor)).collect();
        ratios.sort_unstable();
        ratios
    }

    /// The ratio that half of the rounds did not reach.
    pub fn median(&self) -> Ratio {
        median(self.ratios().iter().map(|ratio| ratio.0)).map_or(Ratio(0), Ratio)
    }

    /// `0.62 (0.60–0.63)`: the median, smallest and largest ratio.
    pub fn text(&self) -> String {
        let ratios = self.ratios();
        match (ratios.first(), ratios.last()) {
            (Some(least), Some(most)) => format!("{} ({least}–{most})", self.median()),
            _ => "none".to_owned(),
        }
    }

    /// The middle number of our side.
    pub fn ours(&self) -> i64 {
        median(self.ours.iter().copied()).unwrap_or(0)
    }

    /// The middle number of the floor.
    pub fn floor(&self) -> i64 {
        median(self.floor.iter().copied()).unwrap_or(0)
    }
}

/// The middle one; of an even number the middle between the two in the middle.
pub fn median(numbers: impl IntoIterator<Item = i64>) -> Option<i64> {
    let mut numbers: Vec<i64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        length if length % 2 == 1 => Some(numbers[middle]),
        _ => Some((numbers[middle - 1] + numbers[middle]) / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([7]), Some(7));
        assert_eq!(median([9, 1, 5]), Some(5));
        assert_eq!(median([4, 1, 9, 2]), Some(3));
    }

    #[test]
    fn the_sides_are_measured_in_turn() {
        let order = std::cell::RefCell::new(String::new());
        let side = |name: char, number: i64| {
            let order = &order;
            move |round: u32| {
                order.borrow_mut().push(name);
                Ok(number + i64::from(round))
            }
        };
        let rounds = in_turn(3, "requests/s", side('a', 60), side('b', 100)).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!((rounds.ours(), rounds.floor()), (61, 101));
    }

    #[test]
    fn the_ratio_is_the_median_of_ratios_not_the_ratio_of_medians() {
        let rounds = Rounds { ours: vec![50, 90, 10], floor: vec![100, 100, 10] };
        assert_eq!(rounds.median(), Ratio(900));
        assert_eq!(rounds.text(), "0.90 (0.50–1.00)");
        assert_eq!(Ratio::of(599, 1000), Ratio(599));
        assert_eq!(Ratio::of(1, 0), Ratio(1000));
        assert_eq!((Ratio(596).to_string(), Ratio(1234).to_string()), ("0.59".into(), "1.23".into()));
    }

    #[test]
    fn a_side_that_fails_ends_the_comparison() {
        let failed = in_turn(2, "", |_| anyhow::bail!("gone"), |_| Ok(1));
        assert_eq!(failed.unwrap_err().to_string(), "gone");
    }
}
