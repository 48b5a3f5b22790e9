//! The CRM's own lists of deals and what came of holding them against the deals here.

use domain::{
    clock::Timestamp,
    deal::DealStatus,
    money::Money,
    reconcile::{Difference, Ours, Theirs},
};

use crate::{DbError, Row, Tx, Value, deals, params};

/// A list that was given, compared or not.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// Its identifier.
    pub id: String,
    /// What the file is called.
    pub name: String,
    /// Who gave it.
    pub made_by: String,
    /// When.
    pub at: Timestamp,
    /// How it was read, as JSON; empty until it has been compared.
    pub reading: String,
    /// When it was compared.
    pub compared_at: Option<Timestamp>,
    /// How many lines it had.
    pub lines: i64,
    /// How many of them say what stood here.
    pub same: i64,
    /// How many differences there were beyond those that are listed.
    pub unlisted: i64,
}

const SELECT: &str =
    "SELECT r.id, r.name, a.name, r.at, r.reading, r.compared_at, r.lines, r.same, r.unlisted
    FROM reconciliation r JOIN account a ON a.id = r.made_by";

fn read(row: &Row) -> Result<Reconciliation, DbError> {
    Ok(Reconciliation {
        id: row.get(0)?,
        name: row.get(1)?,
        made_by: row.get(2)?,
        at: Timestamp::from_micros(row.get(3)?),
        reading: row.get(4)?,
        compared_at: row.get::<Option<i64>>(5)?.map(Timestamp::from_micros),
        lines: row.get(6)?,
        same: row.get(7)?,
        unlisted: row.get(8)?,
    })
}

/// Keeps a list that was given.
pub fn insert(
    tx: &mut Tx,
    id: &str,
    name: &str,
    by: &str,
    file: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.later(
        "INSERT INTO reconciliation (id, name, made_by, at, file, reading, lines, same, unlisted)
         VALUES ($1, $2, $3, $4, $5, '', 0, 0, 0)",
        params![id, name, by, now.micros(), file],
    )
}

/// A list by its identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Reconciliation>, DbError> {
    tx.opt(&format!("{SELECT} WHERE r.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// The file of a list; empty once it has been compared.
pub fn file(tx: &mut Tx, id: &str) -> Result<String, DbError> {
    let row = tx.opt("SELECT file FROM reconciliation WHERE id = $1", params![id])?;
    row.map_or_else(|| Ok(String::new()), |row| row.get(0))
}

/// One page of lists, newest first.
pub fn page(tx: &mut Tx, before: Option<&str>, limit: i64) -> Result<Vec<Reconciliation>, DbError> {
    let before = before.unwrap_or(crate::search::NEWEST);
    let sql = format!("{SELECT} WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2");
    tx.all(&sql, params![before, limit])?.iter().map(read).collect()
}

/// How the list that was compared last was read.
pub fn last_reading(tx: &mut Tx) -> Result<Option<String>, DbError> {
    let row = tx.opt(
        "SELECT reading FROM reconciliation WHERE compared_at IS NOT NULL ORDER BY id DESC LIMIT 1",
        params![],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// What came of comparing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// How many lines the file had.
    pub lines: i64,
    /// How many of them say what stands here.
    pub same: i64,
    /// How many differences there are beyond those that are listed.
    pub unlisted: i64,
}

/// Writes down that a list was compared, and forgets the file. Returns no when that was done already.
pub fn set_compared(
    tx: &mut Tx,
    id: &str,
    reading: &str,
    counts: &Counts,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.exec(
        "UPDATE reconciliation SET file = '', reading = $1, lines = $2, same = $3, unlisted = $4, compared_at = $5
         WHERE id = $6 AND compared_at IS NULL",
        params![reading, counts.lines, counts.same, counts.unlisted, now.micros(), id],
    )?;
    Ok(changed == 1)
}

/// Throws a list away that was not compared. Returns no when it was.
pub fn discard(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    Ok(tx.exec("DELETE FROM reconciliation WHERE id = $1 AND compared_at IS NULL", params![id])? == 1)
}

/// What became of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided yet.
    Open,
    /// It is mended.
    Mended,
    /// It stays as it is.
    Left,
}

impl State {
    /// Every state.
    pub const ALL: [State; 3] = [State::Open, State::Mended, State::Left];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Mended => "mended",
            State::Left => "left",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            State::Open => "Open",
            State::Mended => "Mended",
            State::Left => "Left as it is",
        }
    }
}

