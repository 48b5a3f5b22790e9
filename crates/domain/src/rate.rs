//! The partner's percentage, in basis points (hundredths of a percent).

use crate::money::Money;
use std::fmt;

/// A rate from 0 % to 100 %, in basis points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(i64);

/// Why a typed percentage is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Write a percentage from 0 to 100 with at most two decimals, for example 12.5.")]
pub struct RateError;

impl Rate {
    /// A rate given in basis points, if it lies between 0 and 10,000.
    pub fn from_basis_points(basis_points: i64) -> Option<Rate> {
        (0..=10_000).contains(&basis_points).then_some(Rate(basis_points))
    }

    /// The rate in basis points.
    pub const fn basis_points(self) -> i64 {
        self.0
    }

    /// The share of an amount, rounded once, half to even.
    pub fn of(self, amount: Money) -> Money {
        amount.mul_div_half_even(self.0, 10_000)
    }

    /// Reads a percentage as a person types it: `12`, `12.5`, `12.5 %`.
    ///
    /// # Errors
    /// [`RateError`], whose text can be shown beside the field.
    pub fn parse_percent(typed: &str) -> Result<Rate, RateError> {
        let text = typed.trim();
        let text = text.strip_suffix('%').unwrap_or(text).trim();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        let decimals = decimals.trim_end_matches('0');
        if whole.is_empty() || whole.len() > 3 || decimals.len() > 2 || !digits(whole) || !digits(decimals) {
            return Err(RateError);
        }
        let basis_points = format!("{whole}{decimals:0<2}").parse().map_err(|_| RateError)?;
        Rate::from_basis_points(basis_points).ok_or(RateError)
    }
}

/// The rate as people read it: `10 %`, `12.5 %`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.percent())?;
        f.write_str(" %")
    }
}

impl Rate {
    /// The number before the percent sign: `10`, `12.5`.
    pub fn percent(self) -> String {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_and_written() {
        for (typed, bp, written) in [
            ("10", 1000, "10 %"),
            ("12.5 %", 1250, "12.5 %"),
            ("0", 0, "0 %"),
            ("100.00", 10_000, "100 %"),
            ("7.25%", 725, "7.25 %"),
        ] {
            let rate = Rate::parse_percent(typed).unwrap();
            assert_eq!((rate.basis_points(), rate.to_string().as_str()), (bp, written));
        }
        for typed in ["", "-1", "100.01", "1000", "12.345", "ten", ".5", "1,5", "%"] {
            assert_eq!(Rate::parse_percent(typed), Err(RateError), "{typed}");
        }
    }
}
