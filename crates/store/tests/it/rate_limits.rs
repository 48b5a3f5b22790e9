//! Counting attempts over all servers.

use domain::clock::{SECOND, Timestamp};
use store::{Db, both_databases, rate_limits};

use crate::{read, write};

const MINUTE: i64 = 60 * SECOND;

/// Counts one attempt of a burst of three, one more each minute; the answer is how long to wait.
fn attempt(db: &Db, key: &'static str, at: i64) -> Option<i64> {
    let now = Timestamp::from_micros(1_000 * MINUTE + at);
    write(db, move |tx| rate_limits::count(tx, key, 3, MINUTE, now)).unwrap()
}

both_databases!(a_burst_and_then_one_after_each_pause, |db: Db| {
    for _ in 0..3 {
        assert_eq!(attempt(&db, "a", 0), None);
    }
    assert_eq!(attempt(&db, "a", 0), Some(MINUTE));
    // Refusals cost nothing, and the wait is as long as it says.
    assert_eq!(attempt(&db, "a", MINUTE - 1), Some(1));
    assert_eq!(attempt(&db, "a", MINUTE), None);
    assert_eq!(attempt(&db, "a", MINUTE), Some(MINUTE));
    assert_eq!(attempt(&db, "b", MINUTE), None, "somebody else");
    // After a quiet time there is a whole burst again, and no more than one.
    let allowed = (0..10).filter(|_| attempt(&db, "a", 500 * MINUTE).is_none()).count();
    assert_eq!(allowed, 3);
    // A server whose clock is behind is no way around it, and one whose clock is far ahead locks nobody out.
    assert_eq!(attempt(&db, "a", 499 * MINUTE), Some(MINUTE));
    assert_eq!(attempt(&db, "a", 90_000 * MINUTE), None);
    assert_eq!(attempt(&db, "a", 500 * MINUTE), Some(MINUTE));
    assert_eq!(attempt(&db, "a", 501 * MINUTE), None);
});

both_databases!(whoever_is_quiet_is_forgotten, |db: Db| {
    for key in ["a", "b", "c"] {
        assert_eq!(attempt(&db, key, 0), None);
    }
    assert_eq!(attempt(&db, "d", MINUTE), None);
    let sweep = |at: i64, limit| {
        let now = Timestamp::from_micros(1_000 * MINUTE + at);
        write(&db, move |tx| rate_limits::sweep(tx, now, limit)).unwrap()
    };
    assert_eq!(sweep(MINUTE - 1, 10), 0);
    assert_eq!((sweep(MINUTE, 2), sweep(MINUTE, 2), sweep(MINUTE, 2)), (2, 1, 0));
    let left = read(&db, |tx| tx.one("SELECT key FROM rate_limit", &[])?.get::<String>(0)).unwrap();
    assert_eq!(left, "d");
});
