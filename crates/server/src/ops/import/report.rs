//! What an import has found, line by line.

use std::collections::BTreeMap;

use domain::import::Kind;
use serde::{Deserialize, Serialize};

/// How many rows of a file became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Rows in the file.
    pub rows: usize,
    /// Rows that are new here.
    pub new: usize,
    /// Rows that were here before.
    pub known: usize,
}

/// Something to be said about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file; empty for all of them.
    pub file: String,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: u64,
    /// The column, by our name, or empty.
    pub column: String,
    /// What is wrong and what would be right; or what was done.
    pub sentence: String,
    /// Whether it keeps everything from being imported. Otherwise it is only said.
    pub stops: bool,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.file.is_empty() {
            return f.write_str(&self.sentence);
        }
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        write!(f, ": {}", self.sentence)
    }
}

/// What an import has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// By the word of the file.
    pub counts: BTreeMap<String, Count>,
    /// Everything there is to say, in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl Report {
    pub(super) fn count(&mut self, kind: Kind) -> &mut Count {
        self.counts.entry(kind.as_str().to_owned()).or_default()
    }

    /// How many problems keep everything from being imported.
    pub fn problem_count(&self) -> usize {
        self.problems.iter().filter(|problem| problem.stops).count()
    }

    /// What each file came to, in a sentence each.
    pub fn sums(&self) -> Vec<String> {
        let known = |kind: &Kind| self.counts.get(kind.as_str()).map(|count| (*kind, *count));
        let words = |(kind, count): (Kind, Count)| {
            format!("{}: {} rows, {} new, {} here before", kind.as_str(), count.rows, count.new, count.known)
        };
        Kind::ALL.iter().filter_map(known).map(words).collect()
    }

    /// The same with only so many problems, those that stop first.
    pub fn shortened(&self, most: usize) -> Report {
        let mut problems = self.problems.clone();
        problems.sort_by_key(|problem| !problem.stops);
        problems.truncate(most);
        Report { counts: self.counts.clone(), problems }
    }
}
