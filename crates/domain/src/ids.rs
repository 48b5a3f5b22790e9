//! Identifiers and other randomness are passed in, never drawn directly.

use crate::clock::Timestamp;
use base64::prelude::*;
use std::fmt;

/// A source of randomness. The real one is in the server; tests pass a seeded one.
pub trait Ids: Send + Sync + fmt::Debug {
    /// Fills the bytes with randomness that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);

    /// A time-ordered identifier (UUID version 7, RFC 9562).
    fn uuid(&self, now: Timestamp) -> String {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        // The microseconds too, in the first 12 bits after the milliseconds (RFC 9562, 6.2, method 3): what comes after one
        // another sorts so.
        let fraction = u16::try_from(now.micros().rem_euclid(1_000) * 4_096 / 1_000).unwrap_or(0);
        random[..2].copy_from_slice(&fraction.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }

    /// A secret for an address or a cookie: 32 random bytes in URL-safe letters (RFC 4648 base64url).
    fn secret(&self) -> String {
        let mut random = [0; 32];
        self.fill(&mut random);
        BASE64_URL_SAFE_NO_PAD.encode(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Ones;
    impl Ids for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[test]
    fn identifiers_sort_by_time() {
        for (early, late) in [(1_000_000, 2_000_000), (1_000_998, 1_000_999), (1_000_999, 1_001_000), (7, 8)]
        {
            let [early, late] = [early, late].map(|micros| Ones.uuid(Timestamp::from_micros(micros)));
            assert!(early < late && early.as_bytes()[14] == b'7', "{early} {late}");
        }
    }

    #[test]
    fn a_secret_fits_an_address_and_a_cookie() {
        let secret = Ones.secret();
        assert_eq!(secret.len(), 43);
        assert!(secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{secret}");
    }
}
