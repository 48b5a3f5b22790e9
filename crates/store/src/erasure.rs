//! Forgetting people: what they are called, how they are reached, what they wrote and where they are paid is replaced. Rows,
//! numbers, amounts and days stay, because figures and the history of others refer to them.
//!
//! Every statement is one of the lists below, so that it can be seen at one look what is forgotten and what isn't.

use domain::clock::Timestamp;

use crate::{
    DbError, Tx, Value, idempotency, ledger,
    names::{self, names},
    params, partners, reconciliations,
};

/// What a person is called afterwards.
pub const PARTNER: &str = "Erased partner";
/// What a client is called afterwards.
pub const CLIENT: &str = "Erased client";
/// What stands in place of what somebody wrote.
pub const WORDS: &str = "Erased";

/// Since when a partner is forgotten, and when the partner asked for it.
pub fn of_partner(tx: &mut Tx, id: &str) -> Result<(Option<Timestamp>, Option<Timestamp>), DbError> {
    let row = tx.opt("SELECT erased_at, erasure_asked_at FROM partner WHERE id = $1", params![id])?;
    let moment = |value: Option<i64>| value.map(Timestamp::from_micros);
    row.map_or(Ok((None, None)), |row| Ok((moment(row.get(0)?), moment(row.get(1)?))))
}

/// Since when a client is forgotten.
pub fn of_client(tx: &mut Tx, number: i64) -> Result<Option<Timestamp>, DbError> {
    let row = tx.opt("SELECT erased_at FROM client WHERE number = $1", params![number])?;
    row.map_or(Ok(None), |row| Ok(row.get::<Option<i64>>(0)?.map(Timestamp::from_micros)))
}

/// Notes that a partner asks to be forgotten, or doesn't any more.
pub fn ask(tx: &mut Tx, id: &str, at: Option<Timestamp>) -> Result<(), DbError> {
    let at = at.map(Timestamp::micros);
    tx.exec("UPDATE partner SET erasure_asked_at = $1 WHERE id = $2", params![at, id])?;
    Ok(())
}

/// Whether an adjustment of a partner waits for a second person.
pub fn has_proposed(tx: &mut Tx, id: &str) -> Result<bool, DbError> {
    let sql = "SELECT id FROM adjustment WHERE partner_id = $1 AND status = 'proposed' LIMIT 1";
    Ok(tx.opt(sql, params![id])?.is_some())
}

/// Rows that are of no use without the person: `$1` is the account.
const GONE: [&str; 10] = [
    "DELETE FROM session WHERE account_id = $1",
    "DELETE FROM one_time WHERE account_id = $1",
    "DELETE FROM device WHERE account_id = $1",
    "DELETE FROM email_change WHERE account_id = $1",
    "DELETE FROM telegram_link WHERE account_id = $1",
    "DELETE FROM notice_choice WHERE account_id = $1",
    "DELETE FROM recovery_request WHERE account_id = $1",
    "DELETE FROM wallet_address WHERE partner_id = $1",
    "DELETE FROM support_key WHERE ticket_number IN (SELECT number FROM support_ticket WHERE partner_id = $1)",
    "UPDATE import_row SET fingerprint = '' WHERE kind IN ('partners', 'balances') AND new_id = $1",
];

/// What the partner wrote, what was written to the partner, and where the partner was paid: `$1` is the account, `$2` what
/// stands there now. A withdrawal and what a second person approved of it stay the same as each other.
const WRITTEN: [&str; 12] = [
    "UPDATE withdrawal SET wallet_label = $2, wallet_address = $2 WHERE partner_id = $1",
    "UPDATE withdrawal SET reason = $2 WHERE partner_id = $1 AND reason IS NOT NULL",
    "UPDATE withdrawal SET override_reason = $2 WHERE partner_id = $1 AND override_reason IS NOT NULL",
    "UPDATE withdrawal_approval SET wallet_address = $2, note = CASE WHEN note = '' THEN '' ELSE $2 END
     WHERE withdrawal_id IN (SELECT id FROM withdrawal WHERE partner_id = $1)",
    "UPDATE feedback SET message = $2 WHERE partner_id = $1",
    "UPDATE feedback SET answer = $2 WHERE partner_id = $1 AND answer IS NOT NULL",
    "UPDATE claim SET client_name = $2, client_contact = $2, how = $2, evidence = $2,
        reason = CASE WHEN reason = '' THEN '' ELSE $2 END WHERE partner_id = $1",
    "UPDATE attribution SET evidence = '' WHERE claim_number IN (SELECT number FROM claim WHERE partner_id = $1)",
    "UPDATE support_entry SET message = $2, author = CASE WHEN kind = 'person' THEN $2 ELSE author END
     WHERE ticket_number IN (SELECT number FROM support_ticket WHERE partner_id = $1)",
    "UPDATE outbox SET recipient = $2, address = $2, subject = $2, body = $2, html = '', search = '', last_error = '',
        status = CASE WHEN status = 'waiting' OR status = 'parked' THEN 'dropped' ELSE status END, claimed_by = NULL
     WHERE account_id = $1",
    // What other systems were told: of the partner, the partner's withdrawals and clients.
    "UPDATE webhook_delivery SET body = $2, claimed_by = NULL, status = CASE WHEN status = 'waiting' THEN 'parked' ELSE status END
     WHERE (subject = 'partner' AND subject_id = $1)
        OR (subject = 'withdrawal' AND subject_id IN (SELECT id FROM withdrawal WHERE partner_id = $1))
        OR (subject = 'client' AND subject_id IN (SELECT CAST(client_number AS TEXT) FROM attribution WHERE partner_id = $1))
        OR (subject = 'deal' AND subject_id IN (SELECT CAST(d.number AS TEXT) FROM deal d
            JOIN attribution t ON t.client_number = d.client_number WHERE t.partner_id = $1))",
    TOLD,
];

