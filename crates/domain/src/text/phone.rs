//! Telephone numbers: read by people, dialled by people, so only their shape is checked.

use super::{TextError, bounded, present, refuse_control, refuse_disguise};

/// A telephone number as it was typed: 5 to 20 digits with what people put between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(pub(super) String);

impl Phone {
    /// How many characters a number may have with everything between the digits.
    pub const MAX: usize = 40;

    /// Reads a telephone number. No country's numbering plan is applied: a number refused by an outdated plan
    /// is a lost client.
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Phone, TextError> {
        let text = present("your telephone number", typed)?;
        refuse_control("telephone number", text, |_| false)?;
        refuse_disguise("telephone number", text)?;
        let text = bounded("telephone number", Phone::MAX, text)?;
        let inside = text.strip_prefix('+').or_else(|| text.strip_prefix("(+")).unwrap_or(&text);
        let expected =
            |c: char| c.is_ascii_digit() || c.is_whitespace() || "()-./\u{2010}\u{2011}\u{2013}".contains(c);
        if !inside.chars().all(expected) {
            return Err(TextError::Phone);
        }
        match inside.chars().filter(char::is_ascii_digit).count() {
            0 => Err(TextError::Phone),
            5..=20 => Ok(Phone(text)),
            digits => Err(TextError::PhoneDigits { digits }),
        }
    }

    /// The number as a telephone dials it: digits, with a `+` before them if one was typed (RFC 3966).
    pub fn dial(&self) -> String {
        self.0.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_taken_as_people_write_them() {
        for (typed, dialled) in [
            ("+1 202 555 0123", "+12025550123"),
            ("(202) 555-0123", "2025550123"),
            ("(+504) 2235-1234", "+50422351234"),
            ("+49 (0)30/901820", "+49030901820"),
            ("04.91.12.34.56", "0491123456"),
            (" 12345 ", "12345"),
            ("+7\u{a0}916\u{a0}123\u{2011}45\u{2011}67", "+79161234567"),
        ] {
            let phone = Phone::parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!((phone.as_str(), phone.dial().as_str()), (typed.trim(), dialled));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in [
            "call me",
            "+",
            "-",
            "1-800-FLOWERS",
            "+1 202 555 0123 ext. 5",
            "12+34567",
            "ann@example.com",
            "١٢٣٤٥٦",
        ] {
            assert_eq!(Phone::parse(typed), Err(TextError::Phone), "{typed}");
        }
        assert_eq!(Phone::parse("1234"), Err(TextError::PhoneDigits { digits: 4 }));
        assert_eq!(Phone::parse("123456789012345678901"), Err(TextError::PhoneDigits { digits: 21 }));
        assert!(matches!(Phone::parse("12345\0"), Err(TextError::Control { .. })));
        assert!(matches!(Phone::parse(&"1 ".repeat(30)), Err(TextError::TooLong { .. })));
        assert_eq!(Phone::parse("").unwrap_err().to_string(), "Enter your telephone number.");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(typed in any::<String>()) {
            let _ = Phone::parse(&typed);
        }
    }
}
