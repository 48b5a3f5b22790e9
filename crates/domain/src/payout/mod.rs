//! Payment files: what a bank is handed to pay several withdrawals at once.

pub mod pain001;
pub mod sepa_text;
mod xml;

/// The identifier that a payment carries from end to end (at most 35 characters, SEPA's letters): `GW` and the
/// withdrawal's identifier without its hyphens.
pub fn end_to_end_id(withdrawal_id: &str) -> String {
    identifier("GW", withdrawal_id)
}

/// The identifier of a batch's payment file. A file made again has the same, so that a bank refuses the second.
pub fn message_id(batch_id: &str) -> String {
    identifier("GB", batch_id)
}

fn identifier(prefix: &str, id: &str) -> String {
    let plain = id.chars().filter(char::is_ascii_alphanumeric);
    prefix.chars().chain(plain).take(35).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_lead_back_and_are_short_enough() {
        let id = "0193a1b2-0000-7000-8000-0000000000aa";
        assert_eq!(end_to_end_id(id), "GW0193a1b20000700080000000000000aa");
        assert_eq!(message_id(id).len(), 34);
        assert!(end_to_end_id(&"x-".repeat(100)).len() <= 35);
    }
}
