//! Work that one server at a time does: who has taken it, and until when.

use crate::{DbError, Tx, params};
use domain::clock::Timestamp;

/// Takes a piece of work, or keeps it. Returns whether it is the holder's for that long (microseconds) from now on:
/// no while somebody else has it.
pub fn take(tx: &mut Tx, name: &str, holder: &str, now: Timestamp, for_micros: i64) -> Result<bool, DbError> {
    let taken = tx.exec(
        "INSERT INTO lease (name, holder, until, state) VALUES ($1, $2, $3, '')
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
         WHERE lease.holder = excluded.holder OR lease.until <= $4",
        params![name, holder, now.plus(for_micros).micros(), now.micros()],
    )?;
    Ok(taken == 1)
}
