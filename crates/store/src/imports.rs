//! Taking over from another system: what is known already, and writing much at once.
//!
//! Reading goes by pages over whole tables, into the memory of a program that does nothing else. Writing takes rows that
//! were checked against all that before, a few hundred in one statement's breath; a refusal here is somebody else's doing
//! at the same moment, and fails everything.

use domain::{
    alias::{Alias, AliasKind},
    attribution::Method,
    claim::keys::Keys,
    clock::Timestamp,
    deal::DealStatus,
    import::Kind,
    money::Money,
    rate::Rate,
    referral_code::ReferralCode,
    search,
};

use crate::{DbError, Tx, Value, params};

/// How many rows of a table are read at a time.
const PAGE: i64 = 5_000;

/// How many rows stand in one statement. Each statement costs a database more than a row does.
const ROWS: usize = 50;

/// Inserts rows into columns of a table, many in one statement.
fn insert(tx: &mut Tx, into: &str, rows: &[Vec<Value>]) -> Result<(), DbError> {
    insert_or(tx, into, "", rows)
}

fn insert_or(tx: &mut Tx, into: &str, otherwise: &str, rows: &[Vec<Value>]) -> Result<(), DbError> {
    let width = rows.first().map_or(0, Vec::len);
    let sql = |rows: usize| {
        let row = |row: usize| {
            let places: Vec<String> =
                (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let places: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO {into} VALUES {} {otherwise}", places.join(", "))
    };
    let (full, rest) = rows.split_at(rows.len() - rows.len() % ROWS);
    let together: Vec<Vec<Value>> = full.chunks(ROWS).map(<[Vec<Value>]>::concat).collect();
    for (count, rows) in [(ROWS, together.as_slice()), (1, rest)] {
        if !rows.is_empty() {
            tx.many(&sql(count), rows)?;
        }
    }
    Ok(())
}

/// A row that was taken over before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Of which file.
    pub kind: Kind,
    /// What the old system calls it.
    pub old_id: String,
    /// What it became.
    pub new_id: String,
    /// The beginning of the hash of the row as it was; empty where nothing is known of that.
    pub fingerprint: String,
}

/// What the systems are called from which rows were taken over.
pub fn sources(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let rows = tx.all("SELECT DISTINCT source FROM import_row ORDER BY source", &[])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Everything that was taken over from a source before.
pub fn known(tx: &mut Tx, source: &str) -> Result<Vec<Known>, DbError> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let mut after = String::new();
        loop {
            let rows = tx.all(
                "SELECT old_id, new_id, fingerprint FROM import_row
                 WHERE source = $1 AND kind = $2 AND old_id > $3 ORDER BY old_id LIMIT $4",
                params![source, kind.as_str(), &after, PAGE],
            )?;
            for row in &rows {
                after = row.get(0)?;
                let (new_id, fingerprint) = (row.get(1)?, row.get(2)?);
                all.push(Known { kind, old_id: after.clone(), new_id, fingerprint });
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
    }
    Ok(all)
}

/// Notes what rows became.
pub fn note(tx: &mut Tx, source: &str, rows: &[Known], now: Timestamp) -> Result<(), DbError> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let kind = row.kind.as_str();
            params![source, kind, &row.old_id, &row.new_id, &row.fingerprint, now.micros()].to_vec()
        })
        .collect();
    insert(tx, "import_row (source, kind, old_id, new_id, fingerprint, at)", &rows)?;
    Ok(())
}

/// An account, as whoever takes over partners has to know it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Its identifier.
    pub id: String,
    /// The email address as compared.
    pub email_key: String,
    /// A partner's code; none for anybody else.
    pub code: Option<ReferralCode>,
    /// There is a password, but nobody has confirmed the address.
    pub is_unproven: bool,
    /// The person was erased.
    pub is_erased: bool,
}

