//! Taking partners, their codes, clients, deals and open balances over from another system: all of it in one
//! transaction, or nothing.
//!
//! `files` reads rows, `plan` holds them against what is here and decides what each becomes, `write` writes that. Nothing
//! is written while anything is wrong; what is only tried is written like the rest, and then taken back.

mod elsewhere;
mod files;
mod plan;
mod report;
mod write;

use std::sync::Arc;

use domain::import::{Kind, Preset};
use sha2::{Digest, Sha256};
use store::{DbError, Tx, accounts};

pub use self::{
    files::{Parsed, read},
    report::{Count, Problem, Report},
};
use super::{Actor, adjustments::AdjustError};
use crate::app::Env;

/// A file as it was given.
#[derive(Debug, Clone)]
pub struct File {
    /// What stands in it.
    pub kind: Kind,
    /// What it is called, for the report.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The files, at most one of each kind.
    pub files: Vec<File>,
    /// Whose columns they have; none: our own.
    pub preset: Option<Preset>,
    /// The system that the rows come from: a word that [`domain::import::source`] takes.
    pub source: String,
    /// Whether a person has named it. Without, nothing is taken that may have been taken under another name.
    pub source_given: bool,
    /// Do everything and keep nothing.
    pub dry_run: bool,
    /// Send each new partner the mail that welcomes partners.
    pub invite: bool,
}

impl Order {
    /// What the old system is called in sentences.
    pub fn called(&self) -> &str {
        let preset = self.preset.filter(|preset| preset.as_str() == self.source);
        preset.map_or(&self.source, |preset| preset.label())
    }

    /// One hash for all of it: what is imported is what was tried.
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        let preset = self.preset.map_or("", Preset::as_str);
        let mut files: Vec<&File> = self.files.iter().collect();
        files.sort_by_key(|file| file.kind);
        let parts = files.iter().flat_map(|file| [file.kind.as_str().as_bytes(), &file.bytes]);
        for part in [self.source.as_bytes(), preset.as_bytes()].into_iter().chain(parts) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        hex(&digest.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
}

/// How far it is, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub what: &'static str,
    /// How many of them are done.
    pub done: usize,
    /// How many there are.
    pub of: usize,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It was only tried, and would do.
    #[error("Nothing was kept: this was a dry run.")]
    Tried(Box<Report>),
    /// Something in the files is wrong.
    #[error("Nothing was imported: the files have problems.")]
    Problems(Box<Report>),
    /// Open balances are money, and money is booked by somebody.
    #[error(
        "Open balances are booked in the name of an admin. Name one by email address who can sign in: {0}"
    )]
    Nobody(String),
    /// The ledger refused a balance.
    #[error("Nothing was imported: {0}")]
    Balance(#[from] AdjustError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Imports what was read. `by` does it; open balances need somebody who can sign in.
///
/// # Errors
/// [`ImportError`]; whichever it is, nothing was written.
pub fn import(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    order: &Order,
    parsed: &Arc<Parsed>,
    mut progress: impl FnMut(Step),
) -> Result<Report, ImportError> {
    // Thousands of people are not told anything by being taken over.
    let quiet = Env { quiet: true, ..env.clone() };
    let mut report = parsed.report.clone();
    if parsed.has(Kind::Balances) && by.id.is_empty() {
        return Err(ImportError::Nobody("nobody was named".into()));
    }
    let plan = plan::Plan::make(tx, &quiet, order, parsed, &mut report, &mut progress)?;
    report
        .problems
        .sort_by_key(|problem| (!problem.file.is_empty(), parsed.place(&problem.file), problem.line));
    if report.problem_count() > 0 {
        return Err(ImportError::Problems(Box::new(report)));
    }
    write::write(tx, env, &quiet, by, order, &plan, &mut progress)?;
    if order.dry_run {
        return Err(ImportError::Tried(Box::new(report)));
    }
    Ok(report)
}

/// The admin in whose name balances are booked.
///
/// # Errors
/// [`ImportError::Nobody`] where the address is no admin's who can sign in.
pub fn admin(tx: &mut Tx, email: &str) -> Result<Actor, ImportError> {
    use domain::permission::Role;
    let key: String = email.trim().chars().flat_map(char::to_lowercase).collect();
    let staff = accounts::staff(tx)?;
    let found = staff.into_iter().find(|member| {
        let own: String = member.email.chars().flat_map(char::to_lowercase).collect();
        own == key && member.role == Role::Admin && member.disabled_at.is_none()
    });
    let member = found.ok_or_else(|| ImportError::Nobody(format!("{} is no admin's", email.trim())))?;
    Ok(Actor { id: member.id, name: member.name, role: Role::Admin.as_str() })
}
