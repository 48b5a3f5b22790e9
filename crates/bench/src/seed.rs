//! Data to measure on, the same in every database: made by the server's own operations with identifiers that are drawn
//! in the same order each time, so that rows that were recorded in one database fit into another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use domain::{
    attribution::Method,
    clock::{Clock, Timestamp},
    ids::Ids,
    money::Money,
    permission::Role,
    referral_code::ReferralCode,
    text::{Email, Name},
};
use server::{
    app::Env,
    ops::{Actor, accounts, clients, deals, sessions, staff},
    real::SystemClock,
};
use store::{
    Db, Tx,
    clients::{NewAttribution, NewClient},
    deals::NewEvent,
    partners::PartnerDay,
};

/// How many clients are made in one transaction. Few: within one, SQLite's savepoints get slower with each page that it has
/// changed, since its journal in memory is a list that is walked for each statement.
const BATCH: i64 = 200;
/// What each deal comes to, in minor units.
pub const AMOUNT: i64 = 124_000;

/// Identifiers that nobody has to be unable to guess: xorshift64*, from the same beginning.
#[derive(Debug)]
struct Drawn(AtomicU64);

impl Ids for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut state = self.0.load(Ordering::Relaxed);
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            self.0.store(state, Ordering::Relaxed);
            *byte = (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8;
        }
    }
}

/// A partner to measure with.
#[derive(Debug, Clone)]
pub struct Partner {
    /// The account's identifier.
    pub id: String,
    /// The code of the partner's link.
    pub code: ReferralCode,
    /// The secret of a session.
    pub session: String,
}

/// What is in the database.
pub struct Seed {
    /// The open database; closed by [`Seed::close`].
    pub db: Db,
    /// The partners. Each has one client with a won deal.
    pub partners: Vec<Partner>,
    /// The secret of a session of somebody in sales.
    pub staff_session: String,
    /// The number of the last client and the last deal.
    pub last: (i64, i64),
    now: Timestamp,
    ids: Arc<dyn Ids>,
    staff: Actor,
}

/// The moment at which everything in the data happens, taken once: two databases made in one run are alike.
pub fn now() -> Timestamp {
    SystemClock.now()
}

impl Seed {
    /// Makes partners in an empty database.
    pub fn make(url: &str, partners: i64, now: Timestamp) -> Result<Seed> {
        let db = Db::open(url, store::Options::default())?;
        let ids: Arc<dyn Ids> = Arc::new(Drawn(AtomicU64::new(0x9E37_79B9_7F4A_7C15)));
        let env = env(&db, &ids, now)?;
        let made = db.write_blocking(move |tx| {
            let email = Email::parse("sales@example.com").context("an address")?;
            let name = Name::parse("Sales").context("a name")?;
            let id = staff::add(tx, &env, &Actor::server(), &name, &email, Role::Admin, Some("!"))?;
            let session = sessions::open(tx, &env, &id, "bench", None)?;
            let staff = Actor { id, name: name.to_string(), role: "admin" };
            let mut made = Vec::new();
            for number in 1..=partners {
                // In turn, so that each chain of the audit has its first record.
                let env = Env { audit_chain: number % store::audit::CHAINS, ..env.clone() };
                made.push(partner(tx, &env, &staff, number)?);
            }
            let last = made.last().map_or((0, 0), |(_, last)| *last);
            let partners: Vec<_> = made.into_iter().map(|(partner, _)| partner).collect();
            Ok::<_, anyhow::Error>((partners, session, staff, last))
        });
        let (partners, staff_session, staff, last) = made?;
        Ok(Seed { db, partners, staff_session, last, now, ids, staff })
    }

    /// Adds clients with a pending deal each, to the partners in turn.
    pub fn pending(&mut self, count: i64, what: &str) -> Result<()> {
        let partners: Vec<Partner> = self.partners.clone();
        self.clients_of(&partners, count, what)
    }

    /// Adds clients with a pending deal each, to these partners in turn.
    pub fn clients_of(&mut self, partners: &[Partner], count: i64, what: &str) -> Result<()> {
        let mut done = 0;
        while done < count {
            let batch = BATCH.min(count - done);
            let (env, partners, first) = (env(&self.db, &self.ids, self.now)?, partners.to_vec(), done);
            self.last = self.db.write_blocking(move |tx| {
                Ok::<_, anyhow::Error>(clients_in_turn(tx, &env, &partners, first, batch)?)
            })?;
            done += batch;
            if done % (BATCH * 250) == 0 || done == count {
                println!("  {what}: {done} of {count}");
            }
        }
        Ok(())
    }

    /// Receives a form from a client of the first partner, as the contact form does.
    pub fn receive(&self, number: i64) -> Result<()> {
        let (env, code) = (env(&self.db, &self.ids, self.now)?, self.partners[0].code);
        Ok(self.db.write_blocking(move |tx| clients::receive(tx, &env, &contact(number, code)).map(drop))?)
    }

    /// Wins a deal.
    pub fn win(&self, number: i64) -> Result<()> {
        let (env, by) = (env(&self.db, &self.ids, self.now)?, self.staff.clone());
        Ok(self.db.write_blocking(move |tx| deals::win(tx, &env, &by, number, Money::from_minor(AMOUNT)))?)
    }

