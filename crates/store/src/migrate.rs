//! Bringing a database to this program's version: forward only, each migration in a transaction of its own.
//!
//! A migration is never edited after a release: the database remembers a checksum of each, and a program whose text
//! differs refuses to start, as does one that is older than its database.

use sha2::{Digest, Sha256};

use crate::{Db, DbError, Tx, params};

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number; the list is in this order.
    pub id: i64,
    /// What it is called, for people.
    pub name: &'static str,
    /// The SQL, in the words of [`dialect`](crate::dialect).
    pub text: &'static str,
}

/// Every migration, in order. New ones go to the end.
pub const MIGRATIONS: &[Migration] = &[
    Migration { id: 1, name: "ledger", text: include_str!("../migrations/0001_ledger.sql") },
    Migration { id: 2, name: "programme", text: include_str!("../migrations/0002_programme.sql") },
    Migration {
        id: 3,
        name: "notices and audit",
        text: include_str!("../migrations/0003_notices_and_audit.sql"),
    },
    Migration { id: 4, name: "telegram", text: include_str!("../migrations/0004_telegram.sql") },
    Migration { id: 5, name: "outbox search", text: include_str!("../migrations/0005_outbox_search.sql") },
    Migration { id: 6, name: "support", text: include_str!("../migrations/0006_support.sql") },
    Migration { id: 7, name: "account", text: include_str!("../migrations/0007_account.sql") },
    Migration { id: 8, name: "claims", text: include_str!("../migrations/0008_claims.sql") },
    Migration { id: 9, name: "desk", text: include_str!("../migrations/0009_desk.sql") },
    Migration { id: 10, name: "clicks", text: include_str!("../migrations/0010_clicks.sql") },
    Migration { id: 11, name: "rate limits", text: include_str!("../migrations/0011_rate_limits.sql") },
    Migration { id: 12, name: "at size", text: include_str!("../migrations/0012_at_size.sql") },
    Migration { id: 13, name: "click writers", text: include_str!("../migrations/0013_click_writers.sql") },
    Migration { id: 14, name: "programming interface", text: include_str!("../migrations/0014_api.sql") },
    Migration { id: 15, name: "external ids", text: include_str!("../migrations/0015_external_ids.sql") },
    Migration { id: 16, name: "sources", text: include_str!("../migrations/0016_sources.sql") },
    Migration { id: 17, name: "webhooks", text: include_str!("../migrations/0017_webhooks.sql") },
    Migration { id: 18, name: "crm", text: include_str!("../migrations/0018_crm.sql") },
    Migration { id: 19, name: "import", text: include_str!("../migrations/0019_import.sql") },
    Migration { id: 20, name: "reconciliation", text: include_str!("../migrations/0020_reconciliation.sql") },
    Migration { id: 21, name: "more_sites", text: include_str!("../migrations/0021_more_sites.sql") },
    Migration { id: 22, name: "erasure", text: include_str!("../migrations/0022_erasure.sql") },
];

/// How a database's migrations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The last migration the database has; 0 for none.
    pub current: i64,
    /// The last migration this program knows.
    pub newest: i64,
    /// How many are still to be run.
    pub pending: usize,
}

/// The row among the migrations that says that the installation has moved to another database.
const MOVED: i64 = 0;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    id BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL){strict}";

/// How often to try again when another program holds a SQLite database, perhaps for a migration of its own.
const TURNS: u32 = 6;

