//! Do the tables of deals, withdrawals and partners agree with the ledger? They repeat what it says, so that pages
//! need not ask it; here they are held against it.

use domain::commission;
use domain::money::Money;
use domain::rate::Rate;

use crate::ledger_verify::{self, Describe, Finding, LIMIT, Rule, one_word};
use crate::{DbError, Row, Tx, params, verify_audit};

/// Everything that can be verified: the ledger in itself, what repeats it, then the audit. Empty: all holds. Run it in
/// a [`read`](crate::Db::read), which sees one moment of the database.
///
/// # Errors
/// When the database fails.
pub fn verify_all(tx: &mut Tx<'_>) -> Result<Vec<Finding>, DbError> {
    let mut findings = ledger_verify::verify(tx)?;
    findings.extend(verify_projections(tx)?);
    findings.extend(verify_audit::verify(tx)?.findings());
    Ok(findings)
}

/// Holds the tables that repeat the ledger against it.
///
/// # Errors
/// When the database fails.
pub fn verify_projections(tx: &mut Tx<'_>) -> Result<Vec<Finding>, DbError> {
    let mut findings = Vec::new();
    let checks: &[(Rule, &str, Describe)] = &[
        (Rule::Withdrawals, WITHDRAWALS, withdrawal_differs),
        (Rule::Withdrawals, UNKNOWN_WITHDRAWALS, one_word),
        (Rule::Desk, ONE_PERSON, one_word),
        (Rule::Desk, TOO_EARLY, one_word),
        (Rule::Desk, BATCHES, one_word),
        (Rule::Adjustments, ADJUSTMENTS, one_word),
        (Rule::Adjustments, UNKNOWN_ADJUSTMENTS, one_word),
        (Rule::Commissions, COMMISSIONS, commission_differs),
        (Rule::Commissions, SETTLED_TWICE, one_word),
        (Rule::PartnerTotals, PARTNER_TOTALS, totals_differ),
        (Rule::PartnerTotals, SOURCES, sources_differ),
        (Rule::Attribution, DEALS_OF_OTHERS, one_word),
        (Rule::Attribution, UNDECIDED, one_word),
    ];
    for (rule, sql, describe) in checks {
        for row in tx.all(sql, params![LIMIT])? {
            let (subject, detail) = describe(&row)?;
            findings.push(Finding { rule: *rule, subject, detail });
        }
    }
    frozen_rates(tx, &mut findings)?;
    Ok(findings)
}

/// The status that the ledger says: a paid withdrawal has exactly one post and nothing that came back.
const WITHDRAWALS: &str = "
    WITH booked AS (
        SELECT w.id, w.status, w.amount, w.returned_at, b.key IS NOT NULL AS came_back, h.amount AS held, r.amount AS resolved,
            h.phase = 'pending' AND h.debit = 'partner_payable:' || w.partner_id || ':' || p.currency AS fits,
            CASE WHEN h.key IS NULL THEN 'unknown' WHEN r.key IS NULL THEN 'pending'
                WHEN r.phase = 'void' THEN 'rejected' WHEN b.key IS NULL THEN 'paid'
                ELSE 'rejected' END AS said
        FROM withdrawal w
        JOIN programme p ON p.id = 1
        LEFT JOIN ledger_transfers h ON h.key = 'withdrawal:' || w.id || ':hold'
        LEFT JOIN ledger_transfers r ON r.pending = h.key
        LEFT JOIN ledger_transfers b ON b.reverses = r.key AND b.amount = r.amount
    )
    SELECT id, status, said, amount, held FROM booked
    WHERE status <> said OR (returned_at IS NOT NULL) <> came_back OR amount <> held OR amount <> COALESCE(resolved, amount) OR NOT fits
    ORDER BY id LIMIT $1";

fn withdrawal_differs(row: &Row) -> Result<(String, String), DbError> {
    let (id, status, said): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (amount, held): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
    let held = held.map_or("nothing".to_owned(), |held| held.to_string());
    Ok((
        format!("withdrawal {id}"),
        format!("is {status} over {amount}, the ledger says {said} over {held}, or of another partner"),
    ))
}

const UNKNOWN_WITHDRAWALS: &str = "
    SELECT t.key, 'the ledger reserved money for a withdrawal that does not exist' FROM ledger_transfers t
    WHERE t.subject = 'withdrawal' AND t.phase = 'pending'
        AND NOT EXISTS (SELECT 1 FROM withdrawal w WHERE w.id = t.subject_id)
    ORDER BY t.key LIMIT $1";