    /// Notes what happened to a partner on each day of a year.
    pub fn year_of(&self, partner: &Partner, clicks: i64) -> Result<()> {
        let (id, now) = (partner.id.clone(), self.now);
        let work = move |tx: &mut Tx| {
            for back in 0..365 {
                let day = PartnerDay {
                    day: domain::clock::Day(now.day().0 - back),
                    clicks: clicks / 365,
                    automatic: 0,
                    clients: 1,
                    profit: Money::ZERO,
                };
                store::partners::add_to_day(tx, &id, day)?;
            }
            Ok::<_, store::DbError>(())
        };
        Ok(self.db.write_blocking(work)?)
    }

    /// The identifiers of the partners.
    pub fn partner_ids(&self) -> Vec<String> {
        self.partners.iter().map(|partner| partner.id.clone()).collect()
    }

    /// The codes of the partners.
    pub fn codes(&self) -> Vec<String> {
        self.partners.iter().map(|partner| partner.code.to_string()).collect()
    }

    /// Lets go of the database.
    pub fn close(&self) {
        self.db.close();
    }
}

fn env(db: &Db, ids: &Arc<dyn Ids>, now: Timestamp) -> Result<Env> {
    let programme = Arc::new(db.write_blocking(store::programme::load_or_create)?);
    Ok(Env::alone(now, ids.clone(), programme, "http://127.0.0.1"))
}

/// A partner who has signed up and had a client, whose deal was won: every counter has its row.
fn partner(tx: &mut Tx, env: &Env, staff: &Actor, number: i64) -> Result<(Partner, (i64, i64))> {
    let input = accounts::SignUp {
        name: Name::parse(&format!("Partner {number}")).context("a name")?,
        email: Email::parse(&format!("partner-{number}@example.com")).context("an address")?,
        password_hash: "!".into(),
        user_agent: "bench".into(),
    };
    let signed_up = accounts::sign_up(tx, env, &input)?;
    let received = clients::receive(tx, env, &contact(-number, signed_up.code))?;
    let deal =
        store::deals::of_client(tx, received.client_number)?.first().context("the client's deal")?.number;
    deals::win(tx, env, staff, deal, Money::from_minor(AMOUNT))?;
    let partner = Partner { id: signed_up.partner_id, code: signed_up.code, session: signed_up.token };
    Ok((partner, (received.client_number, deal)))
}

/// A form as the load sends it.
fn contact(number: i64, code: ReferralCode) -> clients::Contact {
    let reading = ReferralCode::read(&code.to_string());
    clients::Contact {
        name: format!("Client {number}"),
        email: format!("client-{}@example.net", number.abs()),
        phone: "+49 30 1234567".into(),
        telegram: String::new(),
        message: "We would like an offer for twelve seats.".into(),
        submission: Some(format!("00000000-0000-7000-8000-{number:012}")),
        typed: None,
        carried: reading,
        cookie: None,
        source: domain::source::Source::UNKNOWN,
        external_id: None,
        deal_external_id: None,
    }
}

fn clients_in_turn(
    tx: &mut Tx,
    env: &Env,
    partners: &[Partner],
    first: i64,
    count: i64,
) -> Result<(i64, i64), store::DbError> {
    let length = i64::try_from(partners.len()).unwrap_or(1);
    let mut last = (0, 0);
    for nth in first..first + count {
        let partner = &partners[usize::try_from(nth % length).unwrap_or(0)];
        let name = format!("Client {nth}");
        let client = NewClient {
            name: name.clone(),
            email: format!("pending-{nth}@example.net"),
            partner_id: Some(partner.id.clone()),
            ..NewClient::default()
        };
        let number = store::clients::insert(tx, &client, env.now)?.unwrap_or(0);
        let attribution = NewAttribution {
            id: env.ids.uuid(env.now),
            client_number: number,
            partner_id: Some(&partner.id),
            method: Method::Link,
            code: Some(partner.code.to_string()),
            repaired_from: None,
            decided_by: None,
            reason: None,
            claim: None,
            evidence: "",
        };
        store::clients::insert_attribution(tx, &attribution, env.now)?;
        let deal = store::deals::insert(tx, number, &name, "", Some(&partner.id), env.now)?;
        let event = NewEvent {
            id: env.ids.uuid(env.now),
            deal_number: deal,
            kind: "created",
            actor_id: None,
            amount: None,
            reason: None,
        };
        store::deals::insert_event(tx, &event, env.now)?;
        last = (number, deal);
    }
    for (at, partner) in (0..).zip(partners) {
        let clients = (first..first + count).filter(|nth| nth % length == at).count();
        add_clients(tx, partner, i64::try_from(clients).unwrap_or(0), env.now)?;
    }
    Ok(last)
}

fn add_clients(tx: &mut Tx, partner: &Partner, clients: i64, now: Timestamp) -> Result<(), store::DbError> {
    store::partners::add_totals(tx, &partner.id, clients, 0, Money::ZERO)?;
    let day = PartnerDay { clients, ..PartnerDay::empty(now.day()) };
    store::partners::add_to_day(tx, &partner.id, day)
}