/// What was sent with deliveries that are forgotten, and what was answered.
const TOLD: &str = "UPDATE webhook_try SET headers = '', body = $2, answer = $2, error = ''
     WHERE delivery_id IN (SELECT id FROM webhook_delivery WHERE body = $2)";

/// Forgets a partner. The partner is suspended from then on: the link leads clients on and earns nothing.
pub fn partner(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), DbError> {
    let Some(before) = partners::by_id(tx, id)? else { return Ok(()) };
    let email_key: String = tx.one("SELECT email_key FROM account WHERE id = $1", params![id])?.get(0)?;
    // Requests of somebody who wasn't signed in, with the same address.
    tx.exec(
        "UPDATE support_ticket SET partner_id = $1 WHERE partner_id IS NULL AND email_key = $2",
        params![id, &email_key],
    )?;
    for sql in GONE {
        tx.exec(sql, params![id])?;
    }
    for sql in WRITTEN {
        replace(tx, sql, id.into())?;
    }
    ledger::forget_withdrawal_reasons(tx, id, WORDS)?;
    let nobody = format!("erased:{id}");
    tx.exec(
        "UPDATE support_ticket SET name = $1, email = $2, email_key = $2, concerns = '', search = '' WHERE partner_id = $3",
        params![PARTNER, &nobody, id],
    )?;
    tx.exec(
        "UPDATE wallet SET kind = 'other', label = $1, address = $1, removed_at = COALESCE(removed_at, $2), changed_at = $2
         WHERE partner_id = $3",
        params![WORDS, now.micros(), id],
    )?;
    tx.exec(
        "UPDATE account SET name = $1, email = $2, email_key = $2, password_hash = NULL, email_confirmed_at = NULL,
            language = 'en' WHERE id = $3",
        params![PARTNER, &nobody, id],
    )?;
    tx.exec(
        "UPDATE partner SET search = $1, suspended_at = COALESCE(suspended_at, $2), suspended_reason = $3, erased_at = $2,
            erasure_asked_at = NULL WHERE id = $4",
        params![format!("{PARTNER}\n{}", before.code).to_lowercase(), now.micros(), WORDS, id],
    )?;
    idempotency::forget(tx, "partner_id = $1", id.into())?;
    let clients = "SELECT client_number FROM attribution WHERE partner_id = $1";
    forget_name(tx, &before.name, PARTNER, clients, &id.into())?;
    forget_words(tx, &before.name, &before.email, clients, &id.into())
}