/// Every account.
pub fn holders(tx: &mut Tx) -> Result<Vec<Holder>, DbError> {
    let mut all: Vec<Holder> = Vec::new();
    let mut after = String::new();
    loop {
        let rows = tx.all(
            "SELECT a.id, a.email_key, p.code,
                CASE WHEN a.password_hash IS NOT NULL AND a.email_confirmed_at IS NULL THEN 1 ELSE 0 END,
                CASE WHEN p.erased_at IS NOT NULL THEN 1 ELSE 0 END
             FROM account a LEFT JOIN partner p ON p.id = a.id
             WHERE a.email_key > $1 ORDER BY a.email_key LIMIT $2",
            params![&after, PAGE],
        )?;
        for row in &rows {
            after = row.get(1)?;
            let code: Option<String> = row.get(2)?;
            let code = code.and_then(|code| ReferralCode::read(&code)).map(|reading| reading.code);
            let (is_unproven, is_erased) = (row.get::<i64>(3)? == 1, row.get::<i64>(4)? == 1);
            all.push(Holder { id: row.get(0)?, email_key: after.clone(), code, is_unproven, is_erased });
        }
        if (rows.len() as i64) < PAGE {
            return Ok(all);
        }
    }
}

/// A client, as whoever takes over clients and deals has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The client number.
    pub number: i64,
    /// What the client is called.
    pub name: String,
    /// Whose client it is.
    pub partner_id: Option<String>,
    /// The person was erased.
    pub is_erased: bool,
}

