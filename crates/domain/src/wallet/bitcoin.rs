//! Bitcoin addresses: base58check for public-key and script hashes, bech32 (BIP-173) for witness version 0,
//! bech32m (BIP-350) for Taproot (BIP-341).

use super::{MAX_COMPACT, WalletError, WalletKind, base58check};
use bech32::segwit;

const KIND: WalletKind = WalletKind::Btc;

/// The address in its normal form (segregated witness in small letters), if it is one of the main network.
pub(super) fn check(address: &str) -> Result<String, WalletError> {
    let lower = address.to_ascii_lowercase();
    if ["tb1", "bcrt1"].iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(WalletError::TestNetwork);
    }
    if lower.starts_with("bc1") { witness(address) } else { hash(address) }
}

/// P2PKH (version 0x00) and P2SH (0x05); the test network has 0x6f and 0xc4.
fn hash(address: &str) -> Result<String, WalletError> {
    // Without this, any sentence would be told that its first odd letter is no part of an address.
    if !address.starts_with(['1', '3', '2', 'm', 'n']) || !(26..=36).contains(&address.chars().count()) {
        return Err(WalletError::Shape(KIND));
    }
    let payload = base58check(KIND, address)?;
    match payload.split_first() {
        Some((0x00 | 0x05, account)) if account.len() == 20 => {
            // The hash of nothing's key: coins sent there are burnt.
            if account.iter().all(|byte| *byte == 0) {
                Err(WalletError::Burn)
            } else {
                Ok(address.to_owned())
            }
        }
        Some((0x6f | 0xc4, account)) if account.len() == 20 => Err(WalletError::TestNetwork),
        _ => Err(WalletError::Shape(KIND)),
    }
}

/// P2WPKH, P2WSH and P2TR. Other versions and lengths are well formed for some future, but until then whatever
/// is sent there can be taken by anybody.
fn witness(address: &str) -> Result<String, WalletError> {
    if address.len() > MAX_COMPACT {
        return Err(WalletError::Shape(KIND));
    }
    if let Some(character) = address.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Err(WalletError::Character { kind: KIND, character });
    }
    let data = &address["bc1".len()..];
    if let Some(character) = data.chars().find(|c| matches!(c.to_ascii_lowercase(), '1' | 'b' | 'i' | 'o')) {
        return Err(WalletError::Character { kind: KIND, character });
    }
    // The crate chooses the checksum by the witness version, and refuses mixed case.
    let (prefix, version, program) = segwit::decode(address).map_err(|_| WalletError::Checksum(KIND))?;
    if !prefix.is_valid_on_mainnet() {
        return Err(WalletError::Shape(KIND));
    }
    match (version.to_u8(), program.len()) {
        (0, 20 | 32) | (1, 32) => Ok(address.to_ascii_lowercase()),
        _ => Err(WalletError::FutureBitcoin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bech32::{Fe32, hrp};
    use proptest::prelude::*;

    /// Real and published addresses: the first block's, those of the Bitcoin wiki, BIP-173, BIP-350, BIP-86.
    const PUBLISHED: [&str; 7] = [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    ];

    #[test]
    fn the_published_addresses_are_taken() {
        for address in PUBLISHED {
            assert_eq!(check(address), Ok(address.to_owned()));
        }
        assert_eq!(check("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"), Ok(PUBLISHED[3].to_owned()));
    }

    #[test]
    fn the_test_networks_are_refused_by_name() {
        for address in [
            "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
            "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
            "TB1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KXPJZSX",
            "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        ] {
            assert_eq!(check(address), Err(WalletError::TestNetwork), "{address}");
        }
    }

    /// The lists of invalid addresses in BIP-173 and BIP-350 (those that name the main network).
    #[test]
    fn the_published_invalid_addresses_are_refused() {
        for address in [
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
            "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
            "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
            "bc1pw5dgrnzv",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
            "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
            "bc1gmk9yu",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2",
            "bc1rw5uspcuh",
            "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
            "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
            "Bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a",
            "1111111111111111111114oLvT2",
        ] {
            assert!(check(address).is_err(), "{address}");
        }
    }

    /// Valid by BIP-350, but nobody's: later witness versions, a program of 40 bytes, pay-to-anchor.
    #[test]
    fn addresses_of_the_future_are_refused_by_name() {
        for address in [
            "BC1SW50QGDZ25J",
            "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "bc1pfeessrawgf",
        ] {
            assert_eq!(check(address), Err(WalletError::FutureBitcoin), "{address}");
        }
    }

    /// Addresses of all five spendable kinds.
    fn addresses() -> impl Strategy<Value = String> {
        let witness = |version, program: &[u8]| segwit::encode(hrp::BC, version, program).unwrap();
        prop_oneof![
            (prop::array::uniform20(any::<u8>()), prop::bool::ANY).prop_map(|(account, script)| {
                bs58::encode(account).with_check_version(if script { 5 } else { 0 }).into_string()
            }),
            prop::array::uniform20(any::<u8>()).prop_map(move |program| witness(Fe32::Q, &program)),
            (prop::array::uniform32(any::<u8>()), prop::bool::ANY).prop_map(move |(program, taproot)| {
                witness(if taproot { Fe32::P } else { Fe32::Q }, &program)
            }),
        ]
    }

    proptest! {
        #[test]
        fn every_account_has_an_address(address in addresses()) {
            prop_assert_eq!(check(&address), Ok(address.clone()));
        }

        #[test]
        fn every_single_typo_is_caught(address in addresses(), at in any::<prop::sample::Index>()) {
            let at = at.index(address.len());
            for typo in (' '..='~').filter(|typo| !address[at..].starts_with(*typo)) {
                let mut wrong = address.clone();
                wrong.replace_range(at..=at, &typo.to_string());
                prop_assert!(check(&wrong).is_err(), "{} for {}", wrong, address);
            }
        }

        #[test]
        fn a_lost_or_doubled_character_is_caught(address in addresses(), at in any::<prop::sample::Index>()) {
            let at = at.index(address.len());
            let mut shorter = address.clone();
            let letter = shorter.remove(at);
            let mut longer = address.clone();
            longer.insert(at, letter);
            prop_assert!(check(&shorter).is_err(), "{} for {}", shorter, address);
            prop_assert!(check(&longer).is_err(), "{} for {}", longer, address);
        }
    }
}