/// A difference.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its place in the report, from 1.
    pub n: i64,
    /// How the two differ.
    pub difference: Difference,
    /// What became of it.
    pub state: State,
    /// The line of the file; zero for what isn't in the file.
    pub line: i64,
    /// What the CRM calls the deal, or empty.
    pub external_id: String,
    /// The deal here.
    pub deal_number: Option<i64>,
    /// The CRM's own word for the stage.
    pub stage: String,
    /// The deal as the CRM has it.
    pub theirs: Option<Theirs>,
    /// The deal as it was here when it was compared.
    pub ours: Option<Standing>,
    /// What else the line says of a deal that isn't here, as JSON.
    pub said: String,
    /// The key of the client's email address in it.
    pub email_key: String,
    /// What there is to say about it; after it is done, what was done.
    pub why: String,
}

/// Where a deal stands here, with its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: DealStatus,
    /// What it was won with.
    pub amount: Money,
    /// What was given back of it.
    pub refunded: Money,
}

impl Standing {
    /// Where a deal stands.
    pub fn of(deal: &deals::Deal) -> Standing {
        let won = deal.won.as_ref();
        Standing {
            status: deal.status,
            amount: won.map_or(Money::ZERO, |won| won.amount),
            refunded: won.map_or(Money::ZERO, |won| won.refunded),
        }
    }

    /// The same for comparing.
    pub fn compared(&self, deal: &deals::Deal) -> Ours {
        Ours {
            status: self.status,
            amount: self.amount,
            refunded: self.refunded,
            settled: deal.won.as_ref().is_some_and(|won| won.settled.is_some()),
            named: deal.external_id.is_some(),
        }
    }
}

const ITEM: &str =
    "SELECT n, difference, state, line, external_id, deal_number, stage, their_status, their_amount,
    our_status, our_amount, our_refunded, said, email_key, why FROM reconciliation_row";

fn item(row: &Row) -> Result<Item, DbError> {
    let difference: String = row.get(1)?;
    let state: String = row.get(2)?;
    let status = |index| -> Result<Option<DealStatus>, DbError> {
        row.get::<Option<String>>(index)?.map(|word| deals::status(&word)).transpose()
    };
    let theirs = match status(7)? {
        Some(status) => Some(Theirs { status, amount: row.get::<Option<i64>>(8)?.map(Money::from_minor) }),
        None => None,
    };
    let ours = match status(9)? {
        Some(status) => Some(Standing {
            status,
            amount: Money::from_minor(row.get(10)?),
            refunded: Money::from_minor(row.get(11)?),
        }),
        None => None,
    };
    Ok(Item {
        n: row.get(0)?,
        difference: Difference::from_word(&difference)
            .ok_or_else(|| DbError::decode("reconciliation_row.difference", &difference))?,
        state: State::from_word(&state).ok_or_else(|| DbError::decode("reconciliation_row.state", &state))?,
        line: row.get(3)?,
        external_id: row.get(4)?,
        deal_number: row.get(5)?,
        stage: row.get(6)?,
        theirs,
        ours,
        said: row.get(12)?,
        email_key: row.get(13)?,
        why: row.get(14)?,
    })
}

