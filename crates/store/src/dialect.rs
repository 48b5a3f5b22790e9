//! The few true differences between the two databases, and the tokens that stand for them in SQL texts.
//!
//! In any statement:
//! - `$1`: a parameter. SQLite takes `$1` for a *name*, numbered by first appearance, so it is given `?1`.
//! - `{for_update}`: locks the rows on PostgreSQL; nothing on SQLite, which has one writer at a time. `FOR NO KEY UPDATE`,
//!   since keys never change: a plain `FOR UPDATE` would also hold up rows elsewhere that refer to the locked ones, and
//!   two transactions that do both crosswise would wait for each other.
//!
//! In a migration:
//! - `BIGINT`: `INTEGER` on SQLite, whose STRICT tables know no BIGINT.
//! - `{strict}`: after a table's closing parenthesis.
//! - `{keyed}`: instead of `{strict}` for a table that is nothing but its key: SQLite then keeps no second copy of it.
//! - `{serial}`: after the name of an auto-numbered primary key column.
//! - `{start table column 1001}`: that column's first number, as a statement of its own.
//! - `{unlogged}`: before TABLE, for what may be lost in a crash: PostgreSQL then writes it to no log.
//! - `{c}`: after the TEXT of a column that is ordered or paged by: ordered by bytes on both.

use crate::DbError;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// Words that begin a statement which would end the layer's transaction or outlive it on the connection.
const CONNECTION_WORDS: [&str; 15] = [
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "SAVEPOINT",
    "RELEASE",
    "PREPARE",
    "PRAGMA",
    "SET",
    "RESET",
    "DISCARD",
    "ATTACH",
    "DETACH",
];

impl Dialect {
    /// The database's name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Whether several processes may work on such a database at once.
    pub(crate) fn is_shared(self) -> bool {
        match self {
            Self::Sqlite => false,
            Self::Postgres => true,
        }
    }

    /// The text of a statement in this database's words.
    pub(crate) fn statement(self, sql: &str) -> Result<String, DbError> {
        let mut out = String::with_capacity(sql.len() + 8);
        let mut ended = false;
        for piece in pieces(sql) {
            let text = match piece {
                Piece::Plain(text) | Piece::Quoted(text) if ended && !text.trim().is_empty() => {
                    return Err(DbError::refused(sql, "more than one statement"));
                }
                Piece::Comment => continue,
                Piece::Quoted(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Plain(text) => text,
            };
            let text = match text.split_once(';') {
                Some((_, after)) if !after.trim().is_empty() => {
                    return Err(DbError::refused(sql, "more than one statement"));
                }
                Some((before, _)) => {
                    ended = true;
                    before
                }
                None => text,
            };
            let text = tokens(text, |token| match (token, self) {
                ("for_update", Self::Sqlite) => Some(String::new()),
                ("for_update", Self::Postgres) => Some("FOR NO KEY UPDATE".into()),
                _ => None,
            })
            .map_err(|token| DbError::refused(sql, format!("unknown token {{{token}}}")))?;
            match self {
                Self::Sqlite => out.push_str(&text.replace('$', "?")),
                Self::Postgres => out.push_str(&text),
            }
        }
        let first: String = out.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        if CONNECTION_WORDS.iter().any(|word| first.eq_ignore_ascii_case(word)) {
            return Err(DbError::refused(sql, format!("a unit may not say {first}: that is the layer's")));
        }
        Ok(out)
    }

    /// The text of a migration in this database's words.
    pub(crate) fn migration(self, sql: &str) -> Result<String, DbError> {
        let mut out = String::with_capacity(sql.len() + 64);
        for piece in pieces(sql) {
            match piece {
                Piece::Comment => {}
                Piece::Quoted(text) => out.push_str(text),
                Piece::Plain(text) => {
                    let text = match self {
                        Self::Sqlite => whole_word(text, "BIGINT", "INTEGER"),
                        Self::Postgres => text.to_owned(),
                    };
                    let text = tokens(&text, |token| self.migration_token(token)).map_err(|token| {
                        DbError::Migration(format!("unknown token {{{token}}} in a migration"))
                    })?;
                    out.push_str(&text);
                }
            }
        }
        Ok(out)
    }

    fn migration_token(self, token: &str) -> Option<String> {
        let words: Vec<&str> = token.split_whitespace().collect();
        Some(match (words.as_slice(), self) {
            (["strict"], Self::Sqlite) => " STRICT".into(),
            (["strict"], Self::Postgres) => String::new(),
            (["unlogged"], Self::Sqlite) => String::new(),
            (["unlogged"], Self::Postgres) => "UNLOGGED ".into(),
            (["keyed"], Self::Sqlite) => " STRICT, WITHOUT ROWID".into(),
            (["keyed"], Self::Postgres) => String::new(),
            (["c"], Self::Postgres) => " COLLATE \"C\"".into(),
            (["c"], Self::Sqlite) => String::new(),
            (["serial"], Self::Sqlite) => "INTEGER PRIMARY KEY AUTOINCREMENT".into(),
            (["serial"], Self::Postgres) => "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY".into(),
            (["start", table, _, first], Self::Sqlite) => {
                let before = first.parse::<i64>().ok()?.checked_sub(1)?;
                format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {before});")
            }
            (["start", table, column, first], Self::Postgres) => {
                let first = first.parse::<i64>().ok()?;
                format!("ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {first};")
            }
            _ => return None,
        })
    }

