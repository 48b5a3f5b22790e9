//! Copying a whole SQLite installation to PostgreSQL.
//!
//! All of it happens in one transaction of the new database: tables, rows, indexes, the comparison of both sides, the
//! proof of the books. So a copy that is stopped, however, has left an empty database, and is simply begun again; and
//! a database that holds anything holds all of it, proved.
//!
//! The old installation is taken for this program alone, so that nothing is written that the copy doesn't have, and
//! closed before the new one comes into being: at no moment do two installations live. A rehearsal does the same work
//! beside a running server, from one moment of it, and keeps nothing.
//!
//! Which tables there are is read from the databases themselves, and both must have the same ones.

mod checksum;
mod source;
mod target;

use std::fmt;

use thiserror::Error;

use self::checksum::Sum;
use self::source::{Source, Table};
use crate::ledger_verify::{self, Finding};
use crate::migrate::{MIGRATIONS, Migration};
use crate::postgres::{Bulk, Transaction};
use crate::verify_audit::{self, Head};
use crate::{DbError, Tx, verify_projections};

/// How many rows pass between two words about the progress.
const OFTEN: u64 = 20_000;

/// What is to be copied where.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// `sqlite:/path/to/goodword.db`.
    pub source: &'a str,
    /// `postgres://user:password@host/database`, which must be empty.
    pub target: &'a str,
    /// Do everything, beside a running server, and keep nothing.
    pub rehearsal: bool,
    /// What the old installation says from then on about where it went, without a password.
    pub place: &'a str,
    /// The migrations that both sides are at.
    pub migrations: &'static [Migration],
    /// What must hold in the copy before it is kept.
    pub proof: fn(&mut Tx<'_>) -> Result<Proof, DbError>,
}

/// What a proof of the books has found.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// What is wrong. Empty: all is well.
    pub findings: Vec<Finding>,
    /// Where the chains of the audit end.
    pub heads: Vec<Head>,
}

impl<'a> Order<'a> {
    /// A move of this program's installation.
    #[must_use]
    pub fn new(source: &'a str, target: &'a str, place: &'a str) -> Self {
        Self { source, target, rehearsal: false, place, migrations: MIGRATIONS, proof: prove_books }
    }
}

/// What is being done, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A table of the old installation is read and looked through for what PostgreSQL can't hold.
    Reading {
        /// Its name.
        table: &'a str,
        /// How many rows have been read.
        rows: u64,
    },
    /// A table's rows are on their way.
    Copying {
        /// Its name.
        table: &'a str,
        /// How many rows have gone.
        rows: u64,
        /// How many there are.
        of: u64,
    },
    /// An index is built or a reference checked.
    Building {
        /// Its name.
        name: &'a str,
    },
    /// The copied rows of a table are read again and compared.
    Comparing {
        /// Its name.
        table: &'a str,
        /// How many rows have been read.
        rows: u64,
        /// How many there are.
        of: u64,
    },
    /// The ledger and the audit of the copy are verified.
    Proving,
    /// The old installation is closed, so that no server starts on it any more.
    Closing,
    /// The new one is saved.
    Saving,
}

/// What was copied.
#[derive(Debug, Clone)]
pub struct Report {
    /// Every table, by name.
    pub tables: Vec<Copied>,
    /// Where the chains of the audit end, the same on both sides.
    pub heads: Vec<Head>,
    /// Of a rehearsal: something was written to the old installation meanwhile.
    pub written_since: bool,
}

/// A table that is the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// The checksum over them, shortened for people.
    pub checksum: String,
}

/// A value that PostgreSQL can't hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// In which table.
    pub table: String,
    /// In which row, by its key.
    pub row: String,
    /// In which column.
    pub column: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {} {}", self.table, self.row, self.column, self.reason)
    }
}

