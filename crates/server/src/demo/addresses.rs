//! Addresses that pass their kind's check and belong to nobody who could be paid by mistake: published examples,
//! and TRON addresses whose key nobody has (the hash of a sentence instead of a public key's).

use domain::wallet::WalletKind;

/// The test cases of EIP-55.
const ETHEREUM: [&str; 8] = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
];

/// Examples of BIP-173, BIP-350, BIP-86 and the Bitcoin wiki.
const BITCOIN: [&str; 6] = [
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
];

/// The example of TRON's developer documentation, then base58check of 0x41 and the first 20 bytes of the SHA-256
/// of "goodword demo 1" and so on.
const TRON: [&str; 8] = [
    "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW",
    "TLPxXjnaqQHaiNbCNs7Xaasj7pLNBYXtvi",
    "TEr4JXGuhJGRXBoJkX79V6dHvC8ASeXJ8K",
    "TQzqHGWqcCEyeFy2YEmfNz5QUFz7vHP9Ln",
    "TE32L9Rye7URuYNzE8S9syyXzmiJEcuyqH",
    "THC5nAkJQr7iSnMHwFJXJp1foBpAtACNmD",
    "THt3tYGoHoGBqoM87HjSkbZRW653EoDj6q",
    "TLEg2gbdfWfLhmy8vcMVLKCrwawX3pTQf8",
];

/// The examples of SWIFT's IBAN registry.
const IBAN: [&str; 16] = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "ES9121000418450200051332",
    "IT60X0542811101000000123456",
    "AT611904300234573201",
    "BE68539007547034",
    "CH9300762011623852957",
    "CZ6508000000192000145399",
    "NO9386011117947",
    "PL61109010140000071219812874",
    "TR330006100519786457841326",
    "AE070331234567890123456",
    "UA213223130000026007233566001",
    "MT84MALT011000012345MTLCAST001S",
];

/// Hands out addresses, each to one wallet.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    given: [usize; WalletKind::ALL.len()],
}

impl Addresses {
    /// A wallet of the kind, or, where every address of the kind is given, a PayPal account: kind, label, address.
    pub fn next(&mut self, kind: WalletKind, email: &str) -> (WalletKind, &'static str, String) {
        let (label, pool): (_, &[&str]) = match kind {
            WalletKind::UsdtTron => ("USDT", &TRON),
            WalletKind::UsdtEthereum => ("USDT, cold wallet", &ETHEREUM[..4]),
            WalletKind::Eth => ("Ether", &ETHEREUM[4..]),
            WalletKind::Btc => ("Savings", &BITCOIN),
            WalletKind::Iban => ("Business account", &IBAN),
            WalletKind::Paypal => return (kind, "PayPal", email.to_owned()),
            WalletKind::Other => {
                return (kind, "Credit note", "Please set it off against our invoices with you.".to_owned());
            }
        };
        let place = WalletKind::ALL.iter().position(|other| *other == kind).unwrap_or(0);
        let next = pool.get(self.given[place]);
        self.given[place] += 1;
        match next {
            Some(address) => (kind, label, (*address).to_owned()),
            None => (WalletKind::Paypal, "PayPal", email.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_passes_its_check_as_it_stands() {
        let mut addresses = Addresses::default();
        for kind in WalletKind::ALL.into_iter().flat_map(|kind| [kind; 17]) {
            let (kind, label, address) = addresses.next(kind, "mara@example.com");
            let checked = domain::wallet::check(kind, &address).unwrap();
            assert_eq!((checked.as_str(), label.is_empty()), (address.as_str(), false));
        }
    }
}
