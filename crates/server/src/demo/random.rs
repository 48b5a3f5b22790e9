//! The chance of the demo: the same seed tells the same story. Good for stories, never for secrets.

use std::sync::{Mutex, PoisonError};

use domain::ids::Ids;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// A stream of its own for each purpose, so that more draws for one don't change the others.
    pub fn new(seed: u64, purpose: u64) -> Rng {
        let mut rng = Rng(seed);
        rng.0 = rng.draw() ^ purpose.wrapping_mul(GAMMA);
        rng.draw();
        rng
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) + 1;
        low.saturating_add_unsigned(self.draw() % span)
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, times: u64) -> bool {
        self.draw() % 1000 < times
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.draw() % 100 < times
    }

    /// An index below `length`, which is not 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.draw() % length as u64).expect("below a length")
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }

    /// An index, as often as its weight says; none when nothing has a weight.
    pub fn weighted(&mut self, weights: &[u64]) -> Option<usize> {
        let total: u64 = weights.iter().sum();
        let mut left = self.draw().checked_rem(total)?;
        weights.iter().position(|weight| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        })
    }

    /// Puts them in any order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.index(last + 1));
        }
    }
}

/// Identifiers that follow from the seed.
#[derive(Debug)]
pub struct SeededIds(Mutex<Rng>);

impl SeededIds {
    /// Identifiers of one stream.
    pub fn new(rng: Rng) -> SeededIds {
        SeededIds(Mutex::new(rng))
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&rng.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_what_comes() {
        let draw = |seed, purpose| {
            let mut rng = Rng::new(seed, purpose);
            [rng.draw(), rng.draw(), rng.draw()]
        };
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(2, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut rng = Rng::new(7, 0);
        let drawn: Vec<i64> = (0..500).map(|_| rng.between(-1, 2)).collect();
        assert!([-1, 0, 1, 2].iter().all(|n| drawn.contains(n)), "every number comes");
        assert!(drawn.iter().all(|n| (-1..=2).contains(n)), "and no other");
        assert!((0..500).all(|_| rng.weighted(&[0, 3, 0, 1]).is_some_and(|index| index == 1 || index == 3)));
        assert_eq!(rng.weighted(&[0, 0]), None);
    }
}