/// Why nothing was copied. Both sides are as they were, but for [`CopyError::Unsaved`].
#[derive(Debug, Error)]
pub enum CopyError {
    /// A sentence with the remedy.
    #[error("{0}")]
    Refused(String),
    /// Somebody has the old installation open.
    #[error("the SQLite installation is in use, by a running server most likely")]
    InUse,
    /// The old installation has moved already, to the place named: what the target holds goes on where it ended.
    #[error("this installation has moved to {0} already")]
    Moved(String),
    /// The new installation was not saved, or it isn't known whether it was. The old one is closed.
    #[error("the new installation may not be saved: {0}")]
    Unsaved(DbError),
    /// Values that PostgreSQL can't hold, the first ones of them.
    #[error("{} of the values in the SQLite installation can't be held by PostgreSQL", .0.len())]
    Unfit(Vec<Unfit>),
    /// Tables that are not the same on both sides after the copy.
    #[error("the copy is not the same in: {}", .0.join(", "))]
    Differs(Vec<String>),
    /// The books of the copy don't hold; since the copy is the same, neither do those of the old installation.
    #[error("the books don't hold: {} findings", .0.len())]
    Findings(Vec<Finding>),
    /// One of the databases.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Copies everything, or nothing. Blocks for as long as it takes, and calls `progress` on the way.
///
/// # Errors
/// Why nothing was copied.
pub fn run(order: &Order<'_>, mut progress: impl FnMut(Step<'_>)) -> Result<Report, CopyError> {
    let mut source = Source::open(order.source, !order.rehearsal)?;
    source.is_current(order.migrations)?;
    let tables = source.tables()?;
    let mut bulk = Bulk::open(order.target)?;
    let mut tx = bulk.begin();
    let report = if order.rehearsal {
        let report = copy(order, &mut source, &tables, &mut tx, &mut progress)?;
        tx.end();
        Report { written_since: source.written_since()?, ..report }
    } else {
        let moved_to = source.moved()?;
        // Once more to the same place is how a move goes on that was stopped; to another one, there would be two.
        if let Some(place) = moved_to.as_ref().filter(|place| *place != order.place) {
            return Err(CopyError::Moved(place.clone()));
        }
        let report = match (copy(order, &mut source, &tables, &mut tx, &mut progress), moved_to) {
            (Err(CopyError::Refused(_)), Some(place)) if has_arrived(&mut source, &mut tx) => {
                return Err(CopyError::Moved(place));
            }
            (copied, _) => copied?,
        };
        progress(Step::Closing);
        source.set_moved(Some(order.place))?;
        progress(Step::Saving);
        tx.commit().map_err(CopyError::Unsaved)?;
        tx.end();
        report
    };
    bulk.close();
    Ok(report)
}

/// Lets servers start again on an installation that has moved; says whether it had.
///
/// # Errors
/// When it is in use or can't be opened.
pub fn reopen(source: &str) -> Result<bool, CopyError> {
    let mut source = Source::open(source, true)?;
    source.is_current(MIGRATIONS)?;
    let moved = source.moved()?.is_some();
    source.set_moved(None)?;
    Ok(moved)
}

/// Whether what the target holds is this installation, moved there before: the records of the audit that came last here
/// are there, wherever its chains have gone since.
fn has_arrived(source: &mut Source, tx: &mut Transaction<'_>) -> bool {
    let Ok(heads) = verify_audit::heads(&mut source.tx()) else { return false };
    let recorded = heads.iter().any(|head| head.length > 0);
    recorded && verify_audit::compare(&mut Tx::new(tx), &heads).is_ok_and(|broken| broken.is_empty())
}

