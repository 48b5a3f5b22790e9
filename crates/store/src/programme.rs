//! The programme's settings and tiers: one row, and the list of tiers beside it.

use crate::{DbError, Row, Topic, Tx, params};
use domain::{
    attribution::LinkRule,
    clock::{DAY, HOUR},
    money::{Currency, Money},
    rate::Rate,
    tier::{Tier, Tiers},
    webhook::HookEvents,
};

/// What an installation's office has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// The programme's name, as partners and clients read it.
    pub name: String,
    /// The one currency of the programme.
    pub currency: Currency,
    /// Where a referral link leads, or empty for the built-in contact page.
    pub site_url: String,
    /// Further sites of the company: the origin of one in each line.
    pub more_sites: String,
    /// Support's email address, or empty.
    pub support_email: String,
    /// Support's Telegram account with its `@`, or empty.
    pub support_telegram: String,
    /// The least that can be withdrawn.
    pub minimum_withdrawal: Money,
    /// Days between winning a deal and its commission becoming available.
    pub hold_days: i64,
    /// For how many days after a click a client is the partner's.
    pub window_days: i64,
    /// Which of several links counts.
    pub link_rule: LinkRule,
    /// Working days within which a claim is ruled on.
    pub claim_days: i64,
    /// From this amount on two people must agree to a withdrawal; none: never.
    pub approval_from: Option<Money>,
    /// For how many hours after a wallet was changed nothing is paid to it.
    pub cooling_hours: i64,
    /// Whose account payment files are paid from.
    pub payer_name: String,
    /// The IBAN of that account, or empty.
    pub payer_iban: String,
    /// The BIC of its bank, or empty.
    pub payer_bic: String,
    /// For how many days single clicks are kept; what is counted stays.
    pub click_days: i64,
    /// The number of the Telegram group in which staff are told what waits, or empty.
    pub staff_chat: String,
    /// What other systems want to be told of; kept by [`crate::webhooks`], not by [`save`].
    pub hook_events: HookEvents,
    /// The rates by volume.
    pub tiers: Tiers,
    /// Grows with every change.
    pub version: i64,
}

impl Programme {
    /// What a new installation starts with.
    pub fn standard() -> Programme {
        Programme {
            name: "Partner programme".into(),
            currency: Currency::USD,
            site_url: String::new(),
            more_sites: String::new(),
            support_email: String::new(),
            support_telegram: String::new(),
            minimum_withdrawal: Currency::USD.major(500),
            hold_days: 0,
            window_days: 90,
            link_rule: LinkRule::Last,
            claim_days: 5,
            approval_from: Some(Currency::USD.major(10_000)),
            cooling_hours: 24,
            payer_name: String::new(),
            payer_iban: String::new(),
            payer_bic: String::new(),
            click_days: 400,
            staff_chat: String::new(),
            hook_events: HookEvents::NONE,
            tiers: Tiers::standard(),
            version: 1,
        }
    }

    /// The attribution window in microseconds.
    pub const fn window(&self) -> i64 {
        self.window_days * DAY
    }

    /// For how long nothing is paid to a changed wallet, in microseconds.
    pub const fn cooling(&self) -> i64 {
        self.cooling_hours * HOUR
    }

    /// The hold period in microseconds.
    pub const fn hold(&self) -> i64 {
        self.hold_days * DAY
    }
}

fn read(row: &Row) -> Result<Programme, DbError> {
    let code: String = row.get(1)?;
    let rule: String = row.get(8)?;
    Ok(Programme {
        name: row.get(0)?,
        currency: Currency::from_code(&code).ok_or_else(|| DbError::decode("programme.currency", &code))?,
        site_url: row.get(2)?,
        support_email: row.get(3)?,
        support_telegram: row.get(4)?,
        minimum_withdrawal: Money::from_minor(row.get(5)?),
        hold_days: row.get(6)?,
        window_days: row.get(7)?,
        link_rule: LinkRule::from_word(&rule).ok_or_else(|| DbError::decode("programme.link_rule", &rule))?,
        claim_days: row.get(10)?,
        approval_from: row.get::<Option<i64>>(11)?.map(Money::from_minor),
        cooling_hours: row.get(12)?,
        payer_name: row.get(13)?,
        payer_iban: row.get(14)?,
        payer_bic: row.get(15)?,
        staff_chat: row.get(16)?,
        click_days: row.get(17)?,
        hook_events: HookEvents::from_words(&row.get::<String>(18)?),
        more_sites: row.get(19)?,
        tiers: Tiers::standard(),
        version: row.get(9)?,
    })
}

