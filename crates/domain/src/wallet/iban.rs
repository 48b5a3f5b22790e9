//! Bank accounts: IBAN (ISO 13616), with the length and structure of each country in SWIFT's registry.

use super::{WalletError, WalletKind};
use iban_validation_rs::{ValidationError, validate_iban_str};

const KIND: WalletKind = WalletKind::Iban;
/// The lengths that ISO 13616 allows.
const LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// The IBAN in its electronic form: capital letters, no spaces.
pub(super) fn check(typed: &str) -> Result<String, WalletError> {
    // People part the groups by hyphens and dots as well as by spaces.
    let iban: String =
        typed.chars().filter(|c| !matches!(c, '-' | '.')).collect::<String>().to_ascii_uppercase();
    let begins_well = iban.chars().take(2).all(|c| c.is_ascii_uppercase())
        && iban.chars().skip(2).take(2).all(|c| c.is_ascii_digit());
    if !begins_well || iban.chars().count() < 5 || iban.len() > 2 * LENGTHS.end() {
        return Err(WalletError::Shape(KIND));
    }
    if let Some(character) = iban.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Err(WalletError::Character { kind: KIND, character });
    }
    let country = iban[..2].to_owned();
    match validate_iban_str(&iban) {
        Ok(_) => Ok(iban),
        Err(ValidationError::InvalidCountry | ValidationError::MissingCountry) => {
            Err(WalletError::IbanCountry(country))
        }
        Err(ValidationError::InvalidSizeForCountry | ValidationError::TooShort(_)) => {
            match length_in(&country) {
                Some(expected) => Err(WalletError::IbanLength { country, expected, length: iban.len() }),
                None => Err(WalletError::Shape(KIND)),
            }
        }
        Err(ValidationError::StructureIncorrectForCountry) => Err(WalletError::IbanStructure(country)),
        Err(ValidationError::ModuloIncorrect | ValidationError::InvalidChecksum) => {
            Err(WalletError::Checksum(KIND))
        }
    }
}

/// How long a country's IBANs are. The crate doesn't tell, but it answers to zeros of each length.
fn length_in(country: &str) -> Option<usize> {
    LENGTHS.into_iter().find(|length| {
        let zeros = format!("{country}{:0<rest$}", "", rest = length - 2);
        validate_iban_str(&zeros) != Err(ValidationError::InvalidSizeForCountry)
    })
}

/// The printed form: groups of 4.
pub(super) fn grouped(iban: &str) -> String {
    let mut text = String::with_capacity(iban.len() + iban.len() / 4);
    for (index, letter) in iban.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push(' ');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of SWIFT's IBAN registry.
    const REGISTRY: [&str; 24] = [
        "AE070331234567890123456",
        "AT611904300234573201",
        "BE68539007547034",
        "BR1800360305000010009795493C1",
        "CH9300762011623852957",
        "CZ6508000000192000145399",
        "DE89370400440532013000",
        "ES9121000418450200051332",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "GE29NB0000000101904917",
        "HN88CABF00000000000250005469",
        "IL620108000000099999999",
        "IT60X0542811101000000123456",
        "KZ86125KZT5004100100",
        "LC55HEMM000100010012001200023015",
        "MT84MALT011000012345MTLCAST001S",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "PL61109010140000071219812874",
        "SA0380000000608010167519",
        "TR330006100519786457841326",
        "UA213223130000026007233566001",
        "XK051212012345678906",
    ];

    #[test]
    fn the_registrys_examples_are_taken_however_they_are_written() {
        for iban in REGISTRY {
            assert_eq!(check(iban), Ok(iban.to_owned()));
            assert_eq!(check(&iban.to_lowercase()), Ok(iban.to_owned()));
            assert_eq!(crate::wallet::check(KIND, &grouped(iban)).unwrap().as_str(), iban);
            assert_eq!(check(&grouped(iban).replace(' ', "-")), Ok(iban.to_owned()));
        }
        assert_eq!(grouped("HN88CABF00000000000250005469"), "HN88 CABF 0000 0000 0002 5000 5469");
        assert_eq!(grouped("NO9386011117947"), "NO93 8601 1117 947");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |typed: &str| check(typed).unwrap_err().to_string();
        assert_eq!(
            said("ZZ89370400440532013000"),
            "No country's IBAN begins with ZZ. Check the first two letters."
        );
        assert_eq!(
            said("DE8937040044053201300"),
            "An IBAN that begins with DE has 22 characters; this has 21."
        );
        assert_eq!(
            said("HN88CABF000000000002500054690"),
            "An IBAN that begins with HN has 28 characters; this has 29."
        );
        assert_eq!(check("DE89370400440532013001"), Err(WalletError::Checksum(KIND)));
        assert_eq!(check("DE00370400440532013000"), Err(WalletError::Checksum(KIND)));
        assert_eq!(check("DE8937040044053201300A"), Err(WalletError::IbanStructure("DE".into())));
        assert_eq!(check("DE89 3704"), Err(WalletError::Character { kind: KIND, character: ' ' }));
        for typed in ["37040044 0532013000", "0532013000", "D", "DE", "DE89", "ДЕ89370400440532013000"] {
            assert_eq!(check(typed), Err(WalletError::Shape(KIND)), "{typed}");
        }
    }

    #[test]
    fn every_single_typo_of_the_same_class_is_caught() {
        let (mut mixed, mut missed) = (0, 0);
        for iban in REGISTRY {
            for (at, right) in iban.char_indices() {
                for typo in ('0'..='9').chain('A'..='Z').filter(|typo| *typo != right) {
                    let mut wrong = iban.to_owned();
                    wrong.replace_range(at..=at, &typo.to_string());
                    if typo.is_ascii_digit() == right.is_ascii_digit() {
                        assert!(check(&wrong).is_err(), "{wrong} for {iban}");
                    } else {
                        mixed += 1;
                        missed += usize::from(check(&wrong).is_ok());
                    }
                }
            }
        }
        // A letter counts as two digits, so that one taken for a digit moves all that stands before it. Where a
        // country allows both, ISO 7064's check digits then miss one in 97, as the standard must.
        assert!(missed * 97 <= mixed, "{missed} of {mixed}");
    }

    proptest! {
        /// ISO 7064 promises this for every IBAN, so it is tried with account numbers besides the examples.
        #[test]
        fn every_wrong_digit_and_every_swap_is_caught(account in 0..10_u64.pow(18), at in 4..22_usize) {
            // The check digits of a German account: 98 less the remainder of bban + "131400" by 97.
            let rest = (u128::from(account) * 1_000_000 + 131_400) % 97;
            let iban = format!("DE{:02}{account:018}", 98 - rest);
            prop_assert_eq!(check(&iban), Ok(iban.clone()));
            for typo in ('0'..='9').filter(|typo| !iban[at..].starts_with(*typo)) {
                let mut wrong = iban.clone();
                wrong.replace_range(at..=at, &typo.to_string());
                prop_assert!(check(&wrong).is_err(), "{}", wrong);
            }
            let mut swapped: Vec<char> = iban.chars().collect();
            swapped.swap(at - 1, at);
            let swapped: String = swapped.into_iter().collect();
            prop_assert!(swapped == iban || check(&swapped).is_err(), "{}", swapped);
        }
    }
}
