//! Business identifier codes of banks (ISO 9362): who a bank is, beside the account's IBAN.

/// A BIC in capital letters: 4 letters or digits of the business, 2 letters of the country, 2 of the location, and
/// perhaps 3 of the branch. It has no check digits, so only its form can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bic(String);

/// Why a typed text is no BIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A BIC has 8 or 11 letters and digits with the country's two letters in the middle, like DEUTDEFF.")]
pub struct BicError;

impl Bic {
    /// Reads a BIC as a person types it.
    ///
    /// # Errors
    /// [`BicError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Bic, BicError> {
        let text: String =
            typed.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let fits = |(place, letter): (usize, char)| match place {
            4 | 5 => letter.is_ascii_uppercase(),
            _ => letter.is_ascii_uppercase() || letter.is_ascii_digit(),
        };
        if !matches!(text.chars().count(), 8 | 11) || !text.chars().enumerate().all(fits) {
            return Err(BicError);
        }
        Ok(Bic(text))
    }

    /// The code.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_checked() {
        for (typed, read) in
            [("deutdeff", "DEUTDEFF"), (" DEUT DE FF 500 ", "DEUTDEFF500"), ("1ABCNL2A", "1ABCNL2A")]
        {
            assert_eq!(Bic::parse(typed).unwrap().into_string(), read);
        }
        for typed in ["", "DEUT", "DEUTDEFF5", "DEUT1EFF", "DEUTDEFFÄ", "DEUTDEFF5000", "ÄÖÜÄDEFF"] {
            assert_eq!(Bic::parse(typed), Err(BicError), "{typed}");
        }
    }
}
