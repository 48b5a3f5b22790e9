//! What programs write: amounts of money, and fields that may be null.

use domain::money::{Currency, Money};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::problem::Problem;

/// An amount above zero: a decimal text, or the same with its currency.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "an amount is written \"1234.50\" or {\"amount\": \"1234.50\", \"currency\": \"USD\"}"
)]
pub enum Amount {
    /// In the programme's currency.
    Plain(Decimal),
    /// With the currency, which must be the programme's.
    WithCurrency(AmountIn),
}

/// Digits, and decimals after a point.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(pattern = r"^[0-9]{1,12}(\.[0-9]{1,2})?$", example = "1234.50")]
pub struct Decimal(String);

/// An amount above zero with its currency.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmountIn {
    /// Digits, and decimals after a point.
    amount: Decimal,
    /// The programme's currency (ISO 4217).
    #[schema(example = "USD")]
    currency: String,
}

impl Amount {
    /// Reads the amount of a field called `amount`.
    ///
    /// # Errors
    /// What is wrong with the field.
    pub fn read(&self, currency: Currency) -> Result<Money, Problem> {
        let Decimal(text) = match self {
            Amount::Plain(text) => text,
            Amount::WithCurrency(AmountIn { currency: code, .. }) if code != currency.code() => {
                let detail = format!("The programme's currency is {}, not {code}.", currency.code());
                return Err(Problem::field("amount", detail));
            }
            Amount::WithCurrency(AmountIn { amount, .. }) => amount,
        };
        // People may group digits and write a sign; between programs there is one way.
        if !text.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(Problem::field("amount", "Write digits, and decimals after a point: 1234.50."));
        }
        currency.parse(text).map_err(|error| Problem::field("amount", error))
    }
}

/// Reads a field that may be null as something that was sent; one that is left out stays none by its default.
///
/// # Errors
/// The reader's own.
pub fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(reader).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_one_way() {
        let usd = Currency::from_code("USD").unwrap();
        let read = |json: &str| serde_json::from_str::<Amount>(json).unwrap().read(usd);
        assert_eq!(read("\"1234.5\"").unwrap(), Money::from_minor(123_450));
        assert_eq!(read(r#"{"amount": "0.01", "currency": "USD"}"#).unwrap(), Money::from_minor(1));
        for wrong in
            ["\"1,234.50\"", "\"-1\"", "\"0\"", "\"\"", "\"$5\"", r#"{"amount": "1", "currency": "EUR"}"#]
        {
            assert_eq!(read(wrong).unwrap_err().fields[0].field, "amount", "{wrong}");
        }
        assert!(serde_json::from_str::<Amount>("12.5").is_err(), "a number has lost its decimals already");
    }
}
