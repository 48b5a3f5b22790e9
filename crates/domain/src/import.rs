//! Taking over from another system: which files there are, which columns they have, and what a row must be to be taken.
//! Only reading: what becomes of the rows is decided where the database is.

mod columns;
mod moments;
mod rows;

pub use columns::{Cells, Column, HeaderFault, Kind, Layout, Preset, layout};
pub use moments::moment;
pub use rows::{BalanceRow, ClientRow, DealRow, Fault, PartnerRow, Settled, balance, client, deal, partner};

/// How long the name of a source may be.
pub const SOURCE_MAX: usize = 40;

/// Reads the name of the system that rows come from: letters, digits and hyphens. It keeps the identifiers of two
/// systems apart.
pub fn source(typed: &str) -> Option<String> {
    let name = typed.trim().to_lowercase();
    let fits = (1..=SOURCE_MAX).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_word() {
        assert_eq!(source(" Rewardful "), Some("rewardful".into()));
        assert_eq!(source("old-crm-2"), Some("old-crm-2".into()));
        for wrong in ["", "old crm", "über", "a_b", &"x".repeat(41)] {
            assert_eq!(source(wrong), None, "{wrong}");
        }
    }
}
