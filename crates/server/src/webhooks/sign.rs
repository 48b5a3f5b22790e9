//! Secrets and signatures by the convention Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one signature for each
//! secret that signs.

use base64::prelude::*;
use domain::ids::Ids;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// How many random bytes a secret has; the convention allows 24 to 64.
const BYTES: usize = 32;

/// A new secret.
pub fn new_secret(ids: &dyn Ids) -> String {
    let mut random = [0; BYTES];
    ids.fill(&mut random);
    format!("{PREFIX}{}", BASE64_STANDARD.encode(random))
}

/// What `webhook-signature` says: a signature by each secret, parted by blanks.
pub fn signatures<'a>(
    secrets: impl IntoIterator<Item = &'a str>,
    id: &str,
    timestamp: i64,
    body: &str,
) -> String {
    let signed = secrets.into_iter().filter_map(|secret| {
        let key = BASE64_STANDARD.decode(secret.strip_prefix(PREFIX).unwrap_or(secret)).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    });
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl dgst -sha256 -hmac` with the key of 24 letters `a`.
    const SECRET: &str = "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh";

    #[test]
    fn a_signature_is_what_another_program_makes_it() {
        let signed = signatures([SECRET], "msg_1", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,1DZ7WGgFobnNJ9lJopyYGR6yeFJj6YxsP0GuVbDlbXU=");
        let both = signatures([SECRET, "whsec_YmJi"], "msg_1", 1, "{}");
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn a_secret_has_as_many_bytes_as_the_convention_asks_for() {
        let secret = new_secret(&crate::real::SystemIds);
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        assert_ne!(secret, new_secret(&crate::real::SystemIds));
    }
}