/// Keeps the differences that were found.
pub fn insert_items(tx: &mut Tx, id: &str, items: &[Item]) -> Result<(), DbError> {
    let row = |item: &Item| -> Vec<Value> {
        params![
            id,
            item.n,
            item.difference.as_str(),
            item.state.as_str(),
            item.line,
            &item.external_id,
            item.deal_number,
            &item.stage,
            item.theirs.map(|theirs| theirs.status.as_str()),
            item.theirs.and_then(|theirs| theirs.amount).map(Money::minor),
            item.ours.map(|ours| ours.status.as_str()),
            item.ours.map(|ours| ours.amount.minor()),
            item.ours.map(|ours| ours.refunded.minor()),
            &item.said,
            &item.email_key,
            &item.why
        ]
        .to_vec()
    };
    tx.later_many(
        "INSERT INTO reconciliation_row (reconciliation_id, n, difference, state, line, external_id, deal_number, stage,
            their_status, their_amount, our_status, our_amount, our_refunded, said, email_key, why)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        items.iter().map(row).collect(),
    )
}

/// One page of differences, in the order of the report, after a place in it.
pub fn items(
    tx: &mut Tx,
    id: &str,
    state: State,
    difference: Option<Difference>,
    after: i64,
    limit: i64,
) -> Result<Vec<Item>, DbError> {
    let rows = match difference {
        Some(difference) => tx.all(
            &format!(
                "{ITEM} WHERE reconciliation_id = $1 AND state = $2 AND difference = $3 AND n > $4 ORDER BY n LIMIT $5"
            ),
            params![id, state.as_str(), difference.as_str(), after, limit],
        )?,
        None => tx.all(
            &format!("{ITEM} WHERE reconciliation_id = $1 AND state = $2 AND n > $3 ORDER BY n LIMIT $4"),
            params![id, state.as_str(), after, limit],
        )?,
    };
    rows.iter().map(item).collect()
}

/// How many differences of each kind there are in each state.
pub fn counts(tx: &mut Tx, id: &str) -> Result<Vec<(State, Difference, i64)>, DbError> {
    let rows = tx.all(
        "SELECT state, difference, COUNT(*) FROM reconciliation_row WHERE reconciliation_id = $1 GROUP BY state, difference",
        params![id],
    )?;
    rows.iter()
        .map(|row| {
            let (state, difference): (String, String) = (row.get(0)?, row.get(1)?);
            let state = State::from_word(&state);
            let difference = Difference::from_word(&difference);
            match (state, difference) {
                (Some(state), Some(difference)) => Ok((state, difference, row.get(2)?)),
                _ => Err(DbError::decode("reconciliation_row", "its words")),
            }
        })
        .collect()
}

/// A difference, locked until the transaction ends.
pub fn lock_item(tx: &mut Tx, id: &str, n: i64) -> Result<Option<Item>, DbError> {
    tx.opt(&format!("{ITEM} WHERE reconciliation_id = $1 AND n = $2 {{for_update}}"), params![id, n])?
        .as_ref()
        .map(item)
        .transpose()
}

/// Writes down what became of a difference, and forgets what else the line said.
pub fn settle(tx: &mut Tx, id: &str, settled: &Item, by: &str, now: Timestamp) -> Result<(), DbError> {
    tx.later(
        "UPDATE reconciliation_row SET state = $1, why = $2, deal_number = CAST($3 AS BIGINT), said = '', email_key = '',
            done_by = $4, done_at = $5 WHERE reconciliation_id = $6 AND n = $7",
        params![
            settled.state.as_str(),
            &settled.why,
            settled.deal_number,
            by,
            now.micros(),
            id,
            settled.n
        ],
    )
}

/// Keeps a difference under another kind: it was mended in part.
pub fn set_difference(
    tx: &mut Tx,
    id: &str,
    n: i64,
    difference: Difference,
    why: &str,
) -> Result<(), DbError> {
    tx.later(
        "UPDATE reconciliation_row SET difference = $1, why = $2 WHERE reconciliation_id = $3 AND n = $4",
        params![difference.as_str(), why, id, n],
    )
}

/// The deals with any of these external identifiers.
pub fn deals_by_external(tx: &mut Tx, ids: &[&str]) -> Result<Vec<deals::Deal>, DbError> {
    let values: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
    deals::which(tx, &format!("d.external_id IN ({})", places(ids.len())), &values)
}

