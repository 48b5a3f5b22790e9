//! Money as integer minor units (cents) of the programme's one currency.

use std::fmt;

/// The largest amount that anything in a programme may have: ten trillion major units. Sums of millions of
/// such amounts still fit the databases' 64-bit integers only because each single amount is bounded here.
pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// An amount in minor units (cents for USD, yen for JPY) of the programme's currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// An amount given in minor units.
    pub const fn from_minor(minor: i64) -> Money {
        Money(minor)
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Whether the amount is above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether the amount is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` where it leaves 64 bits.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// The difference, or `None` where it leaves 64 bits.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).map(Money)
    }

    /// `self x numerator / denominator` rounded once, half to even (ISO 80000-1, rule A).
    ///
    /// # Panics
    /// When `denominator` is not positive or the result leaves 64 bits; callers pass bounded amounts.
    pub fn mul_div_half_even(self, numerator: i64, denominator: i64) -> Money {
        assert!(denominator > 0, "a share is taken of a positive whole");
        let product = i128::from(self.0) * i128::from(numerator);
        let denominator = i128::from(denominator);
        let floor = product.div_euclid(denominator);
        let twice_rest = 2 * product.rem_euclid(denominator);
        let up = match twice_rest.cmp(&denominator) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => floor % 2 != 0,
        };
        let rounded = floor + i128::from(up);
        Money(i64::try_from(rounded).expect("a share of a bounded amount is bounded"))
    }
}

impl std::ops::Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl std::ops::Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        self.checked_add(other).expect("sums of bounded amounts are bounded")
    }
}

impl std::ops::Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        self.checked_sub(other).expect("differences of bounded amounts are bounded")
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, |total, amount| total + amount)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({})", self.0)
    }
}

/// Why a typed amount is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Nothing was typed.
    #[error("Enter an amount.")]
    Empty,
    /// It is not a number written with digits, optional thousands commas and a decimal point.
    #[error("Write the amount with digits, for example {0}.")]
    Unreadable(String),
    /// It has more decimals than the currency.
    #[error("{code} has {exponent} decimals; the amount has more. Thousands are parted by a comma: 12,400.")]
    TooPrecise {
        /// The currency's code.
        code: String,
        /// How many decimals the currency has.
        exponent: u8,
    },
    /// It is zero or below.
    #[error("The amount must be above zero.")]
    NotPositive,
    /// It is above [`MAX_MINOR`].
    #[error("The amount is too large.")]
    TooLarge,
}

/// A currency of ISO 4217: its code and how many decimals an amount has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    symbol: &'static str,
    exponent: u8,
}

/// The currencies a programme can be run in, with their ISO 4217 minor-unit exponents.
const CURRENCIES: &[Currency] = &[
    Currency { code: "USD", symbol: "$", exponent: 2 },
    Currency { code: "EUR", symbol: "€", exponent: 2 },
    Currency { code: "GBP", symbol: "£", exponent: 2 },
    Currency { code: "CHF", symbol: "CHF ", exponent: 2 },
    Currency { code: "PLN", symbol: "zł ", exponent: 2 },
    Currency { code: "UAH", symbol: "₴", exponent: 2 },
    Currency { code: "AED", symbol: "AED ", exponent: 2 },
    Currency { code: "CAD", symbol: "CA$", exponent: 2 },
    Currency { code: "AUD", symbol: "A$", exponent: 2 },
    Currency { code: "INR", symbol: "₹", exponent: 2 },
    Currency { code: "BRL", symbol: "R$", exponent: 2 },
    Currency { code: "JPY", symbol: "¥", exponent: 0 },
    Currency { code: "KWD", symbol: "KWD ", exponent: 3 },
];

impl Currency {
    /// US dollars, what a new programme starts with.
    pub const USD: Currency = CURRENCIES[0];

    /// The currency of an ISO 4217 code, if programmes can be run in it.
    pub fn from_code(code: &str) -> Option<Currency> {
        CURRENCIES.iter().copied().find(|currency| currency.code == code)
    }

    /// Every currency a programme can be run in.
    pub fn all() -> &'static [Currency] {
        CURRENCIES
    }

    /// The ISO 4217 code, for example `USD`.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// How many decimals an amount has.
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }

    const fn scale(&self) -> i64 {
        10_i64.pow(self.exponent as u32)
    }

    /// An amount given in whole major units (dollars).
    pub const fn major(&self, units: i64) -> Money {
        Money(units * self.scale())
    }

    /// The amount as people read it: `1,234.50`, `-20.00`.
    pub fn format(&self, amount: Money) -> String {
        let plain = self.format_plain(amount);
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", plain.as_str()),
        };
        let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
        let mut grouped = String::with_capacity(plain.len() + 6);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{sign}{grouped}{rest}")
    }

    /// The amount with the currency's sign before it: `$1,234.50`, `-$20.00`.
    pub fn format_with_symbol(&self, amount: Money) -> String {
        let text = self.format(amount);
        match text.strip_prefix('-') {
            Some(digits) => format!("-{}{digits}", self.symbol),
            None => format!("{}{text}", self.symbol),
        }
    }

    /// The amount as machines read it, without grouping: `1234.50`.
    pub fn format_plain(&self, amount: Money) -> String {
        let sign = if amount.0 < 0 { "-" } else { "" };
        let absolute = amount.0.unsigned_abs();
        let scale = self.scale().unsigned_abs();
        if self.exponent == 0 {
            return format!("{sign}{absolute}");
        }
        let width = usize::from(self.exponent);
        format!("{sign}{}.{:0width$}", absolute / scale, absolute % scale)
    }

    /// Reads an amount above zero as a person types it: `500`, `500.00`, `1,234.5`, `$ 1 234.50`.
    ///
    /// # Errors
    /// [`MoneyError`], whose text can be shown beside the field.
    pub fn parse(&self, typed: &str) -> Result<Money, MoneyError> {
        let amount = self.parse_or_zero(typed)?;
        if amount.is_positive() { Ok(amount) } else { Err(MoneyError::NotPositive) }
    }

    /// Like [`Currency::parse`], but zero is an amount too (thresholds, minimums).
    ///
    /// # Errors
    /// [`MoneyError`], whose text can be shown beside the field.
    pub fn parse_or_zero(&self, typed: &str) -> Result<Money, MoneyError> {
        let unreadable = || MoneyError::Unreadable(self.format_plain(self.major(1250)));
        let mut text = typed.trim();
        for prefix in [self.symbol.trim(), self.code] {
            text = text.strip_prefix(prefix).or_else(|| text.strip_suffix(prefix)).unwrap_or(text).trim();
        }
        if text.is_empty() {
            return Err(if typed.trim().is_empty() { MoneyError::Empty } else { unreadable() });
        }
        if let Some(below_zero) = text.strip_prefix('-') {
            let is_number = !below_zero.is_empty()
                && below_zero.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
            return Err(if is_number { MoneyError::NotPositive } else { unreadable() });
        }
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let whole = ungroup(whole).ok_or_else(unreadable)?;
        if !decimals.chars().all(|c| c.is_ascii_digit()) || (text.contains('.') && decimals.is_empty()) {
            return Err(unreadable());
        }
        // Zeros at the end count too: who writes 12.400 may mean twelve thousand four hundred.
        let is_zero = decimals.len() <= 2 && decimals.chars().all(|c| c == '0');
        let decimals = if is_zero { "" } else { decimals };
        if decimals.len() > usize::from(self.exponent) {
            return Err(MoneyError::TooPrecise { code: self.code.into(), exponent: self.exponent });
        }
        let digits = format!("{whole}{decimals:0<width$}", width = usize::from(self.exponent));
        let significant = digits.trim_start_matches('0');
        if significant.len() > 16 {
            return Err(MoneyError::TooLarge);
        }
        let minor = if significant.is_empty() { 0 } else { significant.parse().map_err(|_| unreadable())? };
        if minor > MAX_MINOR { Err(MoneyError::TooLarge) } else { Ok(Money(minor)) }
    }
}

/// The digits of a whole number that may be grouped by commas or spaces in threes; anything else is refused,
/// so that `1,5` is never read as fifteen.
fn ungroup(whole: &str) -> Option<String> {
    let separator = whole.chars().find(|c| !c.is_ascii_digit());
    let digits_only = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match separator {
        None => digits_only(whole).then(|| whole.to_owned()),
        Some(separator @ (',' | ' ' | '\u{a0}' | '\u{202f}')) => {
            let mut groups = whole.split(separator);
            let first = groups.next()?;
            if !digits_only(first) || first.len() > 3 {
                return None;
            }
            let mut digits = first.to_owned();
            for group in groups {
                if group.len() != 3 || !digits_only(group) {
                    return None;
                }
                digits.push_str(group);
            }
            Some(digits)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_is_read_or_refused_with_the_reason() {
        let usd = Currency::USD;
        for (typed, minor) in [
            ("500", 50_000),
            ("500.00", 50_000),
            ("500.5", 50_050),
            (" 1,234.50 ", 123_450),
            ("$1,234.50", 123_450),
            ("1 234.50", 123_450),
            ("USD 20", 2_000),
            ("20 USD", 2_000),
            ("0.01", 1),
            ("0001.10", 110),
            ("10000000000000", MAX_MINOR),
        ] {
            assert_eq!(usd.parse(typed), Ok(Money(minor)), "{typed}");
        }
        for typed in
            ["abc", "1,5", "1.", ".5", "1.2.3", "--5", "5-", "1e5", "١٢٣", "12,34", "1,2345", "$", "0x10"]
        {
            assert!(matches!(usd.parse(typed), Err(MoneyError::Unreadable(_))), "{typed}");
        }
        assert_eq!(usd.parse("  "), Err(MoneyError::Empty));
        assert_eq!(usd.parse("0"), Err(MoneyError::NotPositive));
        assert_eq!(usd.parse("-5"), Err(MoneyError::NotPositive));
        for typed in ["1.234", "12.400", "1.000"] {
            assert!(matches!(usd.parse(typed), Err(MoneyError::TooPrecise { .. })), "{typed}");
        }
        assert_eq!(Currency::from_code("JPY").unwrap().parse("500.00"), Ok(Money(500)));
        assert_eq!(usd.parse("10000000000000.01"), Err(MoneyError::TooLarge));
        assert_eq!(usd.parse("99999999999999999999"), Err(MoneyError::TooLarge));
        assert!(Currency::from_code("JPY").unwrap().parse("5.5").is_err());
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (amount, rate_bp, expected) in
            [(5, 1000, 0), (15, 1000, 2), (25, 1000, 2), (35, 1000, 4), (123_450, 1000, 12_345), (1, 5001, 1)]
        {
            assert_eq!(
                Money(amount).mul_div_half_even(rate_bp, 10_000),
                Money(expected),
                "{amount} at {rate_bp}"
            );
        }
        assert_eq!(Money(-15).mul_div_half_even(1000, 10_000), Money(-2));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in 1..=MAX_MINOR, index in 0..CURRENCIES.len()) {
            let currency = CURRENCIES[index];
            prop_assert_eq!(currency.parse(&currency.format(Money(minor))), Ok(Money(minor)));
            prop_assert_eq!(currency.parse(&currency.format_plain(Money(minor))), Ok(Money(minor)));
            prop_assert_eq!(currency.parse(&currency.format_with_symbol(Money(minor))), Ok(Money(minor)));
        }

        #[test]
        fn no_text_makes_it_panic(typed in any::<String>()) {
            let _ = Currency::USD.parse(&typed);
        }

        #[test]
        fn a_share_is_within_half_a_unit(minor in 0..=MAX_MINOR, bp in 0..=10_000_i64) {
            let share = Money(minor).mul_div_half_even(bp, 10_000);
            let error = i128::from(share.0) * 10_000 - i128::from(minor) * i128::from(bp);
            prop_assert!(error.abs() <= 5_000);
        }
    }
}
