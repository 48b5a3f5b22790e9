//! Rate limits: how often one address or account may do something.
//!
//! Each server counts in memory. Where several servers may share the database, what one of them allows is counted there
//! once more, so that the limits hold in sum. A database that doesn't answer quickly refuses nobody: then each server
//! counts alone.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock::Clock, clock::DefaultClock, middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use sha2::{Digest, Sha256};
use store::{DbError, rate_limits};

use crate::app::App;

type Keyed = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

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
    /// Whatever other programs ask for, by token.
    Api,
    /// What the CRM sends, by address.
    Hook,
}

impl Limited {
    /// The word in the database.
    const fn word(self) -> &'static str {
        match self {
            Limited::SignIn => "sign_in",
            Limited::Account => "account",
            Limited::SignUp => "sign_up",
            Limited::Contact => "contact",
            Limited::Feedback => "feedback",
            Limited::Claim => "claim",
            Limited::Damaged => "damaged",
            Limited::Recovery => "recovery",
            Limited::Bot => "bot",
            Limited::Support => "support",
            Limited::SupportMail => "support_mail",
            Limited::Password => "password",
            Limited::EmailMail => "email_mail",
            Limited::Noted => "noted",
            Limited::Api => "api",
            Limited::Hook => "hook",
        }
    }
}

/// How much of something is allowed: that many at once, then one more after each pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    burst: NonZeroU32,
    pause: Duration,
}

impl Allowance {
    fn left(self, remaining: u32) -> Left {
        let limit = self.burst.get();
        let missing = self.pause.saturating_mul(limit.saturating_sub(remaining));
        Left { limit, remaining, reset: missing.as_secs() + u64::from(missing.subsec_nanos() > 0) }
    }
}

/// One limiter for each thing that is limited.
pub struct Limits {
    limiters: Vec<(Limited, Allowance, Keyed)>,
    /// The database was too slow last time: said once in the log.
    alone: AtomicBool,
}

/// How long an attempt waits to be counted over all servers.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many quiet keys are forgotten in one transaction.
const SWEEP: i64 = 5_000;

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
    (Limited::Api, 120, Duration::from_millis(100)),
    (Limited::Hook, 600, Duration::from_millis(50)),
];

/// Too often; may be tried again after that many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooOften {
    /// Whole seconds to wait, at least one.
    pub retry_after: u64,
}

/// How much is left of an allowance on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many at once.
    pub limit: u32,
    /// How many more now.
    pub remaining: u32,
    /// After how many whole seconds it is all of them again.
    pub reset: u64,
}

/// A token that was used too often, and its allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// When it may be used again.
    pub why: TooOften,
    /// What is left.
    pub left: Option<Left>,
}

impl Limits {
    /// The limits of the table above, multiplied; a factor of 0 switches them off.
    pub fn new(factor: u32) -> Limits {
        let limiters = TABLE
            .iter()
            .filter_map(|&(what, burst, pause)| {
                let burst = NonZeroU32::new(burst.saturating_mul(factor))?;
                let pause = pause / factor;
                let quota = Quota::with_period(pause)?.allow_burst(burst);
                Some((what, Allowance { burst, pause }, RateLimiter::keyed(quota).with_middleware()))
            })
            .collect();
        Limits { limiters, alone: AtomicBool::new(false) }
    }

    /// Counts one attempt on this server alone. [`App::allow`] counts over all of them.
    ///
    /// # Errors
    /// [`TooOften`] when there were too many.
    pub fn check(&self, what: Limited, key: &str) -> Result<(), TooOften> {
        self.count(what, key).map(drop)
    }