/// The programme, made with [`Programme::standard`] when the database is new.
pub fn load_or_create(tx: &mut Tx) -> Result<Programme, DbError> {
    let standard = Programme::standard();
    let made = tx.exec(
        "INSERT INTO programme (id, name, currency, site_url, support_email, support_telegram, minimum_withdrawal,
                                hold_days, window_days, link_rule, version)
         VALUES (1, $1, $2, '', '', '', $3, $4, $5, $6, 1) ON CONFLICT (id) DO NOTHING",
        params![
            &standard.name,
            standard.currency.code(),
            standard.minimum_withdrawal.minor(),
            standard.hold_days,
            standard.window_days,
            standard.link_rule.as_str()
        ],
    )?;
    if made == 1 {
        write_tiers(tx, &standard.tiers)?;
    }
    load(tx)
}

/// The programme as it is set now.
pub fn load(tx: &mut Tx) -> Result<Programme, DbError> {
    let row = tx.one(
        "SELECT name, currency, site_url, support_email, support_telegram, minimum_withdrawal, hold_days,
                window_days, link_rule, version, claim_days, approval_from, cooling_hours, payer_name, payer_iban,
                payer_bic, staff_chat, click_days, hook_events, more_sites
         FROM programme WHERE id = 1",
        params![],
    )?;
    let mut programme = read(&row)?;
    let mut tiers = Vec::new();
    for row in tx.all("SELECT from_volume, rate_bp FROM tier ORDER BY from_volume", params![])? {
        let bp: i64 = row.get(1)?;
        let rate =
            Rate::from_basis_points(bp).ok_or_else(|| DbError::decode("tier.rate_bp", &bp.to_string()))?;
        tiers.push(Tier { from: Money::from_minor(row.get(0)?), rate });
    }
    programme.tiers = Tiers::new(tiers).map_err(|error| DbError::decode("tier", &error.to_string()))?;
    Ok(programme)
}

/// The number that grows with every change, to notice changes made by another server.
pub fn version(tx: &mut Tx) -> Result<i64, DbError> {
    tx.one("SELECT version FROM programme WHERE id = 1", params![])?.get(0)
}

/// Saves the settings and tiers, unless somebody else has changed them since `programme.version` was read, and tells the
/// other servers. Returns whether they were saved.
pub fn save(tx: &mut Tx, programme: &Programme) -> Result<bool, DbError> {
    let saved = tx.exec(
        "UPDATE programme SET name = $1, currency = $2, site_url = $3, support_email = $4, support_telegram = $5,
                minimum_withdrawal = $6, hold_days = $7, window_days = $8, link_rule = $9, claim_days = $10,
                approval_from = $11, cooling_hours = $12, payer_name = $13, payer_iban = $14, payer_bic = $15,
                staff_chat = $16, click_days = $17, more_sites = $18, version = version + 1
         WHERE id = 1 AND version = $19",
        params![
            &programme.name,
            programme.currency.code(),
            &programme.site_url,
            &programme.support_email,
            &programme.support_telegram,
            programme.minimum_withdrawal.minor(),
            programme.hold_days,
            programme.window_days,
            programme.link_rule.as_str(),
            programme.claim_days,
            programme.approval_from.map(Money::minor),
            programme.cooling_hours,
            &programme.payer_name,
            &programme.payer_iban,
            &programme.payer_bic,
            &programme.staff_chat,
            programme.click_days,
            &programme.more_sites,
            programme.version
        ],
    )?;
    if saved == 1 {
        tx.later("DELETE FROM tier", params![])?;
        write_tiers(tx, &programme.tiers)?;
        tx.notify(Topic::Programme)?;
    }
    Ok(saved == 1)
}

fn write_tiers(tx: &mut Tx, tiers: &Tiers) -> Result<(), DbError> {
    for tier in tiers.as_slice() {
        tx.later(
            "INSERT INTO tier (from_volume, rate_bp) VALUES ($1, $2)",
            params![tier.from.minor(), tier.rate.basis_points()],
        )?;
    }
    Ok(())
}
