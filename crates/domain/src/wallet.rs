//! Where a partner wants to be paid: the kinds of wallets, and the check of each kind's address.
//!
//! An address is checked by its own checksum before anything is stored, because money sent to a mistyped one
//! doesn't come back. What the checksum can't tell (burn addresses, test networks, another kind's address) is
//! refused too, with a sentence that says what to do.

mod bic;
mod bitcoin;
mod ethereum;
mod free;
mod iban;
mod tron;

pub use bic::{Bic, BicError};

use crate::text::TextError;

/// A kind of wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalletKind {
    /// USDT on the TRON network (TRC-20).
    UsdtTron,
    /// USDT on Ethereum (ERC-20).
    UsdtEthereum,
    /// Bitcoin.
    Btc,
    /// Ether on Ethereum.
    Eth,
    /// A bank account by its IBAN (ISO 13616).
    Iban,
    /// A PayPal account by its email address.
    Paypal,
    /// Anything else, in words.
    Other,
}

impl WalletKind {
    /// Every kind, in the order in which forms offer them.
    pub const ALL: [WalletKind; 7] = [
        WalletKind::UsdtTron,
        WalletKind::UsdtEthereum,
        WalletKind::Btc,
        WalletKind::Eth,
        WalletKind::Iban,
        WalletKind::Paypal,
        WalletKind::Other,
    ];

    /// The word in forms, addresses and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            WalletKind::UsdtTron => "usdt_tron",
            WalletKind::UsdtEthereum => "usdt_ethereum",
            WalletKind::Btc => "btc",
            WalletKind::Eth => "eth",
            WalletKind::Iban => "iban",
            WalletKind::Paypal => "paypal",
            WalletKind::Other => "other",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<WalletKind> {
        WalletKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            WalletKind::UsdtTron => "USDT on TRON",
            WalletKind::UsdtEthereum => "USDT on Ethereum",
            WalletKind::Btc => "Bitcoin (BTC)",
            WalletKind::Eth => "Ether (ETH)",
            WalletKind::Iban => "Bank account (IBAN)",
            WalletKind::Paypal => "PayPal",
            WalletKind::Other => "Other",
        }
    }

    /// What to enter, with an example. The addresses of blockchains are cut short in it: a whole one would be
    /// somebody's, and examples get copied.
    pub const fn hint(self) -> &'static str {
        match self {
            WalletKind::UsdtTron => "A TRON address: 34 characters that begin with T, like TJCnKs…6sxMW.",
            WalletKind::UsdtEthereum | WalletKind::Eth => {
                "An Ethereum address: 0x and 40 characters from 0 to 9 and A to F, like 0x5aAeb6…1BeAed."
            }
            WalletKind::Btc => "A Bitcoin address that begins with bc1, 1 or 3, like bc1qw5…v8f3t4.",
            WalletKind::Iban => "The IBAN of your account, like DE89 3704 0044 0532 0130 00.",
            WalletKind::Paypal => "The email address of your PayPal account, like name@example.com.",
            WalletKind::Other => "How we can pay you, in your own words: 3 to 500 characters.",
        }
    }

    /// What such an address is called in sentences, after "a" or "an".
    const fn address(self) -> &'static str {
        match self {
            WalletKind::UsdtTron => "TRON address",
            WalletKind::UsdtEthereum | WalletKind::Eth => "Ethereum address",
            WalletKind::Btc => "Bitcoin address",
            WalletKind::Iban => "IBAN",
            WalletKind::Paypal => "email address",
            WalletKind::Other => "description",
        }
    }

    const fn article(self) -> &'static str {
        match self {
            WalletKind::UsdtEthereum | WalletKind::Eth | WalletKind::Iban | WalletKind::Paypal => "an",
            WalletKind::UsdtTron | WalletKind::Btc | WalletKind::Other => "a",
        }
    }
}

/// An address that passed its kind's check, in its one normal form (so that equal addresses are equal texts).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CheckedAddress {
    kind: WalletKind,
    address: String,
    warning: Option<&'static str>,
}

impl CheckedAddress {
    /// What kind of wallet it is.
    pub const fn kind(&self) -> WalletKind {
        self.kind
    }

    /// The normal form, for the database and for paying.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form for reading, as [`display`] writes it.
    pub fn display(&self) -> String {
        display(self.kind, &self.address)
    }

    /// What the check couldn't make sure of, as a sentence for the person who typed it.
    pub const fn warning(&self) -> Option<&'static str> {
        self.warning
    }
}

