//! Ethereum addresses: 20 bytes in hexadecimal, with the checksum of EIP-55 in the case of the letters.

use super::{WalletError, WalletKind};
use sha3::{Digest, Keccak256};

/// How many hexadecimal digits follow the `0x`.
const DIGITS: usize = 40;

/// Said about an address without the checksum.
pub(super) const UNPROVEN: &str = "This address was entered without its mix of capital and small letters, so a typing \
     mistake in it can't be found. Compare it with your wallet once more.";

/// The USDT (ERC-20) contract, which people copy from explorers in the place of their own address.
const USDT_CONTRACT: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";

/// The address with its checksum, and whether the checksum was there to be proven: an address all in small or
/// all in capital letters carries none.
pub(super) fn check(kind: WalletKind, address: &str) -> Result<(String, bool), WalletError> {
    let digits = address.strip_prefix("0x").or_else(|| address.strip_prefix("0X"));
    let digits = digits.ok_or(WalletError::Shape(kind))?;
    let length = digits.chars().count();
    if length != DIGITS {
        // A few characters too many or too few are a bad copy; otherwise it is something else.
        let near = length.abs_diff(DIGITS) <= 4;
        let wrong_length = WalletError::Length { kind, expected: DIGITS + 2, length: length + 2 };
        return Err(if near { wrong_length } else { WalletError::Shape(kind) });
    }
    if let Some(character) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(WalletError::Character { kind, character });
    }
    let right = with_checksum(&digits.to_ascii_lowercase());
    let one_case = !digits.contains(|c: char| c.is_ascii_lowercase())
        || !digits.contains(|c: char| c.is_ascii_uppercase());
    if !one_case && right[2..] != *digits {
        return Err(WalletError::Checksum(kind));
    }
    if right == USDT_CONTRACT {
        return Err(WalletError::Contract);
    }
    let zeros = digits.chars().all(|digit| digit == '0');
    if zeros || right.eq_ignore_ascii_case("0x000000000000000000000000000000000000dead") {
        return Err(WalletError::Burn);
    }
    Ok((right, !one_case))
}

/// EIP-55: a letter is a capital one where the digit of the lower-case text's Keccak-256 hash is 8 or above.
fn with_checksum(lower: &str) -> String {
    let hash = Keccak256::digest(lower.as_bytes());
    let digit = |index: usize| hash[index / 2] >> (if index.is_multiple_of(2) { 4 } else { 0 }) & 15;
    let cased =
        lower.char_indices().map(|(index, c)| if digit(index) >= 8 { c.to_ascii_uppercase() } else { c });
    "0x".chars().chain(cased).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: WalletKind = WalletKind::Eth;

    /// The test cases of EIP-55.
    const MIXED: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];
    const ONE_CASE: [&str; 4] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
    ];

    #[test]
    fn the_published_examples_are_taken() {
        for address in MIXED {
            assert_eq!(check(KIND, address), Ok((address.to_owned(), true)));
        }
        for address in ONE_CASE {
            assert_eq!(check(KIND, address), Ok((address.to_owned(), false)));
        }
    }

    #[test]
    fn an_address_in_one_case_gets_its_checksum_and_a_warning() {
        for address in MIXED.into_iter().chain(ONE_CASE) {
            for typed in [address.to_lowercase(), address.to_uppercase()] {
                assert_eq!(check(KIND, &typed), Ok((address.to_owned(), false)), "{typed}");
            }
        }
        let checked = crate::wallet::check(KIND, &MIXED[0].to_lowercase()).unwrap();
        assert_eq!((checked.as_str(), checked.warning()), (MIXED[0], Some(UNPROVEN)));
        assert_eq!(crate::wallet::check(KIND, MIXED[0]).unwrap().warning(), None);
    }

    #[test]
    fn what_is_no_address_of_a_person_is_refused() {
        assert_eq!(check(KIND, USDT_CONTRACT), Err(WalletError::Contract));
        assert_eq!(check(KIND, &USDT_CONTRACT.to_lowercase()), Err(WalletError::Contract));
        for burn in
            ["0x0000000000000000000000000000000000000000", "0x000000000000000000000000000000000000dEaD"]
        {
            assert_eq!(check(KIND, burn), Err(WalletError::Burn), "{burn}");
        }
        assert_eq!(
            check(KIND, &MIXED[0][..41]),
            Err(WalletError::Length { kind: KIND, expected: 42, length: 41 })
        );
        assert_eq!(
            check(KIND, &MIXED[0].replace('A', "G")),
            Err(WalletError::Character { kind: KIND, character: 'G' })
        );
        assert_eq!(
            check(KIND, &MIXED[0].replace('A', "а")),
            Err(WalletError::Character { kind: KIND, character: 'а' })
        );
        assert_eq!(check(KIND, &MIXED[0][2..]), Err(WalletError::Shape(KIND)));
        assert_eq!(check(KIND, &"0x12".repeat(16)), Err(WalletError::Shape(KIND)), "a transaction's hash");
    }

    proptest! {
        #[test]
        fn a_letter_of_the_wrong_case_is_caught(account in prop::array::uniform20(any::<u8>()), at in 2..42_usize) {
            let lower: String = account.iter().map(|byte| format!("{byte:02x}")).collect();
            let address = with_checksum(&lower);
            let typo = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            let wrong: String =
                address.char_indices().map(|(index, c)| if index == at { typo(c) } else { c }).collect();
            let letters: String = wrong[2..].chars().filter(char::is_ascii_alphabetic).collect();
            let one_case = letters == letters.to_lowercase() || letters == letters.to_uppercase();
            prop_assert_eq!(check(KIND, &wrong).is_err(), wrong != address && !one_case, "{}", wrong);
        }
    }
}