/// Everything but saving it.
fn copy(
    order: &Order<'_>,
    source: &mut Source,
    tables: &[Table],
    tx: &mut Transaction<'_>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Report, CopyError> {
    target::claim(tx)?;
    same_tables(tables, &target::make_tables(tx, order.migrations)?)?;
    let sums = read_all(source, tables, progress)?;
    let taken_off = target::take_off(tx)?;
    for (table, sum) in tables.iter().zip(&sums) {
        target::fill(tx, source, table, |rows| {
            progress(Step::Copying { table: &table.name, rows, of: sum.rows });
        })?;
    }
    target::put_back(tx, &taken_off, |name| progress(Step::Building { name }))?;
    target::continue_numbers(tx, source)?;
    target::analyze(tx, tables)?;
    compare(tx, tables, &sums, progress)?;
    progress(Step::Proving);
    let Proof { findings, heads } = (order.proof)(&mut Tx::new(tx))?;
    if !findings.is_empty() {
        return Err(CopyError::Findings(findings));
    }
    if !heads.is_empty() && verify_audit::heads(&mut source.tx())? != heads {
        return Err(CopyError::Differs(vec!["audit_chain".into()]));
    }
    let copied = |(table, sum): (&Table, &Sum)| Copied {
        table: table.name.clone(),
        rows: sum.rows,
        checksum: sum.shown(),
    };
    Ok(Report { tables: tables.iter().zip(&sums).map(copied).collect(), heads, written_since: false })
}

/// Both sides were made by the same migrations. What else is there was made by somebody else, and is not left out
/// silently.
fn same_tables(here: &[Table], there: &[Table]) -> Result<(), CopyError> {
    let names = |tables: &[Table]| tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
    let (ours, theirs) = (names(here), names(there));
    if let Some(name) = ours.iter().find(|name| !theirs.contains(name)) {
        return Err(CopyError::Refused(format!(
            "the SQLite installation has a table {name} that is not Goodword's: take it out of the file first"
        )));
    }
    if let Some(name) = theirs.iter().find(|name| !ours.contains(name)) {
        return Err(CopyError::Refused(format!(
            "the SQLite installation has no table {name}: it is damaged"
        )));
    }
    for (table, other) in here.iter().zip(there) {
        let mut columns = [table.columns.clone(), other.columns.clone()];
        columns.iter_mut().for_each(|columns| columns.sort_by(|a, b| a.name.cmp(&b.name)));
        if columns[0] != columns[1] {
            return Err(CopyError::Refused(format!(
                "the table {} has other columns than Goodword gave it",
                table.name
            )));
        }
    }
    Ok(())
}

/// What every table adds up to, once it is sure that PostgreSQL can hold all of it.
fn read_all(
    source: &Source,
    tables: &[Table],
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Vec<Sum>, CopyError> {
    let (mut sums, mut unfit) = (Vec::new(), Vec::new());
    for table in tables {
        let read = |rows| progress(Step::Reading { table: &table.name, rows });
        sums.push(source.read(table, &mut unfit, read)?);
    }
    if unfit.is_empty() { Ok(sums) } else { Err(CopyError::Unfit(unfit)) }
}

/// Reads every table again and holds it against what was read in the old installation.
fn compare(
    tx: &mut Transaction<'_>,
    tables: &[Table],
    sums: &[Sum],
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), CopyError> {
    let mut differ = Vec::new();
    for (table, sum) in tables.iter().zip(sums) {
        let copied = target::read(tx, table, |rows| {
            progress(Step::Comparing { table: &table.name, rows, of: sum.rows });
        })?;
        if copied != *sum {
            differ.push(format!("{} ({} rows, {} copied)", table.name, sum.rows, copied.rows));
        }
    }
    if differ.is_empty() { Ok(()) } else { Err(CopyError::Differs(differ)) }
}

/// The proof that `goodword verify` gives.
fn prove_books(tx: &mut Tx<'_>) -> Result<Proof, DbError> {
    let mut findings = ledger_verify::verify(tx)?;
    findings.extend(verify_projections::verify_projections(tx)?);
    let audit = verify_audit::verify(tx)?;
    findings.extend(audit.findings());
    Ok(Proof { findings, heads: audit.heads })
}

/// A name in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