/// The deals with any of these transaction numbers.
pub fn deals_by_number(tx: &mut Tx, numbers: &[i64]) -> Result<Vec<deals::Deal>, DbError> {
    let values: Vec<Value> = numbers.iter().map(|number| Value::from(*number)).collect();
    deals::which(tx, &format!("d.number IN ({})", places(numbers.len())), &values)
}

/// The deals of any of these clients, in the order of their numbers.
pub fn deals_by_client(tx: &mut Tx, numbers: &[i64]) -> Result<Vec<deals::Deal>, DbError> {
    let values: Vec<Value> = numbers.iter().map(|number| Value::from(*number)).collect();
    deals::which(tx, &format!("d.client_number IN ({}) ORDER BY d.number", places(numbers.len())), &values)
}

/// The deals of clients with any of these keys of email addresses, with the key.
pub fn deals_by_email(tx: &mut Tx, keys: &[&str]) -> Result<Vec<(String, deals::Deal)>, DbError> {
    let values: Vec<Value> = keys.iter().map(|key| Value::from(*key)).collect();
    let sql = format!(
        "SELECT number, email_key FROM client WHERE email_key IN ({}) AND email_key <> ''",
        places(keys.len())
    );
    let mut clients = std::collections::BTreeMap::new();
    for row in tx.all(&sql, &values)? {
        clients.insert(row.get::<i64>(0)?, row.get::<String>(1)?);
    }
    let numbers: Vec<i64> = clients.keys().copied().collect();
    let mut found = Vec::new();
    for part in numbers.chunks(keys.len().max(1)) {
        for deal in deals_by_client(tx, part)? {
            found.push((clients[&deal.client_number].clone(), deal));
        }
    }
    Ok(found)
}

fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// The deals here that are pending or won and were made since a moment, after a number.
pub fn deals_since(
    tx: &mut Tx,
    since: Option<Timestamp>,
    after: i64,
    limit: i64,
) -> Result<Vec<deals::Deal>, DbError> {
    let since = since.map_or(i64::MIN, Timestamp::micros);
    deals::which(
        tx,
        "d.number > $1 AND d.created_at >= $2 ORDER BY d.number LIMIT $3",
        params![after, since, limit],
    )
}

/// Forgets a client's name in lines about deals that aren't here, and lists that were not compared: they may name anybody.
pub(crate) fn forget_name(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    let said = format!("\"name\":\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    tx.later(
        "UPDATE reconciliation_row SET said = '', email_key = ''
         WHERE difference = 'missing-here' AND said <> '' AND replace(said, $1, '') <> said",
        params![said],
    )?;
    tx.later("UPDATE reconciliation SET file = '' WHERE compared_at IS NULL", params![])
}

/// Forgets lists that were given before a moment and never compared, whole, and reports from before another one, at most
/// `limit` rows; returns how much was deleted.
pub fn sweep(tx: &mut Tx, drafts: Timestamp, reports: Timestamp, limit: i64) -> Result<u64, DbError> {
    let mut deleted = tx
        .exec("DELETE FROM reconciliation WHERE at < $1 AND compared_at IS NULL", params![drafts.micros()])?;
    let old = tx.opt(
        "SELECT id FROM reconciliation WHERE at < $1 AND compared_at IS NOT NULL ORDER BY at LIMIT 1",
        params![reports.micros()],
    )?;
    let Some(row) = old else { return Ok(deleted) };
    let id: String = row.get(0)?;
    let rows = tx.exec(
        "DELETE FROM reconciliation_row WHERE reconciliation_id = $1 AND n <= (
            SELECT MIN(n) FROM reconciliation_row WHERE reconciliation_id = $1) + $2",
        params![&id, limit],
    )?;
    deleted += rows;
    if rows == 0 {
        deleted += tx.exec("DELETE FROM reconciliation WHERE id = $1", params![&id])?;
    }
    Ok(deleted)
}