    /// The next numbers of a numbered table, `$1` of them: nobody else is given one of these. SQLite's transaction has the
    /// write lock, and its sequence follows the numbers that are used.
    pub(crate) fn next_numbers(self, table: &str, column: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                 SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0) + i FROM n"
            ),
            Self::Postgres => format!(
                "SELECT nextval(CAST(pg_get_serial_sequence('{table}', '{column}') AS regclass))
                 FROM generate_series(1, CAST($1 AS BIGINT))"
            ),
        }
    }

    /// What a migration's transaction says first, so that two programs starting at once take turns. SQLite's
    /// transaction has the write lock from its beginning.
    pub(crate) fn migration_lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            // The number is this program's own, and the same in every version of it.
            Self::Postgres => "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(7305428816321)",
        }
    }

    /// The same without waiting: a query that answers whether the lock was free.
    pub(crate) fn migration_lock_if_free(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 = 1",
            Self::Postgres => "SELECT pg_try_advisory_xact_lock(7305428816321)",
        }
    }
}

enum Piece<'a> {
    Plain(&'a str),
    /// A literal or a quoted name: not looked into.
    Quoted(&'a str),
    Comment,
}

/// Cuts a text into plain SQL, quoted parts and comments.
fn pieces(sql: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = sql;
    while !rest.is_empty() {
        let start = ["'", "\"", "--", "/*"].iter().filter_map(|mark| rest.find(mark)).min();
        let Some(start) = start else {
            pieces.push(Piece::Plain(rest));
            break;
        };
        if start > 0 {
            pieces.push(Piece::Plain(&rest[..start]));
        }
        let quoted = &rest[start..];
        let (mark, end) = match quoted.as_bytes()[0] {
            b'\'' => (1, "'"),
            b'"' => (1, "\""),
            b'-' => (2, "\n"),
            _ => (2, "*/"),
        };
        // A doubled quote inside a literal reads as two literals side by side, which is as good.
        let length = quoted[mark..].find(end).map_or(quoted.len(), |at| mark + at + end.len());
        let (text, after) = quoted.split_at(length);
        pieces.push(if mark == 1 { Piece::Quoted(text) } else { Piece::Comment });
        if mark == 2 {
            pieces.push(Piece::Plain("\n"));
        }
        rest = after;
    }
    pieces
}

/// Replaces each `{token}`; an unknown one is the error.
fn tokens(text: &str, replace: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (token, after) = after.split_once('}').ok_or_else(|| after.to_owned())?;
        out.push_str(&replace(token).ok_or_else(|| token.to_owned())?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn whole_word(text: &str, word: &str, by: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let whole = !before.ends_with(part) && !after.starts_with(part);
        out.push_str(before);
        out.push_str(if whole { by } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::Dialect::{Postgres, Sqlite};

    #[test]
    fn parameters_are_numbered_not_named_on_sqlite() {
        let sql = "SELECT $2, '$1', \"$3\" -- $4 isn't\n, $1 /* $5 */";
        assert_eq!(Sqlite.statement(sql).unwrap(), "SELECT ?2, '$1', \"$3\" \n, ?1 \n");
        assert_eq!(Postgres.statement(sql).unwrap(), "SELECT $2, '$1', \"$3\" \n, $1 \n");
    }

    #[test]
    fn locking_is_said_only_where_it_is_known() {
        let sql = "SELECT a FROM t {for_update};";
        assert_eq!(Sqlite.statement(sql).unwrap(), "SELECT a FROM t ");
        assert_eq!(Postgres.statement(sql).unwrap(), "SELECT a FROM t FOR NO KEY UPDATE");
        assert_eq!(Sqlite.statement("SELECT '{\"a\": 1};'").unwrap(), "SELECT '{\"a\": 1};'");
    }

    #[test]
    fn what_would_break_the_transaction_is_refused() {
        for sql in [
            "COMMIT",
            " rollback",
            "begin immediate",
            "/* so */ PRAGMA query_only=0",
            "-- and\nCOMMIT",
            "SELECT 1; SELECT 2",
        ] {
            assert!(Sqlite.statement(sql).is_err(), "{sql}");
            assert!(Postgres.statement(sql).is_err(), "{sql}");
        }
        for sql in ["SELECT {for_updates}", "SELECT {for_update", "SELECT 1; 'a'"] {
            assert!(Sqlite.statement(sql).is_err(), "{sql}");
        }
        assert!(Sqlite.statement("SELECT 1; -- and that is all").is_ok());
    }

    #[test]
    fn a_migration_reads_in_both_dialects() {
        let sql = "CREATE TABLE t (n {serial}, a BIGINT, MY_BIGINT TEXT{c} DEFAULT 'BIGINT {c}'){strict};\n{start t n 1001}";
        assert_eq!(
            Sqlite.migration(sql).unwrap(),
            "CREATE TABLE t (n INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER, MY_BIGINT TEXT DEFAULT 'BIGINT {c}') STRICT;\n\
             INSERT INTO sqlite_sequence (name, seq) VALUES ('t', 1000);"
        );
        assert_eq!(
            Postgres.migration(sql).unwrap(),
            "CREATE TABLE t (n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a BIGINT, \
             MY_BIGINT TEXT COLLATE \"C\" DEFAULT 'BIGINT {c}');\nALTER TABLE t ALTER COLUMN n RESTART WITH 1001;"
        );
        let sql = "CREATE {unlogged}TABLE t (a BIGINT){strict}";
        assert_eq!(Sqlite.migration(sql).unwrap(), "CREATE TABLE t (a INTEGER) STRICT");
        assert_eq!(Postgres.migration(sql).unwrap(), "CREATE UNLOGGED TABLE t (a BIGINT)");
        let keyed = "CREATE TABLE k (w TEXT{c}, n BIGINT, PRIMARY KEY (w, n)){keyed}";
        assert!(Sqlite.migration(keyed).unwrap().ends_with("(w, n)) STRICT, WITHOUT ROWID"));
        assert!(Postgres.migration(keyed).unwrap().ends_with("(w, n))"));
        assert!(Sqlite.migration("{start t n soon}").is_err());
    }
}
