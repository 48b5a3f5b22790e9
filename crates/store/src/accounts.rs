//! Accounts: everybody who can sign in. Sessions and one-time addresses are in [`crate::sessions`].

use crate::{DbError, Row, Tx, email_changes, params};
use domain::{clock::Timestamp, permission::Role};

/// Whether an account is a partner's or a member of staff's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Refers clients.
    Partner,
    /// Works for the company.
    Staff,
}

impl Kind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Partner => "partner",
            Kind::Staff => "staff",
        }
    }

    pub(crate) fn from_row(row: &Row, index: usize) -> Result<Kind, DbError> {
        let word: String = row.get(index)?;
        match word.as_str() {
            "partner" => Ok(Kind::Partner),
            "staff" => Ok(Kind::Staff),
            other => Err(DbError::decode("account.kind", other)),
        }
    }
}

/// An account as sign-in needs it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its identifier, also the partner's or member of staff's.
    pub id: String,
    /// Partner or staff.
    pub kind: Kind,
    /// What the person is called.
    pub name: String,
    /// The address as the person wrote it.
    pub email: String,
    /// Argon2id in PHC format; none until an invited person has chosen a password.
    pub password_hash: Option<String>,
    /// Staff whose access was taken away.
    pub disabled: bool,
}

/// What a new account is made of.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// A fresh identifier.
    pub id: String,
    /// Partner or staff.
    pub kind: Kind,
    /// What the person is called.
    pub name: String,
    /// The address as the person wrote it.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// Argon2id in PHC format, or none for an invited person.
    pub password_hash: Option<String>,
}

/// Makes an account. Returns whether it was made: no when the email address has one already.
pub fn insert(tx: &mut Tx, account: &NewAccount, now: Timestamp) -> Result<bool, DbError> {
    let made = tx.exec(
        "INSERT INTO account (id, kind, name, email, email_key, password_hash, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email_key) DO NOTHING",
        params![
            &account.id,
            account.kind.as_str(),
            &account.name,
            &account.email,
            &account.email_key,
            account.password_hash.clone(),
            now.micros()
        ],
    )?;
    Ok(made == 1)
}

const SELECT: &str = "SELECT a.id, a.kind, a.name, a.email, a.password_hash, s.disabled_at
                      FROM account a LEFT JOIN staff s ON s.id = a.id";

fn read(row: &Row) -> Result<Account, DbError> {
    Ok(Account {
        id: row.get(0)?,
        kind: Kind::from_row(row, 1)?,
        name: row.get(2)?,
        email: row.get(3)?,
        password_hash: row.get(4)?,
        disabled: row.get::<Option<i64>>(5)?.is_some(),
    })
}

/// The account of an email address (as compared).
pub fn by_email(tx: &mut Tx, email_key: &str) -> Result<Option<Account>, DbError> {
    tx.opt(&format!("{SELECT} WHERE a.email_key = $1"), params![email_key])?.as_ref().map(read).transpose()
}

/// The account of an identifier.
pub fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Account>, DbError> {
    tx.opt(&format!("{SELECT} WHERE a.id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// Sets a new password. A change of the email address under way ends: whoever asked for it knew the old password.
pub fn set_password(tx: &mut Tx, id: &str, password_hash: &str) -> Result<(), DbError> {
    tx.later("UPDATE account SET password_hash = $1 WHERE id = $2", params![password_hash, id])?;
    email_changes::end(tx, id)?;
    Ok(())
}

/// A member of staff.
#[derive(Debug, Clone)]
pub struct Member {
    /// The account's identifier.
    pub id: String,
    /// What the person is called.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// Whether a password has been chosen: no while the invitation is open.
    pub joined: bool,
    /// Since when the access has been taken away.
    pub disabled_at: Option<Timestamp>,
    /// When the person was invited.
    pub created_at: Timestamp,
}

pub(crate) fn role(word: &str) -> Result<Role, DbError> {
    Role::from_word(word).ok_or_else(|| DbError::decode("staff.role", word))
}

/// Gives an account a role in the office.
pub fn insert_staff(tx: &mut Tx, id: &str, role: Role) -> Result<(), DbError> {
    tx.later("INSERT INTO staff (id, role, disabled_at) VALUES ($1, $2, NULL)", params![id, role.as_str()])?;
    Ok(())
}

/// Whether any member of staff has ever been made.
pub fn any_staff(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(tx.opt("SELECT id FROM staff LIMIT 1", params![])?.is_some())
}

/// Everybody who works or has worked in the office, oldest first. An office has tens of people, not thousands.
pub fn staff(tx: &mut Tx) -> Result<Vec<Member>, DbError> {
    let rows = tx.all(
        "SELECT a.id, a.name, a.email, s.role, CASE WHEN a.password_hash IS NULL THEN 0 ELSE 1 END, s.disabled_at, a.created_at
         FROM staff s JOIN account a ON a.id = s.id ORDER BY a.created_at, a.id",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Member {
                id: row.get(0)?,
                name: row.get(1)?,
                email: row.get(2)?,
                role: role(&row.get::<String>(3)?)?,
                joined: row.get(4)?,
                disabled_at: row.get::<Option<i64>>(5)?.map(Timestamp::from_micros),
                created_at: Timestamp::from_micros(row.get(6)?),
            })
        })
        .collect()
}

/// How many admins can sign in, locked against a change at the same time.
pub fn active_admins(tx: &mut Tx) -> Result<usize, DbError> {
    let rows = tx.all(
        "SELECT s.id FROM staff s JOIN account a ON a.id = s.id
         WHERE s.role = 'admin' AND s.disabled_at IS NULL AND a.password_hash IS NOT NULL
         ORDER BY s.id {for_update}",
        params![],
    )?;
    Ok(rows.len())
}

/// Takes the access of a member of staff away, or gives it back.
pub fn set_disabled(tx: &mut Tx, id: &str, disabled_at: Option<Timestamp>) -> Result<(), DbError> {
    tx.later(
        "UPDATE staff SET disabled_at = $1 WHERE id = $2",
        params![disabled_at.map(Timestamp::micros), id],
    )?;
    Ok(())
}

/// Changes the role of a member of staff.
pub fn set_role(tx: &mut Tx, id: &str, role: Role) -> Result<(), DbError> {
    tx.later("UPDATE staff SET role = $1 WHERE id = $2", params![role.as_str(), id])?;
    Ok(())
}

/// Holds an account against whoever else does something that happens to it once. Rows are locked in one order: the
/// account, a change of its email address, its one-time addresses.
pub fn lock(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    tx.opt("SELECT id FROM account WHERE id = $1 {for_update}", params![id])?;
    Ok(())
}

/// Holds an account as [`lock`] does, if this is still the hash of its password: a password is checked outside of the
/// transaction, which takes a while, and may have been changed since. Returns whether it is.
pub fn lock_with_password(tx: &mut Tx, id: &str, password_hash: &str) -> Result<bool, DbError> {
    let sql = "SELECT id FROM account WHERE id = $1 AND password_hash = $2 {for_update}";
    Ok(tx.opt(sql, params![id, password_hash])?.is_some())
}
