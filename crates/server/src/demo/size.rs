//! How large a demo is, and how far its making has come.

/// How many there are in the end, the story's own included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Partners.
    pub partners: usize,
    /// Clients.
    pub clients: usize,
    /// Deals; at least as many as clients, since each comes with one.
    pub deals: usize,
    /// Visits through links, those of programs not counted.
    pub clicks: i64,
}

impl Size {
    /// A programme that has grown: what the pages are measured with.
    pub const LARGE: Size =
        Size { partners: 10_000, clients: 1_000_000, deals: 1_200_000, clicks: 10_000_000 };
}

/// What there is by now, the story's own included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Made {
    /// Partners.
    pub partners: usize,
    /// Clients.
    pub clients: usize,
    /// Deals.
    pub deals: usize,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A day was lived: how many of how many, and what there is by now.
    Day {
        /// Days that were lived.
        lived: usize,
        /// All days.
        of: usize,
        /// Clients by now.
        clients: usize,
        /// Deals by now.
        deals: usize,
        /// Visits by now.
        clicks: i64,
    },
    /// Verifying begins, of this part.
    Verifying(&'static str),
}

/// Shares of a whole that fall on the days of the year, each day by its weight: whole numbers that add up.
#[derive(Debug, Clone)]
pub struct Quota {
    /// The weights of all days up to and with each.
    up_to: Vec<u64>,
    whole: usize,
}

impl Quota {
    /// Parts a whole by weights.
    pub fn new(weights: impl IntoIterator<Item = u64>, whole: usize) -> Quota {
        let mut sum = 0;
        let up_to = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Quota { up_to, whole }
    }

    /// How much has fallen on the days up to and with this one.
    pub fn up_to(&self, day: usize) -> usize {
        let all = self.up_to.last().copied().unwrap_or(0).max(1);
        let part = u128::from(self.up_to[day]) * (self.whole as u128) / u128::from(all);
        usize::try_from(part).expect("no more than the whole")
    }

    /// How much falls on this day.
    pub fn of(&self, day: usize) -> usize {
        self.up_to(day) - if day == 0 { 0 } else { self.up_to(day - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_add_up_to_the_whole() {
        for whole in [0, 1, 7, 1_000_003] {
            let quota = Quota::new([0, 3, 1, 0, 9, 9], whole);
            assert_eq!((0..6).map(|day| quota.of(day)).sum::<usize>(), whole);
            assert_eq!((quota.of(0), quota.of(3)), (0, 0));
        }
        assert_eq!(Quota::new([1, 1, 2], 8).of(2), 4);
    }
}