/// Paid above the limit without the approval of somebody else, of that amount and address.
const ONE_PERSON: &str = "
    SELECT 'withdrawal ' || w.id, 'needed two people and was paid without the approval of a second one'
    FROM withdrawal w WHERE w.two_people = 1
        AND NOT EXISTS (SELECT 1 FROM withdrawal_approval v WHERE v.withdrawal_id = w.id AND v.by_id <> w.decided_by
            AND v.amount = w.amount AND v.wallet_address = w.wallet_address)
    ORDER BY w.id LIMIT $1";

/// Paid to a wallet that was still cooling, without a reason.
const TOO_EARLY: &str = "
    SELECT 'withdrawal ' || w.id, 'was paid while its wallet was cooling, and nobody said why'
    FROM withdrawal w WHERE w.reference IS NOT NULL AND w.decided_at < w.payable_from AND w.override_reason IS NULL
    ORDER BY w.id LIMIT $1";

/// Lines that don't stand as their batch does.
const BATCHES: &str = "
    SELECT 'batch ' || b.id, 'is ' || b.status || ', but withdrawal ' || l.withdrawal_id || ' is ' || l.status || ' in it'
        || CASE WHEN w.reference IS NULL THEN ' and not paid' ELSE ' and paid' END
    FROM payout_line l JOIN payout_batch b ON b.id = l.batch_id JOIN withdrawal w ON w.id = l.withdrawal_id
    WHERE l.status <> 'off' AND (l.status <> b.status OR (l.status = 'paid') <> (w.reference IS NOT NULL))
    ORDER BY b.id, l.withdrawal_id LIMIT $1";

/// A booked adjustment has exactly its transfer, one that isn't has none, and two people have agreed where two had to.
const ADJUSTMENTS: &str = "
    SELECT 'adjustment ' || j.id, CASE WHEN j.two_people = 1 AND j.decided_by = j.proposed_by THEN 'needed two people'
            ELSE 'is ' || j.status || ' over ' || j.amount || ', the ledger booked ' || COALESCE(t.amount, 0) END
    FROM adjustment j JOIN programme p ON p.id = 1
    LEFT JOIN ledger_transfers t ON t.key = 'adjustment:' || j.id
    WHERE (j.status = 'booked') <> (t.key IS NOT NULL)
        OR (j.status = 'booked' AND j.two_people = 1 AND j.decided_by = j.proposed_by)
        OR (t.key IS NOT NULL AND (t.code <> j.kind OR t.amount <> ABS(j.amount)
            OR CASE WHEN j.amount > 0 THEN t.credit ELSE t.debit END
                <> 'partner_payable:' || j.partner_id || ':' || p.currency))
    ORDER BY j.id LIMIT $1";

const UNKNOWN_ADJUSTMENTS: &str = "
    SELECT t.key, 'the ledger booked an adjustment that does not exist' FROM ledger_transfers t
    WHERE t.subject = 'adjustment' AND NOT EXISTS (SELECT 1 FROM adjustment j WHERE j.id = t.subject_id)
    ORDER BY t.key LIMIT $1";

/// What is left of everything booked for a deal, less what the deal says; more than one pending commission is one too
/// many. Grouped, not joined: PostgreSQL without fresh statistics, and SQLite, would walk one table for each row of
/// the other.
const COMMISSIONS: &str = "
    WITH both_ways AS (
        SELECT t.subject_id AS id,
            CASE WHEN t.phase = 'void' OR (t.phase = 'pending' AND r.key IS NOT NULL) THEN 0
                WHEN t.code = 'commission' THEN t.amount
                ELSE -t.amount END AS amount,
            CASE WHEN t.phase = 'pending' AND r.key IS NULL THEN 1 ELSE 0 END AS on_hold,
            CASE WHEN t.phase = 'pending' AND r.key IS NULL THEN t.available_at END AS booked_at,
            CAST(NULL AS BIGINT) AS said_at, CAST(NULL AS TEXT) AS status
        FROM ledger_transfers t LEFT JOIN ledger_transfers r ON r.pending = t.key
        WHERE t.subject IN ('deal', 'refund')
        UNION ALL
        SELECT CAST(number AS TEXT),
            CASE WHEN status = 'won' THEN commission_reversed - COALESCE(commission, 0) ELSE 0 END,
            0, NULL, available_at, status
        FROM deal
    )
    SELECT id, MAX(status), CAST(SUM(amount) AS BIGINT), CAST(SUM(on_hold) AS BIGINT), MAX(said_at), MAX(booked_at)
    FROM both_ways GROUP BY id
    HAVING SUM(amount) <> 0 OR SUM(on_hold) > 1 OR MAX(status) IS NULL
        OR COALESCE(MAX(said_at), -1) <> COALESCE(MAX(booked_at), -1)
    ORDER BY id LIMIT $1";