/// What is known of a client: `$1` is the number, `$2` what stands there now.
const OF_CLIENT: [&str; 16] = [
    "UPDATE client_note SET message = $2 WHERE client_number = $1",
    "UPDATE attribution SET evidence = '' WHERE client_number = $1",
    "UPDATE attribution SET reason = $2 WHERE client_number = $1 AND reason IS NOT NULL AND method IN ('staff', 'claim')",
    "UPDATE deal SET title = '' WHERE client_number = $1",
    "UPDATE deal SET lost_reason = $2 WHERE client_number = $1 AND lost_reason IS NOT NULL",
    // What another system had said of the deal. Of our own there are only figures.
    "UPDATE deal SET commission_reason = $2 WHERE client_number = $1 AND settled IS NOT NULL AND commission_reason IS NOT NULL",
    "UPDATE deal_event SET reason = $2 WHERE reason IS NOT NULL
     AND deal_number IN (SELECT number FROM deal WHERE client_number = $1)",
    "UPDATE claim SET client_name = $2, client_contact = $2, how = $2, evidence = $2 WHERE client_number = $1",
    "UPDATE support_entry SET message = $2
     WHERE ticket_number IN (SELECT number FROM support_ticket WHERE client_number = $1)",
    "UPDATE support_ticket SET search = '' WHERE client_number = $1",
    // What the CRM listed of the client: the row of a deal that isn't here is found by the email address.
    "UPDATE reconciliation_row SET said = '', email_key = '', why = $2
     WHERE email_key <> '' AND email_key = (SELECT email_key FROM client WHERE number = $1)",
    "UPDATE reconciliation_row SET said = '' WHERE deal_number IN (SELECT number FROM deal WHERE client_number = $1)",
    // What the CRM told, and what other systems were told.
    "UPDATE crm_payload SET body = $2, query = '' WHERE id IN (SELECT payload_id FROM crm_item
        WHERE deal_number IN (SELECT number FROM deal WHERE client_number = $1))",
    "UPDATE crm_item SET content = $2 WHERE deal_number IN (SELECT number FROM deal WHERE client_number = $1)",
    "UPDATE webhook_delivery SET body = $2, claimed_by = NULL, status = CASE WHEN status = 'waiting' THEN 'parked' ELSE status END
     WHERE (subject = 'client' AND subject_id IN (SELECT CAST(number AS TEXT) FROM client WHERE number = $1))
        OR (subject = 'deal' AND subject_id IN (SELECT CAST(number AS TEXT) FROM deal WHERE client_number = $1))",
    TOLD,
];

/// Forgets a client. The number, whose client it is, the deals and what came of them stay.
pub fn client(tx: &mut Tx, number: i64, now: Timestamp) -> Result<(), DbError> {
    let row = tx.opt("SELECT name, email FROM client WHERE number = $1", params![number])?;
    let Some(row) = row else { return Ok(()) };
    let (name, email): (String, String) = (row.get(0)?, row.get(1)?);
    for sql in OF_CLIENT {
        replace(tx, sql, number.into())?;
    }
    ledger::forget_deal_reasons(tx, number, WORDS)?;
    reconciliations::forget_name(tx, &name)?;
    tx.exec("DELETE FROM client_word WHERE number = $1", params![number])?;
    tx.exec(
        "UPDATE import_row SET fingerprint = '' WHERE kind = 'deals'
         AND new_id IN (SELECT CAST(number AS TEXT) FROM deal WHERE client_number = $1)",
        params![number],
    )?;
    tx.exec(
        "UPDATE import_row SET fingerprint = '' WHERE kind = 'clients' AND new_id = $1",
        params![number.to_string()],
    )?;
    tx.exec(
        "UPDATE client SET name = $1, email = '', phone = '', telegram = '', message = '', search = '', email_key = '',
            phone_key = '', telegram_key = '', name_key = '', submission = NULL, erased_at = $2 WHERE number = $3",
        params![CLIENT, now.micros(), number],
    )?;
    tx.exec(
        "UPDATE deal SET client_search = $1 WHERE client_number = $2",
        params![CLIENT.to_lowercase(), number],
    )?;
    idempotency::forget(tx, "client_number = $1", number.into())?;
    let clients = "SELECT number FROM client WHERE number = $1";
    forget_name(tx, &name, CLIENT, clients, &number.into())?;
    forget_words(tx, &name, &email, clients, &number.into())
}

/// Runs one statement of the lists; not all of them write words.
fn replace(tx: &mut Tx, sql: &str, whose: Value) -> Result<(), DbError> {
    let values = [whose, WORDS.into()];
    let given = match (sql.contains("$1"), sql.contains("$2")) {
        (true, true) => &values[..],
        (true, false) => &values[..1],
        (false, _) => return tx.exec(&sql.replace("$2", "$1"), &values[1..]).map(|_| ()),
    };
    tx.exec(sql, given)?;
    Ok(())
}

/// Takes a name out of sentences about deals, of those clients that `clients` selects by `$1`. Compared as it is written:
/// each database has its own idea of lower case beyond the English letters.
fn forget_name(tx: &mut Tx, name: &str, called: &str, clients: &str, whose: &Value) -> Result<(), DbError> {
    let deals = format!("SELECT number FROM deal WHERE client_number IN ({clients})");
    for (table, key, column, which) in [
        ("deal", "number", "commission_reason", format!("client_number IN ({clients})")),
        ("deal_event", "id", "reason", format!("deal_number IN ({deals})")),
        ("attribution", "id", "reason", format!("client_number IN ({clients})")),
    ] {
        let sql = format!(
            "SELECT {key}, {column} FROM {table} WHERE {which} AND replace({column}, $2, '') <> {column}"
        );
        for row in tx.all(&sql, &[whose.clone(), name.into()])? {
            if let Some(text) = names::without(&row.get::<String>(1)?, name, called) {
                let key_of = row.values[0].clone();
                tx.exec(
                    &format!("UPDATE {table} SET {column} = $1 WHERE {key} = $2"),
                    &[text.into(), key_of],
                )?;
            }
        }
    }
    ledger::forget_name(tx, name, called, &deals, whose)
}