/// The clients who were erased.
pub fn erased_clients(tx: &mut Tx) -> Result<Vec<i64>, DbError> {
    let rows = tx.all("SELECT number FROM client WHERE erased_at IS NOT NULL", &[])?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every client with the email address (as compared, or empty) and the name.
pub fn contacts(tx: &mut Tx) -> Result<Vec<(i64, String, String)>, DbError> {
    let mut all: Vec<(i64, String, String)> = Vec::new();
    loop {
        let after = all.last().map_or(0, |(number, ..)| *number);
        let rows = tx.all(
            "SELECT number, email_key, name FROM client WHERE number > $1 ORDER BY number LIMIT $2",
            params![after, PAGE],
        )?;
        for row in &rows {
            all.push((row.get(0)?, row.get::<Option<String>>(1)?.unwrap_or_default(), row.get(2)?));
        }
        if (rows.len() as i64) < PAGE {
            return Ok(all);
        }
    }
}

/// What a partner has sold; zero for whoever isn't here yet.
pub fn volume(tx: &mut Tx, partner_id: &str) -> Result<Money, DbError> {
    let row = tx.opt("SELECT volume FROM partner_totals WHERE partner_id = $1", params![partner_id])?;
    row.map_or(Ok(Money::ZERO), |row| Ok(Money::from_minor(row.get(0)?)))
}

/// The clients that the company's own system knows, by its identifiers.
pub fn external_clients(tx: &mut Tx) -> Result<Vec<(String, i64)>, DbError> {
    external(
        tx,
        "SELECT external_id, number FROM client WHERE external_id IS NOT NULL AND number > $1 ORDER BY number LIMIT $2",
    )
}

/// The deals that the company's own system knows, by its identifiers.
pub fn external_deals(tx: &mut Tx) -> Result<Vec<(String, i64)>, DbError> {
    external(
        tx,
        "SELECT external_id, number FROM deal WHERE external_id IS NOT NULL AND number > $1 ORDER BY number LIMIT $2",
    )
}

fn external(tx: &mut Tx, sql: &str) -> Result<Vec<(String, i64)>, DbError> {
    let mut all: Vec<(String, i64)> = Vec::new();
    loop {
        let after = all.last().map_or(0, |(_, number)| *number);
        let rows = tx.all(sql, params![after, PAGE])?;
        for row in &rows {
            all.push((row.get(0)?, row.get(1)?));
        }
        if (rows.len() as i64) < PAGE {
            return Ok(all);
        }
    }
}

/// The client of a number, locked against being given to somebody else meanwhile.
pub fn held(tx: &mut Tx, number: i64) -> Result<Option<Held>, DbError> {
    let row = tx.opt(
        "SELECT number, name, partner_id, erased_at FROM client WHERE number = $1 {for_update}",
        params![number],
    )?;
    row.map(|row| {
        let is_erased = row.get::<Option<i64>>(3)?.is_some();
        Ok(Held { number: row.get(0)?, name: row.get(1)?, partner_id: row.get(2)?, is_erased })
    })
    .transpose()
}

/// The numbers of the clients with an email address (as compared); two are enough to know that it is no name for one.
pub fn by_email_key(tx: &mut Tx, email_key: &str) -> Result<Vec<i64>, DbError> {
    let rows = tx.all(
        "SELECT number FROM client WHERE email_key = $1 AND email_key <> '' LIMIT 2",
        params![email_key],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// A table whose rows are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// Clients.
    Client,
    /// Deals.
    Deal,
}

/// Numbers that nobody else is given. What is only tried takes none: PostgreSQL doesn't give a number a second time,
/// whatever became of the first, and people would find thousands missing. `tried` numbers are far above all that were given.
pub fn numbers(tx: &mut Tx, of: Numbered, count: usize, tried: bool) -> Result<Vec<i64>, DbError> {
    const FAR_ABOVE: i64 = 1 << 52;
    if tried {
        return Ok((0..count as i64).map(|number| FAR_ABOVE + number).collect());
    }
    let mut numbers = Vec::with_capacity(count);
    let (table, column) = match of {
        Numbered::Client => ("client", "number"),
        Numbered::Deal => ("deal", "number"),
    };
    if count > 0 {
        let sql = tx.dialect().next_numbers(table, column);
        for row in tx.all(&sql, params![count as i64])? {
            numbers.push(row.get(0)?);
        }
    }
    Ok(numbers)
}

/// A partner to be made. The person has no password and gets in as one does who has forgotten it.
#[derive(Debug, Clone)]
pub struct NewPartner {
    /// A fresh identifier.
    pub id: String,
    /// What the partner is called.
    pub name: String,
    /// The partner's address.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// A code that nobody has.
    pub code: ReferralCode,
    /// The rate agreed on.
    pub rate: Option<Rate>,
    /// Why the partner is suspended, if so.
    pub suspended: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Makes partners.
pub fn insert_partners(tx: &mut Tx, partners: &[NewPartner], now: Timestamp) -> Result<(), DbError> {
    let accounts: Vec<_> = partners
        .iter()
        .map(|one| {
            params![&one.id, "partner", &one.name, &one.email, &one.email_key, one.created_at.micros()]
                .to_vec()
        })
        .collect();
    insert(tx, "account (id, kind, name, email, email_key, created_at)", &accounts)?;
    let rows: Vec<_> = partners
        .iter()
        .map(|one| {
            let search = format!("{}\n{}\n{}", one.name, one.email, one.code).to_lowercase();
            params![
                &one.id,
                one.code.to_string(),
                one.suspended.as_ref().map(|_| now.micros()),
                one.suspended.clone(),
                one.rate.map(Rate::basis_points),
                search
            ]
            .to_vec()
        })
        .collect();
    insert(tx, "partner (id, code, suspended_at, suspended_reason, agreed_rate_bp, search)", &rows)?;
    let totals: Vec<_> = partners.iter().map(|one| params![&one.id, 0, 0, 0].to_vec()).collect();
    insert(tx, "partner_totals (partner_id, clients, deals_won, volume)", &totals)?;
    Ok(())
}

/// Gives partners the words of their old links, for ever. None of them is anybody's yet.
pub fn insert_aliases(tx: &mut Tx, words: &[(Alias, String)], now: Timestamp) -> Result<(), DbError> {
    let rows: Vec<_> = words
        .iter()
        .map(|(word, id)| {
            params![word.as_str(), word.look(), id, AliasKind::Imported.as_str(), now.micros()].to_vec()
        })
        .collect();
    insert(tx, "partner_alias (alias, look, partner_id, kind, created_at)", &rows)?;
    // So that the office finds the partner by it.
    let found: Vec<_> = words.iter().map(|(word, id)| params![word.as_str(), id].to_vec()).collect();
    tx.many("UPDATE partner SET search = search || ' ' || $1 WHERE id = $2", &found)?;
    Ok(())
}

/// A client to be made.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// One of [`numbers`].
    pub number: i64,
    /// What the client is called.
    pub name: String,
    /// Email address, or empty.
    pub email: String,
    /// Phone number, or empty.
    pub phone: String,
    /// Telegram account, or empty.
    pub telegram: String,
    /// What the client wrote, or empty.
    pub message: String,
    /// Whose client it is, with a fresh identifier for the decision.
    pub partner: Option<(String, String)>,
    /// When the client came.
    pub created_at: Timestamp,
    /// What the company's own system calls the client.
    pub external_id: Option<String>,
}

/// Makes clients, with what they are searched and found by, and the decision on whose they are with its reason.
pub fn insert_clients(tx: &mut Tx, clients: &[NewClient], reason: &str) -> Result<(), DbError> {
    let (mut rows, mut words, mut decisions) = (Vec::new(), Vec::new(), Vec::new());
    for client in clients {
        let own = search::words(&client.name, &client.email, &client.phone, &client.telegram);
        let keys = Keys::of(&client.name, &client.email, &client.phone, &client.telegram);
        let partner_id = client.partner.as_ref().map(|(id, _)| id.clone());
        rows.push(
            params![
                client.number,
                &client.name,
                &client.email,
                &client.phone,
                &client.telegram,
                &client.message,
                partner_id,
                client.created_at.micros(),
                search::as_text(&own),
                keys.email,
                keys.phone,
                keys.telegram,
                keys.name,
                client.external_id.clone(),
                1
            ]
            .to_vec(),
        );
        words.extend(own.iter().map(|word| params![word, client.number].to_vec()));
        if let Some((partner_id, id)) = &client.partner {
            let (at, method) = (client.created_at.micros(), Method::Staff.as_str());
            decisions.push(params![id, client.number, at, partner_id, method, reason].to_vec());
        }
    }
    insert(
        tx,
        "client (number, name, email, phone, telegram, message, partner_id, created_at, search, email_key, phone_key, telegram_key, name_key, external_id, has_words)",
        &rows,
    )?;
    insert_or(tx, "client_word (word, number)", "ON CONFLICT DO NOTHING", &words)?;
    insert(tx, "attribution (id, client_number, at, partner_id, method, reason)", &decisions)?;
    Ok(())
}

/// A deal to be made.
#[derive(Debug, Clone)]
pub struct NewDeal {
    /// One of [`numbers`].
    pub number: i64,
    /// The client it is negotiated with.
    pub client_number: i64,
    /// What the client is called.
    pub client_name: String,
    /// What it is about, or empty.
    pub title: String,
    /// Where it stands.
    pub status: DealStatus,
    /// The partner whom the client belongs to.
    pub partner_id: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// What it came to and what the old system had settled for it, if it is won.
    pub won: Option<(Money, Money)>,
    /// Why it was lost, or what there is to say about the settlement.
    pub reason: String,
    /// What the company's own system calls the deal.
    pub external_id: Option<String>,
    /// Fresh identifiers for its history: being opened, being closed.
    pub events: [String; 2],
}

/// Makes deals with their history.
pub fn insert_deals(tx: &mut Tx, deals: &[NewDeal]) -> Result<(), DbError> {
    let (mut rows, mut events) = (Vec::new(), Vec::new());
    for deal in deals {
        let closed = deal.closed_at.map(Timestamp::micros);
        let created = deal.created_at.micros();
        let [opened_id, closed_id] = &deal.events;
        let (won, lost) = (deal.status == DealStatus::Won, deal.status == DealStatus::Lost);
        let (amount, settled) = deal.won.map(|(amount, settled)| (amount.minor(), settled.minor())).unzip();
        rows.push(
            params![
                deal.number,
                deal.client_number,
                &deal.title,
                deal.status.as_str(),
                deal.partner_id.clone(),
                created,
                closed.unwrap_or(created),
                lost.then(|| deal.reason.clone()),
                i64::from(won),
                closed.filter(|_| won),
                amount,
                settled,
                won.then(|| deal.reason.clone()),
                deal.client_name.to_lowercase(),
                deal.external_id.clone()
            ]
            .to_vec(),
        );
        events
            .push(params![opened_id, deal.number, created, "created", None::<i64>, None::<String>].to_vec());
        if let Some(at) = closed {
            let reason = Some(deal.reason.clone());
            events.push(params![closed_id, deal.number, at, deal.status.as_str(), amount, reason].to_vec());
        }
    }
    insert(
        tx,
        "deal (number, client_number, title, status, partner_id, created_at, changed_at, lost_reason, win_round, won_at, amount, settled, commission_reason, client_search, external_id)",
        &rows,
    )?;
    insert(tx, "deal_event (id, deal_number, at, kind, amount, reason)", &events)?;
    Ok(())
}