/// An address as people read it, from its normal form: an IBAN in groups of 4, the others as they are.
pub fn display(kind: WalletKind, address: &str) -> String {
    match kind {
        WalletKind::Iban => iban::grouped(address),
        _ => address.to_owned(),
    }
}

/// An address in groups of 4 characters, for comparing it on a narrow screen. Empty where it is short, or no row of
/// letters and digits.
pub fn groups(address: &str) -> Vec<String> {
    let letters: Vec<char> = address.chars().filter(|letter| *letter != ' ').collect();
    if letters.len() < 20 || !letters.iter().all(char::is_ascii_alphanumeric) {
        return Vec::new();
    }
    letters.chunks(4).map(|group| group.iter().collect()).collect()
}

/// An address with its middle left out: enough for its owner to recognise, too little to pay to.
pub fn masked(kind: WalletKind, address: &str) -> String {
    let (start, end) = match kind {
        WalletKind::Paypal => {
            let (name, host) = address.rsplit_once('@').unwrap_or((address, ""));
            let first: String = name.chars().take(1).collect();
            return format!("{first}…@{host}");
        }
        WalletKind::Other => (3, 0),
        _ => (6, 4),
    };
    let letters: Vec<char> = address.chars().collect();
    if letters.len() <= start + end + 2 {
        return "…".into();
    }
    let head: String = letters.iter().take(start).collect();
    let tail: String = letters.iter().skip(letters.len() - end).collect();
    format!("{head}…{tail}")
}

/// Why an address was refused: a sentence that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// Nothing was typed.
    #[error("Enter {} {}.", .0.article(), .0.address())]
    Missing(WalletKind),
    /// It is an address of another kind.
    #[error(
        "This is {} {}. Choose “{}” for it, or enter {} {}.",
        fits.article(), fits.address(), fits.label(), chosen.article(), chosen.address()
    )]
    OtherKind {
        /// The kind that was chosen.
        chosen: WalletKind,
        /// The kind whose rule it fits.
        fits: WalletKind,
    },
    /// It doesn't look like an address of the kind at all.
    #[error("This doesn't look like {} {}. {}", .0.article(), .0.address(), .0.hint())]
    Shape(WalletKind),
    /// It has a character that addresses of the kind never have.
    #[error("“{character}” is never part of {} {}. Copy the address again instead of typing it.", kind.article(), kind.address())]
    Character {
        /// The kind that was chosen.
        kind: WalletKind,
        /// The character.
        character: char,
    },
    /// It has too many or too few characters.
    #[error("{} {} has {expected} characters; this has {length}. Copy it again in full.", capital(kind.article()), kind.address())]
    Length {
        /// The kind that was chosen.
        kind: WalletKind,
        /// How many characters it must have.
        expected: usize,
        /// How many it has.
        length: usize,
    },
    /// Its checksum doesn't fit: a character is wrong, missing or swapped.
    #[error("There is a mistake in this {}: its check digits don't fit. Copy it again from where you have it.", .0.address())]
    Checksum(WalletKind),
    /// It belongs to a network for tests, where money is worth nothing.
    #[error(
        "This is a Bitcoin test network address. Enter one of the main network, which begins with bc1, 1 or 3."
    )]
    TestNetwork,
    /// It is a Bitcoin address of a kind that nobody can spend from yet.
    #[error(
        "Wallets can't receive safely at this kind of Bitcoin address. Enter one that begins with bc1q, bc1p, 1 or 3."
    )]
    FutureBitcoin,
    /// It is an address that nobody has the key of.
    #[error(
        "Nobody holds the key to this address: money sent there is lost. Enter the address of your own wallet."
    )]
    Burn,
    /// It is the address of the USDT contract.
    #[error(
        "This is the address of the USDT contract itself: money sent there is lost. Enter the address of your own wallet."
    )]
    Contract,
    /// No country's IBANs begin so.
    #[error("No country's IBAN begins with {0}. Check the first two letters.")]
    IbanCountry(String),
    /// An IBAN has too many or too few characters for its country.
    #[error("An IBAN that begins with {country} has {expected} characters; this has {length}.")]
    IbanLength {
        /// The country's code, ISO 3166-1 alpha-2.
        country: String,
        /// How many characters the country's IBANs have.
        expected: usize,
        /// How many this one has.
        length: usize,
    },
    /// An IBAN has letters where its country has digits, or the other way round.
    #[error(
        "An IBAN that begins with {0} is written differently: letters stand where digits belong, or the other way round."
    )]
    IbanStructure(String),
    /// An email address or a description that can't be taken.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A description of fewer than 3 characters.
    #[error("Describe how we can pay you in at least 3 characters.")]
    TooShort,
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Checks an address as a person typed or pasted it and brings it to its normal form. Spaces, invisible
/// characters and the prefix of a payment link (`bitcoin:`) are passed over where the format can't have them.
///
/// # Errors
/// [`WalletError`], whose text can be shown beside the field.
pub fn check(kind: WalletKind, typed: &str) -> Result<CheckedAddress, WalletError> {
    let error = match check_as(kind, typed) {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    // The commonest mistake is the right address under the wrong kind; then that is what to say.
    let strict =
        [WalletKind::UsdtTron, WalletKind::Eth, WalletKind::Btc, WalletKind::Iban, WalletKind::Paypal];
    match strict
        .into_iter()
        .find(|other| other.address() != kind.address() && check_as(*other, typed).is_ok())
    {
        Some(fits) if kind != WalletKind::Other => {
            // Who was about to be paid in USDT wants USDT on the other network too.
            let stays_usdt = kind == WalletKind::UsdtTron && fits == WalletKind::Eth;
            let fits = if stays_usdt { WalletKind::UsdtEthereum } else { fits };
            Err(WalletError::OtherKind { chosen: kind, fits })
        }
        _ => Err(error),
    }
}

fn check_as(kind: WalletKind, typed: &str) -> Result<CheckedAddress, WalletError> {
    if typed.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).is_empty() {
        return Err(WalletError::Missing(kind));
    }
    let mut warning = None;
    let address = match kind {
        WalletKind::UsdtTron => tron::check(&compact(typed, "tron:"))?,
        WalletKind::UsdtEthereum | WalletKind::Eth => {
            let (address, proven) = ethereum::check(kind, &compact(typed, "ethereum:"))?;
            warning = (!proven).then_some(ethereum::UNPROVEN);
            address
        }
        WalletKind::Btc => bitcoin::check(&compact(typed, "bitcoin:"))?,
        WalletKind::Iban => iban::check(&compact(typed, "iban"))?,
        WalletKind::Paypal => free::paypal(typed)?,
        WalletKind::Other => free::other(typed)?,
    };
    Ok(CheckedAddress { kind, address, warning })
}

