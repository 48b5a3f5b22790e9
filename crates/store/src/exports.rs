//! Everything as tables, for whoever goes elsewhere or looks for something: each read in pages by its key, so that its length
//! doesn't matter.

use crate::{DbError, Tx, Value};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text as it was typed, which a spreadsheet must not run.
    Text,
    /// A whole number.
    Number,
    /// Money in minor units.
    Money,
    /// A rate in basis points.
    Rate,
    /// A moment.
    Moment,
    /// A day.
    Day,
    /// Where somebody is paid: shown masked. The column before it is the kind of wallet.
    Wallet,
}

use Kind::{Day, Moment, Money, Number, Rate, Text, Wallet};

/// A table that can be exported.
#[derive(Debug)]
pub struct Table {
    /// What it is called.
    pub name: &'static str,
    /// Its columns: the name in the file, what is selected, what it holds. The first `key` of them are its key.
    pub columns: &'static [(&'static str, &'static str, Kind)],
    /// How many columns are the key.
    key: usize,
    /// Where it comes from.
    from: &'static str,
}

/// Every table, with documented columns: docs/export.md.
pub const TABLES: &[Table] = &[
    Table {
        name: "partners",
        key: 1,
        columns: &[
            ("id", "p.id", Text),
            ("name", "a.name", Text),
            ("email", "a.email", Text),
            ("code", "p.code", Text),
            ("status", "CASE WHEN p.suspended_at IS NULL THEN 'active' ELSE 'suspended' END", Text),
            ("rate", "p.agreed_rate_bp", Rate),
            ("joined_at", "a.created_at", Moment),
            ("clients", "t.clients", Number),
            ("deals_won", "t.deals_won", Number),
            ("volume", "t.volume", Money),
            ("erased_at", "p.erased_at", Moment),
        ],
        from: "partner p JOIN account a ON a.id = p.id JOIN partner_totals t ON t.partner_id = p.id",
    },
    Table {
        name: "codes",
        key: 1,
        columns: &[
            ("code", "w.alias", Text),
            ("partner_id", "w.partner_id", Text),
            ("kind", "w.kind", Text),
            ("created_at", "w.created_at", Moment),
        ],
        from: "partner_alias w",
    },
    Table {
        name: "clients",
        key: 1,
        columns: &[
            ("number", "c.number", Number),
            ("name", "c.name", Text),
            ("email", "c.email", Text),
            ("phone", "c.phone", Text),
            ("telegram", "c.telegram", Text),
            ("message", "c.message", Text),
            ("partner_id", "c.partner_id", Text),
            ("source", "c.source", Text),
            ("external_id", "c.external_id", Text),
            ("created_at", "c.created_at", Moment),
            ("erased_at", "c.erased_at", Moment),
        ],
        from: "client c",
    },
    Table {
        name: "attributions",
        key: 1,
        columns: &[
            ("id", "t.id", Text),
            ("client", "t.client_number", Number),
            ("at", "t.at", Moment),
            ("partner_id", "t.partner_id", Text),
            ("method", "t.method", Text),
            ("code", "t.code", Text),
            ("repaired_from", "t.repaired_from", Text),
            ("decided_by", "t.decided_by", Text),
            ("reason", "t.reason", Text),
            ("claim", "t.claim_number", Number),
        ],
        from: "attribution t",
    },
    Table {
        name: "deals",
        key: 1,
        columns: &[
            ("number", "d.number", Number),
            ("client", "d.client_number", Number),
            ("title", "d.title", Text),
            ("status", "d.status", Text),
            ("partner_id", "d.partner_id", Text),
            ("amount", "d.amount", Money),
            ("refunded", "d.refunded", Money),
            ("rate", "d.rate_bp", Rate),
            ("commission", "d.commission", Money),
            ("commission_reversed", "d.commission_reversed", Money),
            ("commission_reason", "d.commission_reason", Text),
            ("settled_elsewhere", "d.settled", Money),
            ("created_at", "d.created_at", Moment),
            ("won_at", "d.won_at", Moment),
            ("available_at", "d.available_at", Moment),
            ("lost_reason", "d.lost_reason", Text),
            ("external_id", "d.external_id", Text),
        ],
        from: "deal d",
    },
    Table {
        name: "transfers",
        key: 1,
        columns: &[
            ("key", "t.key", Text),
            ("debit", "t.debit", Text),
            ("credit", "t.credit", Text),
            ("amount", "t.amount", Money),
            ("code", "t.code", Text),
            ("phase", "t.phase", Text),
            ("pending", "t.pending", Text),
            ("reverses", "t.reverses", Text),
            ("subject", "t.subject", Text),
            ("subject_id", "t.subject_id", Text),
            ("reason", "t.reason", Text),
            ("available_at", "t.available_at", Moment),
            ("at", "t.at", Moment),
        ],
        from: "ledger_transfers t",
    },
    Table {
        name: "entries",
        key: 2,
        columns: &[
            ("account", "e.account", Text),
            ("seq", "e.seq", Number),
            ("transfer", "e.transfer", Text),
            ("side", "e.side", Text),
            ("amount", "e.amount", Money),
            ("balance_after", "e.balance_after", Money),
        ],
        from: "ledger_entries e",
    },
    Table {
        name: "withdrawals",
        key: 1,
        columns: &[
            ("id", "w.id", Text),
            ("partner_id", "w.partner_id", Text),
            ("amount", "w.amount", Money),
            ("status", "w.status", Text),
            ("requested_at", "w.requested_at", Moment),
            ("decided_at", "w.decided_at", Moment),
            ("decided_by", "w.decided_by", Text),
            ("reference", "w.reference", Text),
            ("reason", "w.reason", Text),
            ("wallet_kind", "w.wallet_kind", Text),
            ("wallet", "w.wallet_address", Wallet),
            ("returned_at", "w.returned_at", Moment),
        ],
        from: "withdrawal w",
    },
    Table {
        name: "wallets",
        key: 1,
        columns: &[
            ("id", "w.id", Text),
            ("partner_id", "w.partner_id", Text),
            ("label", "w.label", Text),
            ("kind", "w.kind", Text),
            ("address", "w.address", Wallet),
            ("created_at", "w.created_at", Moment),
            ("removed_at", "w.removed_at", Moment),
        ],
        from: "wallet w",
    },
    Table {
        name: "days",
        key: 2,
        columns: &[
            ("partner_id", "d.partner_id", Text),
            ("day", "d.day", Day),
            ("clicks", "d.clicks", Number),
            ("automatic", "d.automatic", Number),
            ("clients", "d.clients", Number),
            ("profit", "d.profit", Money),
        ],
        from: "partner_day d",
    },
    Table {
        name: "audit",
        key: 1,
        columns: &[
            ("id", "r.id", Text),
            ("chain", "r.chain", Number),
            ("seq", "r.seq", Number),
            ("at", "r.at", Moment),
            ("actor_id", "r.actor_id", Text),
            ("actor", "r.actor", Text),
            ("role", "r.role", Text),
            ("act", "r.act", Text),
            ("subject", "r.subject", Text),
            ("subject_id", "r.subject_id", Text),
            ("changes", "r.changes", Text),
            ("reason", "r.reason", Text),
            ("hash", "r.hash", Text),
        ],
        from: "audit r",
    },
];

/// The table of a name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

impl Table {
    /// Where reading begins: before every key.
    pub fn start(&self) -> Vec<Value> {
        let before = |(_, _, kind): &(&str, &str, Kind)| match kind {
            Text | Wallet => Value::from(""),
            Number | Money | Rate | Moment | Day => Value::from(i64::MIN),
        };
        self.columns[..self.key].iter().map(before).collect()
    }

    /// The key of a row, to go on after it.
    pub fn key_of(&self, row: &[Value]) -> Vec<Value> {
        row[..self.key].to_vec()
    }

    /// At most `limit` rows after a key, in the order of keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn page(&self, tx: &mut Tx, after: &[Value], limit: i64) -> Result<Vec<Vec<Value>>, DbError> {
        let selected: Vec<&str> = self.columns.iter().map(|(_, selected, _)| *selected).collect();
        let key = selected[..self.key].join(", ");
        let places: Vec<String> = (1..=self.key).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE ({key}) > ({}) ORDER BY {key} LIMIT ${}",
            selected.join(", "),
            self.from,
            places.join(", "),
            self.key + 1
        );
        let mut values = after.to_vec();
        values.push(limit.into());
        Ok(tx.all(&sql, &values)?.into_iter().map(|row| row.values).collect())
    }
}
