//! TRON addresses: base58check of 21 bytes, the first of them 0x41 (TRON protocol, "Account address format").

use super::{WalletError, WalletKind, base58check};

const KIND: WalletKind = WalletKind::UsdtTron;
const VERSION: u8 = 0x41;
const LENGTH: usize = 34;

/// The USDT (TRC-20) contract, which people copy from explorers in the place of their own address.
const USDT_CONTRACT: &str = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";

/// The address if it is one; it has only one written form.
pub(super) fn check(address: &str) -> Result<String, WalletError> {
    if !address.starts_with('T') {
        return Err(WalletError::Shape(KIND));
    }
    let length = address.chars().count();
    if length != LENGTH {
        // A few characters too many or too few are a bad copy; otherwise it is something else.
        let near = length.abs_diff(LENGTH) <= 4;
        let wrong_length = WalletError::Length { kind: KIND, expected: LENGTH, length };
        return Err(if near { wrong_length } else { WalletError::Shape(KIND) });
    }
    let payload = base58check(KIND, address)?;
    match payload.split_first() {
        Some((&VERSION, account)) if account.len() == 20 => {
            if account.iter().all(|byte| *byte == 0) {
                return Err(WalletError::Burn);
            }
        }
        _ => return Err(WalletError::Shape(KIND)),
    }
    if address == USDT_CONTRACT { Err(WalletError::Contract) } else { Ok(address.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of TRON's developer documentation: 415a523b449890854c8fc460ab602df9f31fe4293f.
    const EXAMPLE: &str = "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW";

    fn encode(version: u8, account: &[u8]) -> String {
        bs58::encode(account).with_check_version(version).into_string()
    }

    #[test]
    fn the_published_example_is_its_hexadecimal_form() {
        let account = [
            0x5a, 0x52, 0x3b, 0x44, 0x98, 0x90, 0x85, 0x4c, 0x8f, 0xc4, 0x60, 0xab, 0x60, 0x2d, 0xf9, 0xf3,
            0x1f, 0xe4, 0x29, 0x3f,
        ];
        assert_eq!(encode(VERSION, &account), EXAMPLE);
        assert_eq!(check(EXAMPLE), Ok(EXAMPLE.to_owned()));
    }

    #[test]
    fn what_is_no_address_of_a_person_is_refused() {
        assert_eq!(check(USDT_CONTRACT), Err(WalletError::Contract));
        assert_eq!(check("T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"), Err(WalletError::Burn));
        assert_eq!(check(&EXAMPLE[..33]), Err(WalletError::Length { kind: KIND, expected: 34, length: 33 }));
        assert_eq!(
            check(&EXAMPLE.replace('k', "0")),
            Err(WalletError::Character { kind: KIND, character: '0' })
        );
        assert_eq!(
            check(&EXAMPLE.replace('k', "к")),
            Err(WalletError::Character { kind: KIND, character: 'к' })
        );
        assert_eq!(check(&EXAMPLE.to_lowercase()), Err(WalletError::Shape(KIND)));
        assert_eq!(check("415a523b449890854c8fc460ab602df9f31fe4293f"), Err(WalletError::Shape(KIND)));
        assert_eq!(check("T"), Err(WalletError::Shape(KIND)));
    }

    proptest! {
        #[test]
        fn every_account_has_an_address(account in prop::array::uniform20(1..=255_u8)) {
            let address = encode(VERSION, &account);
            prop_assert_eq!(check(&address), Ok(address.clone()));
        }

        #[test]
        fn only_tron_addresses_are_taken(version in any::<u8>(), account in prop::collection::vec(any::<u8>(), 0..40)) {
            let tron = version == VERSION && account.len() == 20 && account.iter().any(|byte| *byte != 0);
            prop_assert_eq!(check(&encode(version, &account)).is_ok(), tron);
        }

        #[test]
        fn every_single_typo_is_caught(account in prop::array::uniform20(any::<u8>()), at in 0..LENGTH) {
            let address = encode(VERSION, &account);
            for typo in (' '..='~').filter(|typo| !address[at..].starts_with(*typo)) {
                let mut wrong = address.clone();
                wrong.replace_range(at..=at, &typo.to_string());
                prop_assert!(check(&wrong).is_err(), "{} for {}", wrong, address);
            }
        }

        #[test]
        fn every_swap_of_neighbours_is_caught(account in prop::array::uniform20(any::<u8>())) {
            let address = encode(VERSION, &account);
            for at in 1..LENGTH {
                let mut wrong: Vec<char> = address.chars().collect();
                wrong.swap(at - 1, at);
                let wrong: String = wrong.into_iter().collect();
                prop_assert!(wrong == address || check(&wrong).is_err(), "{}", wrong);
            }
        }
    }
}