fn commission_differs(row: &Row) -> Result<(String, String), DbError> {
    let subject = format!("T-{}", row.get::<String>(0)?);
    let Some(status) = row.get::<Option<String>>(1)? else {
        return Ok((subject, "the ledger booked for a deal that does not exist".into()));
    };
    let (difference, holds): (i64, i64) = (row.get(2)?, row.get(3)?);
    let moment = |at: Option<i64>| at.map_or("no moment".to_owned(), |at| at.to_string());
    let (said, booked) = (moment(row.get(4)?), moment(row.get(5)?));
    Ok((
        subject,
        format!(
            "is {status}; the ledger says, against the deal: commission left {difference:+}; \
             commissions on hold: {holds}; available at {booked}, the deal says {said}"
        ),
    ))
}

/// What another system settled is neither booked here nor anything but a won deal.
const SETTLED_TWICE: &str = "
    SELECT 'T-' || number, CASE WHEN status = 'won' THEN 'was settled by another system, and has a commission here too'
        ELSE 'was settled by another system, and is not won' END
    FROM deal WHERE settled IS NOT NULL AND (status <> 'won' OR commission IS NOT NULL OR rate_bp IS NOT NULL)
    ORDER BY number LIMIT $1";

const PARTNER_TOTALS: &str = "
    WITH parts AS (
        SELECT partner_id, clients, deals_won, volume FROM partner_totals
        UNION ALL
        SELECT partner_id, -1, 0, 0 FROM client WHERE partner_id IS NOT NULL
        UNION ALL
        SELECT partner_id, 0, -1, refunded - amount FROM deal
        WHERE status = 'won' AND partner_id IS NOT NULL AND (commission IS NOT NULL OR settled IS NOT NULL)
    )
    SELECT partner_id, CAST(SUM(clients) AS BIGINT), CAST(SUM(deals_won) AS BIGINT), CAST(SUM(volume) AS BIGINT)
    FROM parts GROUP BY partner_id
    HAVING SUM(clients) <> 0 OR SUM(deals_won) <> 0 OR SUM(volume) <> 0
    ORDER BY partner_id LIMIT $1";

fn totals_differ(row: &Row) -> Result<(String, String), DbError> {
    let (clients, deals, volume): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    Ok((
        format!("partner {}", row.get::<String>(0)?),
        format!(
            "the totals say, against the tables: clients {clients:+}, deals won {deals:+}, volume {volume:+}"
        ),
    ))
}

/// What is counted by source, against the clients who came from there and their deals.
const SOURCES: &str = "
    WITH parts AS (
        SELECT partner_id, source, clients, deals_won, profit FROM partner_source
        UNION ALL
        SELECT partner_id, source, -1, 0, 0 FROM client WHERE partner_id IS NOT NULL AND source <> ''
        UNION ALL
        SELECT d.partner_id, c.source, 0, -1, d.commission_reversed - COALESCE(d.commission, 0)
        FROM deal d JOIN client c ON c.number = d.client_number
        WHERE d.status = 'won' AND d.partner_id IS NOT NULL AND (d.commission IS NOT NULL OR d.settled IS NOT NULL)
            AND c.source <> ''
    )
    SELECT partner_id, source, CAST(SUM(clients) AS BIGINT), CAST(SUM(deals_won) AS BIGINT), CAST(SUM(profit) AS BIGINT)
    FROM parts GROUP BY partner_id, source
    HAVING SUM(clients) <> 0 OR SUM(deals_won) <> 0 OR SUM(profit) <> 0
    ORDER BY partner_id, source LIMIT $1";

fn sources_differ(row: &Row) -> Result<(String, String), DbError> {
    let (partner, source): (String, String) = (row.get(0)?, row.get(1)?);
    let (clients, deals, profit): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    Ok((
        format!("partner {partner}, source {source}"),
        format!(
            "the counts say, against the tables: clients {clients:+}, deals won {deals:+}, profit {profit:+}"
        ),
    ))
}

