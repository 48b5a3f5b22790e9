//! The real clock and the real randomness: the only places that ask the machine for either.

use domain::{
    clock::{Clock, Timestamp},
    ids::Ids,
};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else is passed")]
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}

/// The machine's source of secrets.
#[derive(Debug, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "these are the Ids that everybody else is passed")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness");
    }
}

/// Chooses the one implementation of TLS for the whole process, before anything is sent. Calling it again changes nothing.
pub fn choose_tls() {
    // An error means that it was chosen before.
    _ = rustls::crypto::ring::default_provider().install_default();
}