    /// Like [`Limits::check`]; how much is left, unless limits are switched off.
    fn count(&self, what: Limited, key: &str) -> Result<Option<Left>, TooOften> {
        let Some((_, allowance, limiter)) = self.limiters.iter().find(|(limited, ..)| *limited == what)
        else {
            return Ok(None);
        };
        match limiter.check_key(&key.to_owned()) {
            Ok(state) => Ok(Some(allowance.left(state.remaining_burst_capacity()))),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(TooOften { retry_after: wait.as_secs() + 1 })
            }
        }
    }

    /// Forgets addresses that have been quiet; called from time to time, since every address takes memory.
    pub fn forget_quiet(&self) {
        for (_, _, limiter) in &self.limiters {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn allowance(&self, what: Limited) -> Option<Allowance> {
        self.limiters.iter().find(|(limited, ..)| *limited == what).map(|(_, allowance, _)| *allowance)
    }
}

impl App {
    /// Counts one attempt, on this server and, where others may share its database, over all of them.
    ///
    /// # Errors
    /// [`TooOften`] when there were too many.
    pub async fn allow(&self, what: Limited, key: &str) -> Result<(), TooOften> {
        self.limits.check(what, key)?;
        self.allow_over_all(what, key).await
    }

    /// Counts one use of a token by a program, like [`App::allow`]; says how much is left on this server.
    ///
    /// # Errors
    /// [`Spent`] when there were too many.
    pub async fn allow_token(&self, token_id: &str) -> Result<Option<Left>, Spent> {
        let none = || self.limits.allowance(Limited::Api).map(|allowance| allowance.left(0));
        let spent = |why| Spent { why, left: none() };
        let left = self.limits.count(Limited::Api, token_id).map_err(spent)?;
        self.allow_over_all(Limited::Api, token_id).await.map_err(spent)?;
        Ok(left)
    }

    async fn allow_over_all(&self, what: Limited, key: &str) -> Result<(), TooOften> {
        let Some(Allowance { burst, pause }) = self.limits.allowance(what).filter(|_| self.db.is_shared())
        else {
            return Ok(());
        };
        let (key, burst) = (shared_key(what, key), i64::from(burst.get()));
        let pause = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX / burst);
        let counting = self.write(move |tx, env| rate_limits::count(tx, &key, burst, pause, env.now));
        let wait = match tokio::time::timeout(PATIENCE, counting).await {
            Ok(Ok(wait)) => {
                self.limits.alone.store(false, Ordering::Relaxed);
                wait
            }
            Ok(Err(error)) => {
                self.counts_alone(&error);
                None
            }
            Err(_) => {
                self.counts_alone(&"it did not answer in time");
                None
            }
        };
        match wait {
            None => Ok(()),
            Some(micros) => Err(TooOften { retry_after: u64::try_from(micros / 1_000_000).unwrap_or(0) + 1 }),
        }
    }

    fn counts_alone(&self, why: &dyn std::fmt::Display) {
        if !self.limits.alone.swap(true, Ordering::Relaxed) {
            tracing::warn!(%why, "rate limits can't be counted in the database; this server counts alone for now");
        }
    }

    /// Forgets whoever has been quiet, here and in the database.
    ///
    /// # Errors
    /// When the database says no.
    pub async fn forget_quiet(&self) -> Result<(), DbError> {
        self.limits.forget_quiet();
        while self.write(|tx, env| rate_limits::sweep(tx, env.now, SWEEP)).await? > 0 {}
        Ok(())
    }
}

/// What an attempt is counted under in the database: addresses and accounts are not to be read there.
fn shared_key(what: Limited, key: &str) -> String {
    let hash = Sha256::digest(format!("{}:{key}", what.word()));
    hash[..16].iter().fold(format!("{}:", what.word()), |out, byte| out + &format!("{byte:02x}"))
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
        assert_eq!(limits.count(Limited::Api, "a"), Ok(None));
    }

    #[test]
    fn a_program_is_told_what_is_left() {
        let limits = Limits::new(1);
        let left = limits.count(Limited::Api, "a").unwrap().unwrap();
        assert_eq!(left, Left { limit: 120, remaining: 119, reset: 1 });
    }

    #[test]
    fn what_stands_in_the_database_names_nobody() {
        let key = shared_key(Limited::SignIn, "192.0.2.1");
        assert!(
            key.starts_with("sign_in:") && !key.contains("192") && key.len() == "sign_in:".len() + 32,
            "{key}"
        );
        assert_ne!(key[8..], shared_key(Limited::Contact, "192.0.2.1")[8..]);
        assert_ne!(key, shared_key(Limited::SignIn, "192.0.2.2"));
    }

    #[test]
    fn one_ipv6_network_is_one_visitor() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