/// A client and the client's deals belong to the same partner, or all to nobody.
const DEALS_OF_OTHERS: &str = "
    SELECT 'T-' || d.number, 'belongs to another partner than its client C-' || c.number
    FROM deal d JOIN client c ON c.number = d.client_number
    WHERE COALESCE(d.partner_id, '') <> COALESCE(c.partner_id, '')
    ORDER BY d.number LIMIT $1";

/// The newest decision in a client's history is the one in force. (A client who came without a link or code has none.)
const UNDECIDED: &str = "
    WITH newest AS (SELECT client_number, MAX(id) AS id FROM attribution GROUP BY client_number)
    SELECT 'C-' || c.number, 'does not belong to whom the newest decision of its history says'
    FROM newest n JOIN attribution t ON t.id = n.id JOIN client c ON c.number = n.client_number
    WHERE COALESCE(t.partner_id, '') <> COALESCE(c.partner_id, '')
    ORDER BY c.number LIMIT $1";

/// How many deals are looked at in one statement.
const PAGE: i64 = 2_000;

/// Each won deal of a partner, in pages: its rate is multiplied here, where the rounding is, not in SQL.
fn frozen_rates(tx: &mut Tx<'_>, findings: &mut Vec<Finding>) -> Result<(), DbError> {
    let first = findings.len();
    let mut after = 0;
    loop {
        let rows = tx.all(
            "SELECT d.number, d.win_round, d.amount, d.refunded, d.rate_bp, d.commission, d.commission_reversed,
                d.commission_reason, t.amount, t.key,
                CAST(CASE WHEN t.credit <> 'partner_payable:' || d.partner_id || ':' || p.currency
                    THEN 1 ELSE 0 END AS BIGINT)
             FROM deal d JOIN programme p ON p.id = 1
             LEFT JOIN ledger_transfers t ON t.code = 'commission' AND t.key = CASE WHEN d.win_round = 1
                THEN 'deal:' || d.number || ':commission'
                ELSE 'deal:' || d.number || ':commission:' || d.win_round END
             WHERE d.status = 'won' AND d.partner_id IS NOT NULL AND d.number > $1
             ORDER BY d.number LIMIT $2",
            params![after, PAGE],
        )?;
        for row in &rows {
            after = row.get(0)?;
            if let Some(detail) = frozen_rate_fault(row)? {
                findings.push(Finding { rule: Rule::Commissions, subject: format!("T-{after}"), detail });
            }
        }
        let enough = i64::try_from(findings.len() - first).is_ok_and(|found| found >= LIMIT);
        if enough || i64::try_from(rows.len()).is_ok_and(|read| read < PAGE) {
            return Ok(());
        }
    }
}

fn frozen_rate_fault(row: &Row) -> Result<Option<String>, DbError> {
    let (Some(amount), refunded) = (row.get::<Option<i64>>(2)?, Money::from_minor(row.get(3)?)) else {
        return Ok(Some("is won without an amount".into()));
    };
    let amount = Money::from_minor(amount);
    let booked: Option<i64> = row.get(8)?;
    let (Some(rate_bp), Some(commission)) = (row.get::<Option<i64>>(4)?, row.get::<Option<i64>>(5)?) else {
        let reason = row.get::<Option<String>>(7)?.unwrap_or_default();
        return Ok(match booked {
            Some(booked) => Some(format!("has no commission, the ledger booked {booked}")),
            None if reason.is_empty() => Some("has neither a commission nor a reason for none".into()),
            None => None,
        });
    };
    let Some(rate) = Rate::from_basis_points(rate_bp) else {
        return Ok(Some(format!("has a rate of {rate_bp} basis points")));
    };
    let expected = rate.of(amount);
    if commission != expected.minor() {
        return Ok(Some(format!("has a commission of {commission}, its rate gives {}", expected.minor())));
    }
    if booked.unwrap_or(0) != commission {
        let key = commission::booking_key(row.get(0)?, row.get(1)?);
        return Ok(Some(format!("has a commission of {commission}, the ledger booked {booked:?} as {key}")));
    }
    if row.get::<bool>(10)? {
        return Ok(Some("its commission was booked to another partner".into()));
    }
    let reversed: i64 = row.get(6)?;
    let share = expected.mul_div_half_even(refunded.minor(), amount.minor());
    Ok((reversed != share.minor()).then(|| {
        format!("{reversed} of its commission was taken back, its refunds make that {}", share.minor())
    }))
}
