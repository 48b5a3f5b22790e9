//! What was taken over under the names of other systems. The same people under another name would be owed everything twice,
//! so it is told, and where nobody has named the system nothing is taken.

use std::collections::HashMap;

use domain::import::Kind;
use store::{DbError, Tx, imports};

/// What a row became, and as whose.
type Became = (String, String);

/// Rows of other sources.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Each source, with how many rows of each file.
    sources: Vec<(String, [usize; Kind::ALL.len()])>,
    by_row: HashMap<(Kind, String), Became>,
    by_id: HashMap<(Kind, String), Became>,
    /// Sources of opening balances, by partner.
    balances: HashMap<String, String>,
    by_email: HashMap<String, i64>,
    names: HashMap<i64, String>,
}

impl Elsewhere {
    /// Everything that was taken over under other names than `source`.
    pub(super) fn load(tx: &mut Tx, source: &str) -> Result<Elsewhere, DbError> {
        let mut found = Elsewhere::default();
        for other in imports::sources(tx)?.into_iter().filter(|other| other != source) {
            let mut counts = [0; Kind::ALL.len()];
            for row in imports::known(tx, &other)? {
                if let Some(place) = Kind::ALL.iter().position(|kind| *kind == row.kind) {
                    counts[place] += 1;
                }
                if row.kind == Kind::Balances {
                    found.balances.insert(row.new_id, other.clone());
                    continue;
                }
                let became = (other.clone(), row.new_id);
                if !row.fingerprint.is_empty() {
                    found.by_row.insert((row.kind, row.fingerprint), became.clone());
                }
                found.by_id.insert((row.kind, row.old_id), became);
            }
            found.sources.push((other, counts));
        }
        if !found.is_empty() {
            for (number, email_key, name) in imports::contacts(tx)? {
                if !email_key.is_empty() {
                    found.by_email.insert(email_key, number);
                }
                found.names.insert(number, name);
            }
        }
        Ok(found)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Why nothing is taken, where nobody has named the source.
    pub(super) fn refusal(&self) -> String {
        let names: Vec<String> = self.sources.iter().map(|(name, _)| format!("--source {name}")).collect();
        format!(
            "{} If these files come from there, say so: {}. If they come from another system, name that one: --source NAME. \
             What stands in both systems is then taken twice; the report names those lines.",
            self.before(),
            names.join(" or ")
        )
    }

    /// What is said where somebody has named the source.
    pub(super) fn warning(&self, source: &str) -> String {
        format!(
            "{} These files are taken as those of another system, {source}: what stands in both is taken twice.",
            self.before()
        )
    }

    fn before(&self) -> String {
        let source = |(name, counts): &(String, [usize; Kind::ALL.len()])| {
            let counted = Kind::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
            let words: Vec<String> = counted.map(|(kind, count)| counted_word(*kind, *count)).collect();
            format!("{name} ({})", words.join(", "))
        };
        let sources: Vec<String> = self.sources.iter().map(source).collect();
        format!("Rows were taken over here before as {}.", sources.join(" and as "))
    }

    /// What a row with this identifier became when it came from another system.
    pub(super) fn of_id(&self, kind: Kind, old_id: &str) -> Option<&Became> {
        self.by_id.get(&(kind, old_id.to_owned()))
    }

    /// What speaks for a new client being here already.
    pub(super) fn client(&self, old_id: &str, row: &str, email_key: &str, name: &str) -> Option<String> {
        let second = "This makes a second client.";
        if let Some((source, number)) = self.by_row.get(&(Kind::Clients, row.to_owned())) {
            return Some(format!("The same row was imported from {source} as C-{number}. {second}"));
        }
        if let Some(number) = self.by_email.get(email_key).filter(|_| !email_key.is_empty()) {
            return Some(format!("C-{number} has the same email address. {second}"));
        }
        let (source, number) = self.of_id(Kind::Clients, old_id)?;
        let known = number.parse().ok().and_then(|number: i64| self.names.get(&number))?;
        (known == name).then(|| {
            format!("A client with the same id and name was imported from {source} as C-{number}. {second}")
        })
    }

    /// What speaks for a new deal being here already. `is_known`: its client may be.
    pub(super) fn deal(&self, old_id: &str, row: &str, is_known: bool) -> Option<String> {
        let second = "This makes a second deal.";
        if let Some((source, number)) = self.by_row.get(&(Kind::Deals, row.to_owned())) {
            return Some(format!("The same row was imported from {source} as T-{number}. {second}"));
        }
        let (source, number) = self.of_id(Kind::Deals, old_id).filter(|_| is_known)?;
        Some(format!("A deal with the same id was imported from {source} as T-{number}. {second}"))
    }

    /// That a partner has got an opening balance already.
    pub(super) fn balance(&self, partner_id: &str) -> Option<String> {
        let source = self.balances.get(partner_id)?;
        Some(format!("This partner has an opening balance from {source}. This one is added to it."))
    }
}

fn counted_word(kind: Kind, count: usize) -> String {
    let word = kind.as_str();
    format!("{count} {}", if count == 1 { word.trim_end_matches('s') } else { word })
}
