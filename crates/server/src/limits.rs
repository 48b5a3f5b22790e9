//! Rate limits: how often one address or account may do something. Kept in memory, by each server for itself.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{Quota, RateLimiter, clock::Clock, clock::DefaultClock, state::keyed::DefaultKeyedStateStore};

type Keyed = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock>;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Signing in, by the visitor's address.
    SignIn,
    /// Signing in to one account, from anywhere.
    Account,
    /// Signing up, by address.
    SignUp,
    /// The contact form, by address.
    Contact,
    /// Feedback, by partner.
    Feedback,
    /// Claims, by partner.
    Claim,
    /// Keeping codes that can't be read, by address.
    Damaged,
    /// Asking for a new password, by address.
    Recovery,
    /// What the Telegram bot answers, by chat.
    Bot,
    /// Writing to support, by address.
    Support,
    /// Mail to one email address that a support request has named and nobody has confirmed.
    SupportMail,
    /// Typing one's password once more to change something, by session.
    Password,
    /// Having mail sent about an email address, by account.
    EmailMail,
    /// Recording that an account is tried too often, by account.
    Noted,
}

/// One limiter for each thing that is limited.
pub struct Limits {
    limiters: Vec<(Limited, Keyed)>,
}

/// At once and then again after the pause, when the factor is 1.
const TABLE: &[(Limited, u32, Duration)] = &[
    (Limited::SignIn, 30, Duration::from_secs(2)),
    (Limited::Account, 5, Duration::from_secs(60)),
    (Limited::SignUp, 30, Duration::from_secs(20)),
    (Limited::Contact, 30, Duration::from_secs(10)),
    (Limited::Feedback, 20, Duration::from_secs(30)),
    (Limited::Claim, 20, Duration::from_secs(30)),
    (Limited::Damaged, 10, Duration::from_secs(60)),
    (Limited::Recovery, 10, Duration::from_secs(60)),
    (Limited::Bot, 10, Duration::from_secs(10)),
    (Limited::Support, 10, Duration::from_secs(30)),
    (Limited::SupportMail, 5, Duration::from_secs(600)),
    (Limited::Password, 10, Duration::from_secs(60)),
    (Limited::EmailMail, 5, Duration::from_secs(600)),
    (Limited::Noted, 1, Duration::from_secs(3600)),
];

/// Too often; may be tried again after that many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften {
    /// Whole seconds to wait, at least one.
    pub retry_after: u64,
}

impl Limits {
    /// The limits of the table above, multiplied; a factor of 0 switches them off.
    pub fn new(factor: u32) -> Limits {
        let limiters = TABLE
            .iter()
            .filter_map(|&(what, burst, pause)| {
                let burst = NonZeroU32::new(burst.saturating_mul(factor))?;
                let quota = Quota::with_period(pause / factor)?.allow_burst(burst);
                Some((what, RateLimiter::keyed(quota)))
            })
            .collect();
        Limits { limiters }
    }

    /// Counts one attempt.
    ///
    /// # Errors
    /// [`TooOften`] when there were too many.
    pub fn check(&self, what: Limited, key: &str) -> Result<(), TooOften> {
        let Some((_, limiter)) = self.limiters.iter().find(|(limited, _)| *limited == what) else {
            return Ok(());
        };
        limiter.check_key(&key.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            TooOften { retry_after: wait.as_secs() + 1 }
        })
    }

    /// Forgets addresses that have been quiet; called from time to time, since every address takes memory.
    pub fn forget_quiet(&self) {
        for (_, limiter) in &self.limiters {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// The key of an address: an IPv6 subscriber has a whole /64 network and counts as one.
pub fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_runs_out_and_another_does_not() {
        let limits = Limits::new(1);
        let tries = (0..31).map(|_| limits.check(Limited::SignIn, "a").is_ok()).collect::<Vec<_>>();
        assert!(tries[..30].iter().all(|allowed| *allowed));
        assert!(!tries[30]);
        assert!(limits.check(Limited::SignIn, "a").unwrap_err().retry_after >= 1);
        assert!(limits.check(Limited::SignIn, "b").is_ok());
        assert!(limits.check(Limited::SignUp, "a").is_ok());
    }

    #[test]
    fn a_factor_of_zero_switches_them_off() {
        let limits = Limits::new(0);
        assert!((0..1000).all(|_| limits.check(Limited::Recovery, "a").is_ok()));
    }

    #[test]
    fn one_ipv6_network_is_one_visitor() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
