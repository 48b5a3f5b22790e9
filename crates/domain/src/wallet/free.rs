//! Wallets without a checksum: a PayPal account by its email address, and whatever else a partner describes.

use super::WalletError;
use crate::text::{self, Email};

/// How few characters can tell how to pay somebody.
const MIN: usize = 3;
/// How many characters a description may have.
const MAX: usize = 500;

/// The email address as it was typed: PayPal compares it without regard to case.
pub(super) fn paypal(typed: &str) -> Result<String, WalletError> {
    Ok(Email::parse(typed)?.into_string())
}

/// A description of several lines (a bank's name and address, say).
pub(super) fn other(typed: &str) -> Result<String, WalletError> {
    let description = text::lines("description", MAX, typed)?;
    // What a description hides could send money elsewhere than the reader sees.
    text::refuse_disguise("description", &description)?;
    if description.chars().count() < MIN { Err(WalletError::TooShort) } else { Ok(description) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextError;

    #[test]
    fn a_paypal_account_is_an_email_address() {
        assert_eq!(paypal(" Ann@Example.com "), Ok("Ann@Example.com".into()));
        assert_eq!(paypal("ann"), Err(WalletError::Text(TextError::EmailParts)));
        assert_eq!(paypal("paypal.me/ann"), Err(WalletError::Text(TextError::EmailParts)));
    }

    #[test]
    fn a_description_is_bounded_and_shows_what_it_says() {
        assert_eq!(other(" Bank of X\r\nAccount 12 \r\n"), Ok("Bank of X\nAccount 12".into()));
        assert_eq!(other("現金で"), Ok("現金で".into()));
        assert_eq!(other("ok"), Err(WalletError::TooShort));
        assert_eq!(
            other(&"x".repeat(501)).unwrap_err().to_string(),
            "The description can have at most 500 characters; this has 501."
        );
        assert!(matches!(other("abc\0"), Err(WalletError::Text(TextError::Control { .. }))));
        assert!(matches!(other("abc\u{202e}def"), Err(WalletError::Text(TextError::Disguised { .. }))));
    }
}
