//! Tiers: from which lifetime volume of won deals which rate applies.

use crate::{money::Money, rate::Rate};

/// One tier: the rate that applies once the partner's volume has reached `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The volume of won deals (minor units) from which the rate applies.
    pub from: Money,
    /// The rate of this tier.
    pub rate: Rate,
}

/// The tiers of a programme, ascending, the first one from zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers(Vec<Tier>);

/// Why a list of tiers can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TiersError {
    /// Nobody would have a rate at the start.
    #[error("The first tier must start at 0, so that every partner has a rate.")]
    NoStart,
    /// Two tiers start at the same volume.
    #[error("Two tiers start at the same volume.")]
    SameVolume,
    /// More than [`Tiers::MAX`] tiers.
    #[error("At most 20 tiers can be set.")]
    TooMany,
    /// A tier's volume is below zero.
    #[error("A tier can't start below 0.")]
    Negative,
}

/// The rate a partner has now and what the next tier gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The tier the volume has reached.
    pub current: Tier,
    /// The next one, if any.
    pub next: Option<Tier>,
}

impl Tiers {
    /// How many tiers a programme may have.
    pub const MAX: usize = 20;

    /// Sorts and checks a list of tiers.
    ///
    /// # Errors
    /// [`TiersError`] when no tier starts at zero, two start at the same volume, or there are too many.
    pub fn new(mut tiers: Vec<Tier>) -> Result<Tiers, TiersError> {
        tiers.sort_by_key(|tier| tier.from);
        match tiers.first() {
            Some(first) if first.from.minor() < 0 => return Err(TiersError::Negative),
            Some(first) if first.from.is_zero() => {}
            _ => return Err(TiersError::NoStart),
        }
        if tiers.windows(2).any(|pair| pair[0].from == pair[1].from) {
            return Err(TiersError::SameVolume);
        }
        if tiers.len() > Tiers::MAX { Err(TiersError::TooMany) } else { Ok(Tiers(tiers)) }
    }

    /// What a new programme starts with: 10 % from 0, 12 % from 25,000.00, 15 % from 100,000.00.
    pub fn standard() -> Tiers {
        let tier = |from, bp| Tier {
            from: Money::from_minor(from),
            rate: Rate::from_basis_points(bp).expect("a constant below 100 %"),
        };
        Tiers(vec![tier(0, 1000), tier(2_500_000, 1200), tier(10_000_000, 1500)])
    }

    /// The tiers, ascending.
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }

    /// The tier that a volume has reached and the one after it. A volume below zero (refunds of another
    /// year) counts as zero.
    pub fn standing(&self, volume: Money) -> Standing {
        let reached = self.0.partition_point(|tier| tier.from <= volume).max(1);
        Standing { current: self.0[reached - 1], next: self.0.get(reached).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_applies_from_its_volume_on() {
        let tiers = Tiers::standard();
        for (volume, bp, next) in [
            (-5, 1000, Some(1200)),
            (0, 1000, Some(1200)),
            (2_499_999, 1000, Some(1200)),
            (2_500_000, 1200, Some(1500)),
            (9_999_999, 1200, Some(1500)),
            (10_000_000, 1500, None),
        ] {
            let standing = tiers.standing(Money::from_minor(volume));
            assert_eq!(standing.current.rate.basis_points(), bp, "{volume}");
            assert_eq!(standing.next.map(|tier| tier.rate.basis_points()), next, "{volume}");
        }
    }

    #[test]
    fn a_list_that_leaves_someone_without_a_rate_is_refused() {
        let tier = |from| Tier { from: Money::from_minor(from), rate: Rate::from_basis_points(100).unwrap() };
        assert_eq!(Tiers::new(vec![]), Err(TiersError::NoStart));
        assert_eq!(Tiers::new(vec![tier(1)]), Err(TiersError::NoStart));
        assert_eq!(Tiers::new(vec![tier(-1), tier(0)]), Err(TiersError::Negative));
        assert_eq!(Tiers::new(vec![tier(5), tier(0), tier(5)]), Err(TiersError::SameVolume));
        assert_eq!(Tiers::new((0..21).map(tier).collect()), Err(TiersError::TooMany));
        assert_eq!(Tiers::new(vec![tier(5), tier(0)]).unwrap().as_slice()[0].from, Money::ZERO);
    }
}