/// Forgets letters to somebody who has no account, and what others were written or answered about somebody: the partners who
/// have, had or claimed one of the clients that `clients` selects by `$1`, staff, and whoever has no account.
fn forget_words(tx: &mut Tx, name: &str, email: &str, clients: &str, whose: &Value) -> Result<(), DbError> {
    let sql = format!(
        "SELECT id FROM account WHERE kind = 'staff'
         UNION SELECT partner_id FROM attribution WHERE client_number IN ({clients}) AND partner_id IS NOT NULL
         UNION SELECT partner_id FROM claim WHERE client_number IN ({clients})
         UNION SELECT partner_id FROM claim WHERE client_name = $2"
    );
    let rows = tx.all(&sql, &[whose.clone(), name.into()])?;
    let readers: Result<Vec<Option<String>>, DbError> = rows.iter().map(|row| row.get(0)).collect();
    let readers = readers?.into_iter().chain([None]).collect::<Vec<_>>();
    for word in [name, email].into_iter().filter(|word| names::is_telling(word)) {
        for reader in &readers {
            forget_letters_about(tx, reader.as_deref(), word)?;
        }
        idempotency::forget_unnamed(tx, word)?;
    }
    if !email.is_empty() {
        forget_letter(tx, "account_id IS NULL AND address = $2", email)?;
    }
    Ok(())
}

/// The letters to one reader: the outbox has an index by that, and thousands of others are not looked at.
fn letters_of(reader: Option<&str>) -> String {
    let of_reader = if reader.is_some() { "account_id = $5" } else { "account_id IS NULL AND $5 = ''" };
    format!(
        "SELECT id, subject, body FROM outbox WHERE {of_reader} AND id > $1
         AND replace(subject || body, $2, '') <> subject || body
         AND (status <> 'waiting' OR $3 = 1) ORDER BY id LIMIT $4"
    )
}

/// How many letters are looked at in one go.
const LETTERS: i64 = 500;

/// Replaces letters to one reader (none: those without an account) that name somebody or an email address. Two words are somebody's name, and what is still to be sent is not sent; a
/// single one may be somebody else's as well: then only what is done with is replaced.
fn forget_letters_about(tx: &mut Tx, reader: Option<&str>, name: &str) -> Result<(), DbError> {
    let is_full = name.trim().contains(|c: char| c.is_whitespace() || c == '@');
    let sql = letters_of(reader);
    let mut after = String::new();
    loop {
        let rows = tx.all(&sql, params![&after, name, is_full, LETTERS, reader.unwrap_or_default()])?;
        for row in &rows {
            after = row.get(0)?;
            let text = format!("{}\n{}", row.get::<String>(1)?, row.get::<String>(2)?);
            if names(&text, name) {
                forget_letter(tx, "id = $2", &after)?;
            }
        }
        if (rows.len() as i64) < LETTERS {
            return Ok(());
        }
    }
}

/// What was to be sent is not sent any more: it would be about somebody who is forgotten.
fn forget_letter(tx: &mut Tx, which: &str, word: &str) -> Result<(), DbError> {
    let sql = format!(
        "UPDATE outbox SET recipient = CASE WHEN address = $2 THEN $1 ELSE recipient END,
            address = CASE WHEN address = $2 THEN $1 ELSE address END, subject = $1, body = $1,
            html = '', search = '', last_error = '', claimed_by = NULL,
            status = CASE WHEN status = 'waiting' OR status = 'parked' THEN 'dropped' ELSE status END
         WHERE {which}"
    );
    tx.exec(&sql, params![WORDS, word])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasing_reads_no_letters_of_others() {
        let test = crate::testing::sqlite();
        for reader in [Some("somebody"), None] {
            let plan = test.db.read_blocking(move |tx| {
                let sql = format!("EXPLAIN QUERY PLAN {}", letters_of(reader));
                let rows = tx.all(&sql, params!["", "Ann Obi", 1, LETTERS, reader.unwrap_or_default()])?;
                rows.iter().map(|row| row.get::<String>(3)).collect::<Result<Vec<_>, DbError>>()
            });
            let plan = plan.unwrap().join("; ");
            assert!(
                plan.contains("SEARCH outbox USING INDEX outbox_account (account_id=? AND id>?)"),
                "{plan}"
            );
        }
    }
}
