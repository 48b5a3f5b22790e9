//! Amounts as other programs write them: with points or commas, grouped or not. What could be two amounts is neither.

use crate::money::{Currency, Money, MoneyError};

/// What parts the decimals from the rest, in one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalSign {
    /// 1234.50
    Point,
    /// 1234,50
    Comma,
}

/// Why an amount could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is in another currency.
    #[error("The amount is in {0}.")]
    Currency(String),
    /// Nothing in the list tells whether its sign parts thousands or decimals.
    #[error(
        "\"{0}\" could be two amounts: nothing in the file tells whether its sign parts thousands or decimals."
    )]
    Ambiguous(String),
    /// It is no amount.
    #[error("The amount \"{0}\": {1}")]
    Unreadable(String, MoneyError),
}

/// The digits and signs of an amount, without the currency around it, and the currency if one is named.
fn bare(text: &str) -> (String, Option<String>) {
    let (amount, named) = text.split_once('|').map_or((text, None), |(amount, code)| (amount, Some(code)));
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '\'');
    let code: String = amount.chars().filter(char::is_ascii_alphabetic).collect();
    let code = named.map(|code| code.trim().to_owned()).or(Some(code).filter(|code| code.len() == 3));
    (amount.trim().chars().filter(|c| is_part(*c)).collect(), code)
}

impl DecimalSign {
    /// What the amounts of a list tell together. None where nothing tells, or one says this and another that.
    pub fn of<'a>(amounts: impl Iterator<Item = &'a str>) -> Option<DecimalSign> {
        let mut found = None;
        for sign in amounts.filter_map(|amount| told(&bare(amount).0)) {
            match found {
                Some(before) if before != sign => return None,
                _ => found = Some(sign),
            }
        }
        found
    }

    const fn signs(self) -> (char, char) {
        match self {
            DecimalSign::Point => ('.', ','),
            DecimalSign::Comma => (',', '.'),
        }
    }

    /// Reads an amount of a list whose sign is known, or isn't. Zero is an amount; none is written as nothing.
    ///
    /// # Errors
    /// [`AmountError`], whose text can be shown.
    pub fn read(
        sign: Option<DecimalSign>,
        text: &str,
        currency: Currency,
    ) -> Result<Option<Money>, AmountError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let (digits, code) = bare(text);
        if let Some(code) = code.filter(|code| !code.eq_ignore_ascii_case(currency.code())) {
            return Err(AmountError::Currency(code));
        }
        let has_sign = digits.contains(['.', ',']);
        let Some(sign) = told(&digits).or(sign).or((!has_sign).then_some(DecimalSign::Point)) else {
            return Err(AmountError::Ambiguous(text.trim().to_owned()));
        };
        let (decimal, group) = sign.signs();
        let plain: String = digits
            .chars()
            .filter(|c| *c != '\'')
            .map(|c| match c {
                c if c == decimal => '.',
                c if c == group => ',',
                c => c,
            })
            .collect();
        // What is sure to be decimals may end in zeros that the currency doesn't have.
        let plain = match plain.split_once('.') {
            Some((whole, decimals)) => match decimals.trim_end_matches('0') {
                "" => whole.to_owned(),
                decimals => format!("{whole}.{decimals}"),
            },
            None => plain,
        };
        let read = currency.parse_or_zero(&plain);
        read.map(Some).map_err(|error| AmountError::Unreadable(text.trim().to_owned(), error))
    }
}

/// What one amount tells by itself.
fn told(digits: &str) -> Option<DecimalSign> {
    let of = |sign| if sign == '.' { DecimalSign::Point } else { DecimalSign::Comma };
    let other = |sign| if sign == '.' { DecimalSign::Comma } else { DecimalSign::Point };
    let last = digits.rfind(['.', ','])?;
    let sign = digits[last..].chars().next()?;
    let decimals = digits.len() - last - 1;
    let both = digits.contains('.') && digits.contains(',');
    match digits.matches(sign).count() {
        1 if both || decimals != 3 => Some(of(sign)),
        1 => None,
        // A sign that stands there twice parts thousands.
        _ => Some(other(sign)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, sign: Option<DecimalSign>) -> Result<Option<i64>, String> {
        let amount = DecimalSign::read(sign, text, Currency::USD);
        amount.map(|amount| amount.map(Money::minor)).map_err(|error| error.to_string())
    }

    #[test]
    fn amounts_are_read_as_they_are_meant() {
        for (text, minor) in [
            ("1234", 123_400),
            ("1234.5", 123_450),
            ("1 234,50 $", 123_450),
            ("1.234,50", 123_450),
            ("1,234.50 USD", 123_450),
            ("1'234.50", 123_450),
            ("1,234,567", 123_456_700),
            ("1000.0000", 100_000),
            ("1000.00|USD", 100_000),
            ("0", 0),
            ("0,00", 0),
        ] {
            assert_eq!(read(text, None), Ok(Some(minor)), "{text}");
        }
        assert_eq!(read(" ", None), Ok(None));
        for (text, said) in [
            ("1.234", "could be two amounts"),
            ("12,400", "could be two amounts"),
            ("5 EUR", "in EUR"),
            ("5|EUR", "in EUR"),
            ("-5", "above zero"),
            ("many", "\"many\""),
            ("1.2345", "decimals"),
        ] {
            let error = read(text, None).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn other_amounts_of_the_list_tell_what_one_alone_does_not() {
        let comma = DecimalSign::of(["1.234", "", "20,50"].into_iter());
        assert_eq!(comma, Some(DecimalSign::Comma));
        assert_eq!(read("1.234", comma), Ok(Some(123_400)));
        let point = DecimalSign::of(["12,400", "3.99"].into_iter());
        assert_eq!(read("12,400", point), Ok(Some(1_240_000)));
        assert!(read("1.234", point).is_err(), "a dollar has two decimals");
        assert_eq!(DecimalSign::of(["1.5", "1,5"].into_iter()), None);
        assert_eq!(DecimalSign::of(["1.234", "12"].into_iter()), None);
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_back(minor in 0..crate::money::MAX_MINOR) {
            let usd = Currency::USD;
            for text in [usd.format(Money::from_minor(minor)), usd.format_plain(Money::from_minor(minor))] {
                prop_assert_eq!(read(&text, None), Ok(Some(minor)));
                let swapped: String = text.chars().map(|c| match c { '.' => ',', ',' => '.', c => c }).collect();
                prop_assert_eq!(read(&swapped, None), Ok(Some(minor)));
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in ".{0,20}") {
            let _ = read(&text, None);
            let _ = read(&text, Some(DecimalSign::Comma));
        }
    }
}
