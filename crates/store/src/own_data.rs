//! Everything that is held about a partner, for the partner to take away.

use crate::{DbError, Tx, Value, params};

/// A part of it: what it is called, what its columns are called, and its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub name: &'static str,
    /// The columns. Names that end in `_at` hold moments, names in [`MONEY`] minor units.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Columns that hold money.
pub const MONEY: [&str; 5] = ["amount", "balance_after", "commission", "refunded", "profit"];

/// Sections with their columns and where they come from: `$1` is the account.
const SECTIONS: [(&str, &str, &str); 19] = [
    ("account", "id, name, email, email_confirmed_at, language, created_at", "account WHERE id = $1"),
    (
        "partner",
        "code, agreed_rate_bp, suspended_at, suspended_reason, erasure_asked_at",
        "partner WHERE id = $1",
    ),
    (
        "words_in_links",
        "alias, kind, created_at",
        "partner_alias WHERE partner_id = $1 ORDER BY created_at, alias",
    ),
    ("days", "day, clicks, automatic, clients, profit", "partner_day WHERE partner_id = $1 ORDER BY day"),
    (
        "sources",
        "day, source, clicks, clients, deals_won, profit",
        "partner_source WHERE partner_id = $1 ORDER BY day, source",
    ),
    (
        "sessions",
        "created_at, seen_at, expires_at, user_agent",
        "session WHERE account_id = $1 ORDER BY created_at",
    ),
    ("devices", "first_seen_at, seen_at", "device WHERE account_id = $1 ORDER BY first_seen_at"),
    ("email_change", "email, requested_at, expires_at", "email_change WHERE account_id = $1"),
    ("notices", "notice, channel, wanted", "notice_choice WHERE account_id = $1 ORDER BY notice, channel"),
    ("telegram", "chat_id, title, linked_at", "telegram_link WHERE account_id = $1"),
    (
        "wallets",
        "kind, label, address, created_at, changed_at, removed_at",
        "wallet WHERE partner_id = $1 ORDER BY id",
    ),
    (
        "withdrawals",
        "id, amount, status, requested_at, wallet_kind, wallet_label, wallet_address, decided_at, reference, reason, returned_at",
        "withdrawal WHERE partner_id = $1 ORDER BY id",
    ),
    (
        "adjustments",
        "amount, kind, reason, status, proposed_at, decided_at",
        "adjustment WHERE partner_id = $1 AND status = 'booked' ORDER BY id",
    ),
    // Of clients what the partner sees in the portal; how to reach them is theirs alone.
    ("clients", "number, name, created_at", "client WHERE partner_id = $1 ORDER BY number"),
    (
        "deals",
        "number, client_number, status, created_at, won_at, CASE WHEN status = 'won' THEN amount END AS amount, refunded, rate_bp, commission, commission_reason",
        "deal WHERE partner_id = $1 ORDER BY number",
    ),
    (
        "claims",
        "number, client_name, client_contact, sent_on, how, evidence, filed_at, status, decided_at, reason",
        "claim WHERE partner_id = $1 ORDER BY number",
    ),
    (
        "feedback",
        "message, page, mood, created_at, answer, answered_at",
        "feedback WHERE partner_id = $1 ORDER BY id",
    ),
    (
        "support_requests",
        "number, name, email, kind, concerns, status, created_at",
        "support_ticket WHERE partner_id = $1 ORDER BY number",
    ),
    (
        "letters",
        "channel, notice, recipient, address, subject, body, status, created_at, done_at",
        "outbox WHERE account_id = $1 AND secret = 0 ORDER BY id",
    ),
];

/// What was said in support requests; notes of staff among themselves are not.
const ENTRIES: (&str, &str, &str) = (
    "support_entries",
    "ticket_number, at, kind, author, message",
    "support_entry WHERE kind <> 'note' AND ticket_number IN (SELECT number FROM support_ticket WHERE partner_id = $1)
     ORDER BY ticket_number, id",
);

/// The statement of the partner's account.
const STATEMENT: (&str, &str, &str) = (
    "statement",
    "seq, at, code, side, amount, balance_after, reason",
    "(SELECT e.seq, t.at, t.code, e.side, e.amount, e.balance_after, t.reason FROM ledger_entries e
      JOIN ledger_transfers t ON t.key = e.transfer
      WHERE e.account IN (SELECT key FROM ledger_accounts WHERE kind = 'partner_payable' AND owner = $1)) AS lines ORDER BY seq",
);

/// What the partner did, and what was done to the partner, as the audit has it.
const AUDIT: (&str, &str, &str) = (
    "audit",
    "at, actor, role, act, changes, reason",
    "audit WHERE actor_id = $1 OR (subject = 'partner' AND subject_id = $1) ORDER BY id",
);

/// Everything that is held about a partner. Run it in a [`report`](crate::Db::report).
///
/// # Errors
/// When the database fails.
pub fn of_partner(tx: &mut Tx, id: &str) -> Result<Vec<Section>, DbError> {
    let mut sections = Vec::new();
    for (name, columns, from) in SECTIONS.into_iter().chain([ENTRIES, STATEMENT, AUDIT]) {
        let names: Vec<&'static str> =
            columns.split(", ").map(|column| column.rsplit(' ').next().unwrap_or(column)).collect();
        let rows = tx.all(&format!("SELECT {columns} FROM {from}"), params![id])?;
        let rows = rows.into_iter().map(|row| row.values).collect();
        sections.push(Section { name, columns: names, rows });
    }
    Ok(sections)
}