/// The longest address of any strict kind is far shorter; longer texts aren't worth decoding.
const MAX_COMPACT: usize = 100;

/// The text without white space and invisible characters, the prefix of a payment link and what follows its `?`.
fn compact(typed: &str, prefix: &str) -> String {
    let text: String = typed.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)).collect();
    let rest = match text.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => text[prefix.len()..].trim_start_matches(':'),
        _ => &text,
    };
    rest.split('?').next().unwrap_or("").to_owned()
}

/// Characters that come along when an address is copied from a page or a chat.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The payload of a base58check text (version byte first), for the two families that use it.
fn base58check(kind: WalletKind, address: &str) -> Result<Vec<u8>, WalletError> {
    if address.len() > MAX_COMPACT {
        return Err(WalletError::Shape(kind));
    }
    bs58::decode(address).with_check(None).into_vec().map_err(|error| match error {
        bs58::decode::Error::InvalidCharacter { character, .. } => WalletError::Character { kind, character },
        bs58::decode::Error::NonAsciiCharacter { index } => {
            let character = address[index..].chars().next().unwrap_or('\u{fffd}');
            WalletError::Character { kind, character }
        }
        bs58::decode::Error::InvalidChecksum { .. } => WalletError::Checksum(kind),
        _ => WalletError::Shape(kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_address_is_read_in_groups() {
        assert_eq!(
            groups("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").join(" "),
            "TR7N Hqje KQxG TCi8 q8ZY 4pL8 otSz gjLj 6t"
        );
        assert_eq!(groups("NO93 8601 1117 9470 0000").concat(), "NO938601111794700000");
        for whole in ["NO9386011117947", "mara.lindqvist@example.com", "Please pay in cash, thank you", ""] {
            assert!(groups(whole).is_empty(), "{whole}");
        }
    }

    #[test]
    fn a_masked_address_can_be_recognised_and_not_paid_to() {
        for (kind, address, expected) in [
            (WalletKind::UsdtTron, "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW", "TJCnKs…sxMW"),
            (WalletKind::Iban, "DE89370400440532013000", "DE8937…3000"),
            (WalletKind::Paypal, "mara@example.com", "m…@example.com"),
            (WalletKind::Other, "Bank of X, account 12", "Ban…"),
            (WalletKind::Other, "cash", "…"),
        ] {
            assert_eq!(masked(kind, address), expected);
        }
    }

    const TRON: &str = "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW";
    const ETHEREUM: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    const BITCOIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const IBAN: &str = "HN88CABF00000000000250005469";

    fn said(kind: WalletKind, typed: &str) -> String {
        check(kind, typed).unwrap_err().to_string()
    }

    #[test]
    fn words_are_read_back() {
        for kind in WalletKind::ALL {
            assert_eq!(WalletKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(WalletKind::from_word("usdt"), None);
    }

    #[test]
    fn what_copying_adds_is_passed_over() {
        for (kind, typed, expected) in [
            (WalletKind::UsdtTron, format!(" {TRON}\r\n"), TRON),
            (WalletKind::UsdtTron, format!("{} {}\u{200b}", &TRON[..17], &TRON[17..]), TRON),
            (WalletKind::UsdtEthereum, format!("ethereum:{ETHEREUM}?value=1"), ETHEREUM),
            (WalletKind::Btc, format!("bitcoin:{BITCOIN}?amount=0.1&label=x"), BITCOIN),
            (WalletKind::Btc, format!("BITCOIN:{}", BITCOIN.to_uppercase()), BITCOIN),
            (WalletKind::Iban, format!("IBAN: {}", display(WalletKind::Iban, IBAN)), IBAN),
            (WalletKind::Iban, IBAN.to_lowercase(), IBAN),
            (WalletKind::Paypal, " ann@example.com ".to_owned(), "ann@example.com"),
            (WalletKind::Other, " cash \r\n".to_owned(), "cash"),
        ] {
            let checked = check(kind, &typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!((checked.kind(), checked.as_str()), (kind, expected), "{typed}");
            assert_eq!(check(kind, &checked.display()).unwrap(), checked, "what is shown can be entered");
        }
    }

    #[test]
    fn an_address_of_another_kind_is_called_by_its_name() {
        assert_eq!(
            said(WalletKind::UsdtEthereum, TRON),
            "This is a TRON address. Choose “USDT on TRON” for it, or enter an Ethereum address."
        );
        assert_eq!(
            said(WalletKind::UsdtTron, ETHEREUM),
            "This is an Ethereum address. Choose “USDT on Ethereum” for it, or enter a TRON address."
        );
        assert_eq!(
            said(WalletKind::Btc, ETHEREUM),
            "This is an Ethereum address. Choose “Ether (ETH)” for it, or enter a Bitcoin address."
        );
        assert_eq!(
            said(WalletKind::Iban, "ann@example.com"),
            "This is an email address. Choose “PayPal” for it, or enter an IBAN."
        );
        assert_eq!(
            said(WalletKind::Paypal, IBAN),
            "This is an IBAN. Choose “Bank account (IBAN)” for it, or enter an email address."
        );
        assert!(check(WalletKind::Other, TRON).is_ok());
    }

    #[test]
    fn an_empty_field_is_told_what_belongs_there() {
        assert_eq!(said(WalletKind::UsdtTron, " "), "Enter a TRON address.");
        assert_eq!(said(WalletKind::Iban, "\u{200b}"), "Enter an IBAN.");
        assert_eq!(said(WalletKind::Other, "\n"), "Enter a description.");
    }

    #[test]
    fn nonsense_is_answered_with_a_hint() {
        assert_eq!(
            said(WalletKind::UsdtTron, "my wallet"),
            "This doesn't look like a TRON address. A TRON address: 34 characters that begin with T, like TJCnKs…6sxMW."
        );
        for kind in WalletKind::ALL.into_iter().filter(|kind| *kind != WalletKind::Other) {
            for typed in [
                "<script>alert(1)</script>",
                "\0",
                "🦀🦀🦀",
                "مرحبا",
                &"1".repeat(10_000),
                "0x",
                "T",
                "bc1",
                "DE",
            ] {
                let said = said(kind, typed);
                assert!(said.ends_with('.') && said.chars().count() < 400, "{kind:?} {typed}: {said}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(typed in any::<String>(), short in "[0-9A-Za-z:?é]{0,45}") {
            for kind in WalletKind::ALL {
                for typed in [&typed, &short] {
                    if let Ok(checked) = check(kind, typed) {
                        prop_assert_eq!(check(kind, checked.as_str()).map(|again| again.address), Ok(checked.address));
                    }
                }
            }
        }
    }
}
