//! Email addresses that a mail of ours can reach (RFC 5321, RFC 6531).

use super::{TextError, bounded, present, refuse_control, refuse_disguise};
use email_address::{EmailAddress, Options};

/// An email address with a public domain, written as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(pub(super) String);

impl Email {
    /// How many characters an address may have: RFC 5321 allows a path of 256 with its angle brackets.
    pub const MAX: usize = 254;

    /// Reads an email address.
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Email, TextError> {
        let text = present("your email address", typed)?;
        refuse_control("email address", text, |_| false)?;
        refuse_disguise("email address", text)?;
        let text = bounded("email address", Email::MAX, text)?;
        let (local, domain) = text.rsplit_once('@').ok_or(TextError::EmailParts)?;
        if local.is_empty() || domain.is_empty() {
            return Err(TextError::EmailParts);
        }
        // A quoted name (`"a b"@example.com`) is allowed by the RFC, used by nobody and mangled by many.
        if text.contains(char::is_whitespace) || text.contains(['"', '<', '>', ',', ';']) {
            return Err(TextError::Email);
        }
        // Host names have letters, digits and hyphens (RFC 1123); the crate lets more through.
        if domain.chars().any(|c| c.is_ascii_punctuation() && !matches!(c, '-' | '.' | '[' | ']')) {
            return Err(TextError::Email);
        }
        if !is_public(domain) {
            return Err(TextError::EmailDomain);
        }
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        match EmailAddress::parse_with_options(&text, options) {
            Ok(_) => Ok(Email(text)),
            Err(_) => Err(TextError::Email),
        }
    }

    /// What makes an address the same as another: all in lower case. RFC 5321 lets a host tell `Ann` from
    /// `ann`, but none that people use does, and people don't type their address the same way twice. Dots and
    /// `+tags` are left alone: whether they matter is each host's own rule, and guessing it wrongly would sign
    /// one person in as another.
    pub fn key(&self) -> String {
        self.0.chars().flat_map(char::to_lowercase).collect()
    }

    /// What comes after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whether a domain can be one of the public internet: at least two labels, the last of them no number (which
/// would make it an IP address) and not of one letter (there is none).
fn is_public(domain: &str) -> bool {
    let Some((before, top)) = domain.rsplit_once('.') else { return false };
    !before.is_empty() && top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_taken_as_typed_and_compared_in_lower_case() {
        for typed in [
            "ann@example.com",
            "Ann.Lee+deals@Mail.Example.co.uk",
            "o'neill@example.museum",
            "x_1-2@sub.example.io",
            "анна@пример.рф",
            "user@xn--e1afmkfd.xn--p1ai",
            "1@123.example",
        ] {
            let email =
                Email::parse(&format!(" {typed}\n")).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!(email.as_str(), typed);
            assert_eq!(email.key(), typed.to_lowercase());
        }
        assert_eq!(Email::parse("a@Example.com").unwrap().domain(), "Example.com");
        assert_ne!(Email::parse("a.b@gmail.com").unwrap().key(), Email::parse("ab@gmail.com").unwrap().key());
    }

    #[test]
    fn what_can_not_be_reached_is_refused_with_the_reason() {
        let said = |typed: &str| Email::parse(typed).map_err(|error| error.to_string());
        assert_eq!(said(" "), Err("Enter your email address.".into()));
        for typed in ["ann", "@example.com", "ann@", "example.com", "@"] {
            assert_eq!(Email::parse(typed), Err(TextError::EmailParts), "{typed}");
        }
        for typed in ["ann@localhost", "ann@127.0.0.1", "ann@.com", "ann@example.", "ann@example.c"] {
            assert_eq!(Email::parse(typed), Err(TextError::EmailDomain), "{typed}");
        }
        for typed in [
            "Ann <ann@example.com>",
            "ann@example.com, bob@example.com",
            "ann lee@example.com",
            "\"ann lee\"@example.com",
            "ann@exa mple.com",
            "ann@@example.com",
            "ann..lee@example.com",
            ".ann@example.com",
            "ann@-example.com",
            "ann@exam_ple.com",
            "ann@example..com",
            "mailto:ann;x@example.com",
            "ann@[127.0.0.1]",
        ] {
            assert_eq!(Email::parse(typed), Err(TextError::Email), "{typed}");
        }
        assert!(matches!(Email::parse("ann\0@example.com"), Err(TextError::Control { .. })));
        assert!(matches!(Email::parse("ann\r\nBcc: x@example.com"), Err(TextError::Control { .. })));
        assert!(matches!(Email::parse("\u{202e}ann@example.com"), Err(TextError::Disguised { .. })));
        let long = format!("{}@example.com", "x".repeat(250));
        assert_eq!(
            said(&long),
            Err("The email address can have at most 254 characters; this has 262.".into())
        );
        assert_eq!(Email::parse(&format!("{}@example.com", "x".repeat(65))), Err(TextError::Email));
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(local in "[a-zA-Z0-9._+-]{1,20}", domain in "[a-zA-Zа-яА-Я]{1,10}", top in "[a-zA-Z]{2,6}") {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}.{top}")) {
                prop_assert_eq!(Email::parse(&email.key()).unwrap().key(), email.key());
            }
        }

        #[test]
        fn no_text_makes_it_panic(typed in any::<String>(), local in ".{0,10}", domain in ".{0,10}") {
            let _ = Email::parse(&typed);
            let _ = Email::parse(&format!("{local}@{domain}.com"));
        }
    }
}