/// Runs what is missing.
pub(crate) fn run(db: &Db, list: &'static [Migration]) -> Result<(), DbError> {
    let mut turns = 0;
    loop {
        match db.write_blocking(move |tx| step(tx, list)) {
            Ok(Some(migration)) => {
                tracing::info!(id = migration.id, name = migration.name, "migrated");
                turns = 0;
            }
            Ok(None) => return Ok(()),
            Err(DbError::Busy) if turns < TURNS => turns += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Runs the first migration that is missing, if one is.
pub(crate) fn step(tx: &mut Tx<'_>, list: &'static [Migration]) -> Result<Option<Migration>, DbError> {
    let dialect = tx.dialect();
    tx.batch(dialect.migration_lock())?;
    tx.batch(&dialect.migration(TABLE)?)?;
    if let Some(place) = moved(tx)? {
        return Err(DbError::Migration(format!(
            "this installation has moved to {place}: start the server with GOODWORD_DATABASE set to that. (If \
             `goodword migrate-to` was stopped before it said so itself, run it again. To go on with this file instead, \
             without what was written over there, run `goodword migrate-to --reopen`)"
        )));
    }
    let applied = check(tx, list)?;
    let Some(next) = list.get(applied).copied() else { return Ok(None) };
    tx.batch(&dialect.migration(next.text)?).map_err(|error| named(error, &next))?;
    tx.exec(
        "INSERT INTO schema_migration (id, name, checksum) VALUES ($1, $2, $3)",
        params![next.id, next.name, checksum(next.text)],
    )?;
    Ok(Some(next))
}

/// The error with the migration's name in place of its whole text.
fn named(error: DbError, migration: &Migration) -> DbError {
    match error {
        DbError::Sql { kind, code, message, .. } => DbError::Sql {
            kind,
            code,
            message,
            sql: format!("migration {} ({})", migration.id, migration.name),
        },
        other => other,
    }
}

/// How many of the list the database has, once it is sure that it has them as they are here.
pub(crate) fn check(tx: &mut Tx<'_>, list: &[Migration]) -> Result<usize, DbError> {
    let rows =
        tx.all("SELECT id, name, checksum FROM schema_migration WHERE id <> $1 ORDER BY id", params![MOVED])?;
    let program = list.last().map_or(0, |migration| migration.id);
    for (index, row) in rows.iter().enumerate() {
        let (id, name, sum) = (row.get::<i64>(0)?, row.get::<String>(1)?, row.get::<String>(2)?);
        if id > program {
            return Err(DbError::Newer { database: rows.last().map_or(Ok(id), |row| row.get(0))?, program });
        }
        match list.get(index) {
            Some(known) if known.id == id && checksum(known.text) == sum => {}
            Some(known) if known.id == id => {
                return Err(DbError::Migration(format!(
                    "migration {id} ({name}) was changed after this database had run it. A released migration is never \
                     edited: start the program this database was made with, or a released later one"
                )));
            }
            _ => {
                return Err(DbError::Migration(format!(
                    "the database has run a migration {id} ({name}) that this program does not have in that place. \
                     Start the program this database was made with, or a released later one"
                )));
            }
        }
    }
    Ok(rows.len())
}

/// Where the installation has moved to, if it has: no program works on it any more. That stands among the migrations,
/// which every version of the program looks at before anything else.
pub(crate) fn moved(tx: &mut Tx<'_>) -> Result<Option<String>, DbError> {
    let row = tx.opt("SELECT name FROM schema_migration WHERE id = $1", params![MOVED])?;
    row.map(|row| row.get(0)).transpose()
}

/// Writes down where the installation moves to, or that it doesn't after all.
pub(crate) fn set_moved(tx: &mut Tx<'_>, place: Option<&str>) -> Result<(), DbError> {
    tx.exec("DELETE FROM schema_migration WHERE id = $1", params![MOVED])?;
    if let Some(place) = place {
        let sql = "INSERT INTO schema_migration (id, name, checksum) VALUES ($1, $2, '')";
        tx.exec(sql, params![MOVED, place])?;
    }
    Ok(())
}

/// Compares the database with the list, changing nothing.
pub(crate) fn status(tx: &mut Tx<'_>, list: &[Migration]) -> Result<Status, DbError> {
    let row = tx.one("SELECT COALESCE(MAX(id), 0), COUNT(*) FROM schema_migration", &[])?;
    let (current, count) = (row.get::<i64>(0)?, row.get::<i64>(1)?);
    let newest = list.last().map_or(0, |migration| migration.id);
    Ok(Status { current, newest, pending: list.len().saturating_sub(usize::try_from(count).unwrap_or(0)) })
}

/// The checksum of a text, whatever line ends the checkout gave it.
fn checksum(text: &str) -> String {
    Sha256::digest(text.replace("\r\n", "\n"))
        .iter()
        .fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
}
