//! What each row becomes: held against what was imported before, against who is here, and against the other rows. Nothing
//! is written, so that everything that is wrong is told before anything is.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    alias::Alias,
    clock::{Day, Timestamp},
    deal::DealStatus,
    import::{BalanceRow, ClientRow, DealRow, Kind, PartnerRow, Settled},
    money::{Currency, Money},
    referral_code::ReferralCode,
};
use sha2::{Digest, Sha256};
use store::{
    DbError, Tx, aliases,
    imports::{self, Held, Known, NewClient, NewDeal, NewPartner, Numbered},
};

use super::{
    Order, Parsed, Step,
    elsewhere::Elsewhere,
    files::At,
    hex,
    report::{Problem, Report},
};
use crate::app::Env;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) partners: Vec<NewPartner>,
    /// Words of old links and whose they are.
    pub(super) aliases: Vec<(Alias, String)>,
    pub(super) clients: Vec<NewClient>,
    pub(super) deals: Vec<NewDeal>,
    /// Partner and amount.
    pub(super) balances: Vec<(String, Money)>,
    /// What is noted about rows, by file.
    pub(super) notes: Vec<Known>,
    /// Clients, won deals and volume that partners gain.
    pub(super) totals: BTreeMap<String, (i64, i64, Money)>,
    /// Won deals of clients who were here before, who may have come from a place that is counted: partner, client, day.
    pub(super) won_before: Vec<(String, i64, Day)>,
    /// Clients by partner and day.
    pub(super) days: BTreeMap<(String, Day), i64>,
}

/// A partner that rows can mean.
#[derive(Debug, Clone)]
struct Partner {
    id: String,
}

/// A client that rows can mean.
type Client = Held;

/// What is looked up while rows are planned.
struct Planner<'a> {
    env: &'a Env,
    order: &'a Order,
    parsed: &'a Parsed,
    report: &'a mut Report,
    plan: Plan,
    /// Rows imported before.
    known: HashMap<(Kind, String), (String, String)>,
    /// Rows of these files by their identifiers, to find those that stand there twice.
    seen: HashMap<(Kind, String), u64>,
    by_email: HashMap<String, Option<Partner>>,
    by_old_id: HashMap<String, Partner>,
    by_code: HashMap<String, Partner>,
    codes: HashSet<ReferralCode>,
    /// Partners who have chosen a password for an address that nobody has confirmed.
    unproven: HashSet<String>,
    aliases: HashMap<Alias, String>,
    clients: HashMap<String, Client>,
    clients_by_email: HashMap<String, Vec<i64>>,
    numbers: HashMap<i64, Client>,
    external_deals: HashMap<String, i64>,
    /// The clients who are new.
    made: HashSet<i64>,
    /// New clients who may have been taken over from another system before.
    twins: HashSet<i64>,
    elsewhere: Elsewhere,
    /// Partners who were erased.
    erased: HashSet<String>,
    /// Clients who were erased.
    erased_clients: HashSet<i64>,
    /// What partners had sold before, of those who are asked for.
    volumes: HashMap<String, Money>,
}

/// How many words of links are read at a time.
const WORDS: i64 = 5_000;

/// How many rows pass between two words about the progress.
const OFTEN: usize = 5_000;

impl Plan {
    pub(super) fn make(
        tx: &mut Tx,
        env: &Env,
        order: &Order,
        parsed: &Parsed,
        report: &mut Report,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Plan, DbError> {
        let mut planner = Planner::new(tx, env, order, parsed, report)?;
        let rows = parsed.partners.len();
        for (done, (at, row)) in parsed.partners.iter().enumerate() {
            tell(progress, "checking partners", done, rows);
            planner.partner(at, row);
        }
        let rows = parsed.clients.len();
        let mut numbers = Vec::new();
        for (done, (at, row)) in parsed.clients.iter().enumerate() {
            tell(progress, "checking clients", done, rows);
            planner.client(at, row, done as i64);
        }
        if planner.report.problem_count() == 0 {
            numbers = imports::numbers(tx, Numbered::Client, planner.plan.clients.len(), order.dry_run)?;
        }
        planner.number_clients(&numbers);
        let rows = parsed.deals.len();
        for (done, (at, row)) in parsed.deals.iter().enumerate() {
            tell(progress, "checking deals", done, rows);
            planner.deal(tx, at, row)?;
        }
        planner.open_deals();
        for (at, row) in &parsed.balances {
            planner.balance(at, row);
        }
        if planner.report.problem_count() == 0 {
            let numbers = imports::numbers(tx, Numbered::Deal, planner.plan.deals.len(), order.dry_run)?;
            planner.number_deals(&numbers);
        }
        Ok(planner.plan)
    }
}

fn tell(progress: &mut dyn FnMut(Step), what: &'static str, done: usize, of: usize) {
    if done.is_multiple_of(OFTEN) {
        progress(Step { what, done, of });
    }
}

/// What a row without an identifier is known by. Hashed, so that what is kept names nobody.
fn known_by(what: &str, text: &str) -> String {
    format!("{what}:{}", hex(&Sha256::digest(text.as_bytes())))
}

fn key(email: &str) -> String {
    email.chars().flat_map(char::to_lowercase).collect()
}

impl<'a> Planner<'a> {
    fn new(
        tx: &mut Tx,
        env: &'a Env,
        order: &'a Order,
        parsed: &'a Parsed,
        report: &'a mut Report,
    ) -> Result<Planner<'a>, DbError> {
        let mut planner = Planner {
            env,
            order,
            parsed,
            report,
            plan: Plan::default(),
            known: HashMap::new(),
            seen: HashMap::new(),
            by_email: HashMap::new(),
            by_old_id: HashMap::new(),
            by_code: HashMap::new(),
            codes: HashSet::new(),
            unproven: HashSet::new(),
            aliases: HashMap::new(),
            clients: HashMap::new(),
            clients_by_email: HashMap::new(),
            numbers: HashMap::new(),
            external_deals: HashMap::new(),
            made: HashSet::new(),
            twins: HashSet::new(),
            elsewhere: Elsewhere::load(tx, &order.source)?,
            erased: HashSet::new(),
            erased_clients: imports::erased_clients(tx)?.into_iter().collect(),
            volumes: HashMap::new(),
        };
        planner.tell_elsewhere();
        for holder in imports::holders(tx)? {
            if holder.is_erased {
                planner.erased.insert(holder.id.clone());
            }
            let partner = holder.code.map(|code| {
                planner.codes.insert(code);
                if holder.is_unproven {
                    planner.unproven.insert(holder.id.clone());
                }
                let partner = Partner { id: holder.id.clone() };
                planner.by_code.insert(code.to_string().to_lowercase(), partner.clone());
                partner
            });
            planner.by_email.insert(holder.email_key, partner);
        }
        planner.load_aliases(tx)?;
        if parsed.has(Kind::Clients) || parsed.has(Kind::Deals) {
            for (external_id, number) in imports::external_clients(tx)? {
                planner.clients.insert(format!("external:{external_id}"), unnamed(number));
            }
            planner.external_deals = imports::external_deals(tx)?.into_iter().collect();
        }
        for known in imports::known(tx, &order.source)? {
            match known.kind {
                Kind::Partners => {
                    planner.by_old_id.insert(known.old_id.clone(), Partner { id: known.new_id.clone() });
                }
                Kind::Clients => {
                    if let Ok(number) = known.new_id.parse() {
                        planner.clients.insert(known.old_id.clone(), unnamed(number));
                    }
                }
                Kind::Deals | Kind::Balances => {}
            }
            planner.known.insert((known.kind, known.old_id), (known.new_id, known.fingerprint));
        }
        Ok(planner)
    }

    fn load_aliases(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        let mut last = String::new();
        loop {
            let words = aliases::after(tx, &last, WORDS)?;
            let is_last = (words.len() as i64) < WORDS;
            for (word, code) in words {
                last = word.to_string();
                if let Some(partner) = self.by_code.get(&code.to_string().to_lowercase()).cloned() {
                    self.aliases.insert(word, partner.id.clone());
                    self.by_code.insert(last.clone(), partner);
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// What was taken over under other names stops everything, unless this name was chosen by somebody.
    fn tell_elsewhere(&mut self) {
        if self.elsewhere.is_empty() {
            return;
        }
        let stops = !self.order.source_given;
        let sentence =
            if stops { self.elsewhere.refusal() } else { self.elsewhere.warning(&self.order.source) };
        let (file, column) = (String::new(), String::new());
        self.report.problems.push(Problem { file, line: 0, column, sentence, stops });
    }

    fn say(&mut self, kind: Kind, at: &At, column: &str, sentence: impl ToString, stops: bool) {
        self.report.problems.push(Problem {
            file: self.parsed.name(kind).to_owned(),
            line: at.line,
            column: column.to_owned(),
            sentence: sentence.to_string(),
            stops,
        });
    }

    /// Whether a row is new; one that was imported before is counted and left alone.
    fn is_new(&mut self, kind: Kind, at: &At, column: &str, old_id: &str) -> bool {
        if let Some(line) = self.seen.insert((kind, old_id.to_owned()), at.line) {
            self.say(
                kind,
                at,
                column,
                format!("The same stands in line {line}. Remove one of the two."),
                true,
            );
            return false;
        }
        let Some((new_id, before)) = self.known.get(&(kind, old_id.to_owned())) else { return true };
        let differs = !before.is_empty() && *before != at.fingerprint;
        let is_erased = match kind {
            Kind::Partners => self.erased.contains(new_id),
            Kind::Clients => new_id.parse().is_ok_and(|number| self.erased_clients.contains(&number)),
            Kind::Deals | Kind::Balances => false,
        };
        self.report.count(kind).known += 1;
        if is_erased {
            self.left_out(kind, at, "", false);
        } else if differs {
            let sentence = "Imported before, and different since. What is here stays as it is.";
            self.say(kind, at, "", sentence, false);
        }
        false
    }

    /// The row is about somebody who was erased.
    fn left_out(&mut self, kind: Kind, at: &At, column: &str, stops: bool) {
        let who = if kind == Kind::Partners { "partner" } else { "client" };
        let done = if stops {
            "Take the line out of the file."
        } else {
            "The line is left out; take it out of the file."
        };
        self.say(kind, at, column, format!("This {who} was erased here. {done}"), stops);
    }

    /// Whether what a row became in another system's name was erased since.
    fn was_erased_elsewhere(&self, kind: Kind, old_id: &str) -> bool {
        self.elsewhere.of_id(kind, old_id).is_some_and(|(_, new_id)| match kind {
            Kind::Partners => self.erased.contains(new_id),
            Kind::Clients => new_id.parse().is_ok_and(|number| self.erased_clients.contains(&number)),
            Kind::Deals | Kind::Balances => false,
        })
    }

    /// Says that somebody with the same identifier in another system was erased. What an email address is known by is the
    /// same person's in every system.
    fn tell_erased_elsewhere(&mut self, kind: Kind, at: &At, column: &str, old_id: &str) {
        if !self.was_erased_elsewhere(kind, old_id) {
            return;
        }
        if kind == Kind::Partners && column == "email" {
            return self.left_out(kind, at, column, true);
        }
        let source = self.elsewhere.of_id(kind, old_id).map_or(String::new(), |(source, _)| source.clone());
        let sentence = format!(
            "Whoever has this id in {source} was erased here. Take the line out of the file if this is the same person."
        );
        self.say(kind, at, column, sentence, false);
    }

    fn note(&mut self, kind: Kind, at: &At, old_id: String, new_id: String) {
        self.plan.notes.push(Known { kind, old_id, new_id, fingerprint: at.fingerprint.clone() });
    }

    fn partner(&mut self, at: &At, row: &PartnerRow) {
        let kind = Kind::Partners;
        let email_key = row.email.key();
        let old_id = if row.id.is_empty() { known_by("email", &email_key) } else { row.id.clone() };
        let column = if row.id.is_empty() { "email" } else { "id" };
        if !self.is_new(kind, at, column, &old_id) {
            self.remember(row, &old_id);
            return;
        }
        self.tell_erased_elsewhere(kind, at, column, &old_id);
        let id = match self.by_email.get(&email_key) {
            Some(None) => {
                let sentence = "This email address is a member of staff's, who can't be a partner as well.";
                return self.say(kind, at, "email", sentence, true);
            }
            Some(Some(partner)) => {
                let id = partner.id.clone();
                if self.plan.partners.iter().any(|new| new.id == id) {
                    let sentence =
                        "Another line of this file has the same email address. Remove one of the two.";
                    return self.say(kind, at, "email", sentence, true);
                }
                if self.unproven.contains(&id) {
                    let sentence = "Somebody has signed up with this email address and never confirmed it. Whoever that is \
                                    would get what is this partner's: have the address confirmed, or erase that partner, first.";
                    return self.say(kind, at, "email", sentence, true);
                }
                let sentence =
                    "This partner is here already and stays as they are; the row is joined to them.";
                self.say(kind, at, "email", sentence, false);
                self.report.count(kind).known += 1;
                id
            }
            None => self.new_partner(row, email_key.clone()),
        };
        self.by_email.insert(email_key, Some(Partner { id: id.clone() }));
        for code in &row.codes {
            self.alias(at, code, &id);
        }
        self.note(kind, at, old_id.clone(), id);
        self.remember(row, &old_id);
    }

    /// Keeps an old code working.
    fn alias(&mut self, at: &At, code: &str, id: &str) {
        let Some(word) = Alias::read(code) else {
            let sentence = format!(
                "{} can't stand in a link: a code has 2 to 64 letters from a to z, digits and . - _ ~ between them.",
                quoted(code)
            );
            return self.say(Kind::Partners, at, "code", sentence, true);
        };
        let reading = ReferralCode::read(word.as_str()).filter(|reading| reading.repaired_from.is_none());
        let is_code = reading.is_some_and(|reading| self.codes.contains(&reading.code));
        match self.aliases.get(&word) {
            None if is_code => {
                let sentence = format!("{} is the code of a partner who is here.", quoted(code));
                self.say(Kind::Partners, at, "code", sentence, true);
            }
            Some(owner) if owner == id => {}
            Some(_) => {
                let sentence = format!(
                    "{} is another partner's already; upper and lower case are the same.",
                    quoted(code)
                );
                self.say(Kind::Partners, at, "code", sentence, true);
            }
            None => {
                self.aliases.insert(word.clone(), id.to_owned());
                self.plan.aliases.push((word, id.to_owned()));
            }
        }
    }

    fn new_partner(&mut self, row: &PartnerRow, email_key: String) -> String {
        let created_at = row.joined_at.unwrap_or(self.env.now);
        let id = self.env.ids.uuid(created_at);
        let suspended = row.suspended.as_ref();
        let suspended =
            suspended.map(|word| format!("{} in {} when imported.", capital(word), self.order.called()));
        let code = self.free_code();
        self.report.count(Kind::Partners).new += 1;
        self.plan.partners.push(NewPartner {
            id: id.clone(),
            name: row.name.to_string(),
            email: row.email.to_string(),
            email_key,
            code,
            rate: row.rate,
            suspended,
            created_at,
        });
        id
    }

    /// Keeps under which names rows can mean a partner.
    fn remember(&mut self, row: &PartnerRow, old_id: &str) {
        let before =
            self.known.get(&(Kind::Partners, old_id.to_owned())).map(|(id, _)| Partner { id: id.clone() });
        let Some(partner) = before.or_else(|| self.by_email.get(&row.email.key()).cloned().flatten()) else {
            return;
        };
        // What the file has called the partner since the first time, whoever has the address today.
        self.by_email.insert(row.email.key(), Some(partner.clone()));
        self.by_old_id.insert(old_id.to_owned(), partner.clone());
        for code in &row.codes {
            self.by_code.entry(code.to_lowercase()).or_insert_with(|| partner.clone());
        }
    }

    fn free_code(&mut self) -> ReferralCode {
        loop {
            let mut bytes = [0; 4];
            self.env.ids.fill(&mut bytes);
            let code = ReferralCode::from_number(u32::from_le_bytes(bytes) % (1 << 25));
            let is_word = Alias::read(&code.to_string()).is_some_and(|word| self.aliases.contains_key(&word));
            if !is_word && self.codes.insert(code) {
                return code;
            }
        }
    }

    /// The partner whom a row means: by the old system's identifier, by email address, by a code.
    fn meant(&self, text: &str) -> Option<&Partner> {
        let by_email = || self.by_email.get(&key(text)).and_then(Option::as_ref);
        let by_code = || self.by_code.get(&text.to_lowercase());
        self.by_old_id.get(text).or_else(by_email).or_else(by_code)
    }

    fn client(&mut self, at: &At, row: &ClientRow, place: i64) {
        let kind = Kind::Clients;
        let external = row.external_id.as_ref().map(|id| format!("external:{id}"));
        let old_id = if row.id.is_empty() { external.clone().unwrap_or_default() } else { row.id.clone() };
        let column = if row.id.is_empty() { "external_id" } else { "id" };
        if !self.is_new(kind, at, column, &old_id) {
            return;
        }
        if let Some(there) = external.as_ref().and_then(|external| self.clients.get(external)).cloned() {
            if there.number <= 0 {
                return self.say(
                    kind,
                    at,
                    "external_id",
                    "Another line of this file has the same external_id.",
                    true,
                );
            }
            if self.erased_clients.contains(&there.number) {
                self.left_out(kind, at, "external_id", false);
            } else {
                let sentence =
                    format!("The client with this external_id is here already as C-{}.", there.number);
                self.say(kind, at, "external_id", sentence, false);
            }
            self.report.count(kind).known += 1;
            self.clients.insert(old_id.clone(), there.clone());
            return self.note(kind, at, old_id, there.number.to_string());
        }
        self.tell_erased_elsewhere(kind, at, column, &old_id);
        let partner = if row.partner.is_empty() {
            None
        } else if let Some(partner) = self.meant(&row.partner) {
            let id = partner.id.clone();
            if self.erased.contains(&id) {
                let sentence = format!(
                    "{} was erased here. Leave this empty, so that the client is nobody's, or take the line out.",
                    quoted(&row.partner)
                );
                return self.say(kind, at, "partner", sentence, true);
            }
            Some(id)
        } else {
            let sentence =
                format!("There is no partner {} here or in the partners' file.", quoted(&row.partner));
            return self.say(kind, at, "partner", sentence, true);
        };
        let created_at = row.created_at.unwrap_or(self.env.now);
        // Numbered once all are known to be right. Until then a place below zero, which no client has.
        let number = -1 - place;
        let held = Held { number, name: row.name.clone(), partner_id: partner.clone(), is_erased: false };
        let twin = self.elsewhere.client(&old_id, &at.fingerprint, &key(&row.email), &row.name);
        if let Some(sentence) = twin {
            self.say(kind, at, "", sentence, false);
            self.twins.insert(number);
        }
        self.clients.insert(old_id.clone(), held.clone());
        if let Some(external) = external {
            self.clients.insert(external, held.clone());
        }
        if !row.email.is_empty() {
            self.clients_by_email.entry(key(&row.email)).or_default().push(number);
        }
        self.numbers.insert(number, held);
        if let Some(id) = &partner {
            self.plan.totals.entry(id.clone()).or_default().0 += 1;
            *self.plan.days.entry((id.clone(), created_at.day())).or_default() += 1;
        }
        self.report.count(kind).new += 1;
        self.plan.clients.push(NewClient {
            number,
            name: row.name.clone(),
            email: row.email.clone(),
            phone: row.phone.clone(),
            telegram: row.telegram.clone(),
            message: row.message.clone(),
            partner: partner.map(|id| (id, self.env.ids.uuid(created_at))),
            created_at,
            external_id: row.external_id.clone(),
        });
        self.note(kind, at, old_id, number.to_string());
    }

    /// Gives the new clients their numbers, in the order in which they came.
    fn number_clients(&mut self, numbers: &[i64]) {
        if numbers.is_empty() {
            return;
        }
        self.made = numbers.iter().copied().collect();
        self.plan.clients.sort_by_key(|client| client.created_at);
        let given: HashMap<i64, i64> =
            self.plan.clients.iter().map(|client| client.number).zip(numbers.iter().copied()).collect();
        let new = |number: &mut i64| {
            if let Some(given) = given.get(number) {
                *number = *given;
            }
        };
        self.plan.clients.iter_mut().for_each(|client| new(&mut client.number));
        self.clients.values_mut().for_each(|client| new(&mut client.number));
        self.clients_by_email.values_mut().flatten().for_each(new);
        self.twins = self.twins.iter().map(|number| *given.get(number).unwrap_or(number)).collect();
        self.numbers = std::mem::take(&mut self.numbers)
            .into_values()
            .map(|mut client| {
                new(&mut client.number);
                (client.number, client)
            })
            .collect();
        for note in self.plan.notes.iter_mut().filter(|note| note.kind == Kind::Clients) {
            if let Some(given) = note.new_id.parse().ok().and_then(|number: i64| given.get(&number)) {
                note.new_id = given.to_string();
            }
        }
    }

    /// The client whom a deal means: by the old system's identifier, by external id, by email address.
    fn client_of(&mut self, tx: &mut Tx, text: &str) -> Result<Result<Client, String>, DbError> {
        let by_id = self.clients.get(text).or_else(|| self.clients.get(&format!("external:{text}")));
        let number = match by_id {
            Some(client) => client.number,
            None if text.contains('@') => {
                let mut numbers = self.clients_by_email.get(&key(text)).cloned().unwrap_or_default();
                numbers.extend(imports::by_email_key(tx, &key(text))?);
                match numbers[..] {
                    [] => {
                        return Ok(Err(format!(
                            "There is no client {} here or in the clients' file.",
                            quoted(text)
                        )));
                    }
                    [number] => number,
                    _ => {
                        let sentence =
                            "Several clients have this email address. Write the client's id or external_id.";
                        return Ok(Err(sentence.into()));
                    }
                }
            }
            None => {
                return Ok(Err(format!("There is no client {} here or in the clients' file.", quoted(text))));
            }
        };
        if let Some(client) = self.numbers.get(&number) {
            return Ok(Ok(client.clone()));
        }
        let Some(client) = imports::held(tx, number)? else {
            return Ok(Err(format!("Client C-{number}, whom this means, is not here any more.")));
        };
        self.numbers.insert(number, client.clone());
        Ok(Ok(client))
    }

    fn deal(&mut self, tx: &mut Tx, at: &At, row: &DealRow) -> Result<(), DbError> {
        let kind = Kind::Deals;
        let external = row.external_id.as_ref().map(|id| format!("external:{id}"));
        let old_id = if row.id.is_empty() { external.unwrap_or_default() } else { row.id.clone() };
        let column = if row.id.is_empty() { "external_id" } else { "id" };
        if !self.is_new(kind, at, column, &old_id) {
            return Ok(());
        }
        if let Some(number) = row.external_id.as_ref().and_then(|id| self.external_deals.get(id)).copied() {
            if number < 0 {
                self.say(
                    kind,
                    at,
                    "external_id",
                    "Another line of this file has the same external_id.",
                    true,
                );
                return Ok(());
            }
            let sentence = format!("The deal with this external_id is here already as T-{number}.");
            self.say(kind, at, "external_id", sentence, false);
            self.report.count(kind).known += 1;
            self.note(kind, at, old_id, number.to_string());
            return Ok(());
        }
        let client = match self.client_of(tx, &row.client)? {
            Ok(client) => client,
            Err(sentence) => {
                self.say(kind, at, "client", sentence, true);
                return Ok(());
            }
        };
        if client.is_erased {
            let sentence = format!("{} was erased here. Take the line out.", quoted(&row.client));
            self.say(kind, at, "client", sentence, true);
            return Ok(());
        }
        let is_known =
            self.twins.contains(&client.number) || (client.number > 0 && !self.made.contains(&client.number));
        if let Some(sentence) = self.elsewhere.deal(&old_id, &at.fingerprint, is_known) {
            self.say(kind, at, "", sentence, false);
        }
        if let Some(id) = &row.external_id {
            self.external_deals.insert(id.clone(), -1);
        }
        let closed_at = (row.status != DealStatus::Pending).then(|| row.closed_at.unwrap_or(self.env.now));
        let created_at = row.created_at.or(closed_at).unwrap_or(self.env.now);
        let created_at = closed_at.map_or(created_at, |closed| created_at.min(closed));
        let won = (row.status == DealStatus::Won).then_some((row.amount, row.settled.commission));
        if let (Some((amount, _)), Some(id)) = (won, &client.partner_id) {
            let before = self.volume_before(tx, id)?;
            let (_, deals, volume) = self.plan.totals.entry(id.clone()).or_default();
            let sum = volume.checked_add(amount);
            let all = sum.and_then(|sum| sum.checked_add(before));
            let Some(sum) = sum.filter(|_| all.is_some_and(|all| all.minor() <= domain::money::MAX_MINOR))
            else {
                self.say(
                    kind,
                    at,
                    "amount",
                    "All that this partner has sold comes to more than can be counted.",
                    true,
                );
                return Ok(());
            };
            (*deals, *volume) = (*deals + 1, sum);
            if !self.made.contains(&client.number) {
                let day = closed_at.unwrap_or(self.env.now).day();
                self.plan.won_before.push((id.clone(), client.number, day));
            }
        }
        let reason = match row.status {
            DealStatus::Pending => String::new(),
            DealStatus::Lost if row.reason.is_empty() => format!("Lost in {}.", self.order.called()),
            DealStatus::Lost => row.reason.clone(),
            DealStatus::Won => {
                settled(self.order.called(), &row.settled, self.env.programme.currency, &row.reason)
            }
        };
        self.report.count(kind).new += 1;
        let events = self.events(created_at, closed_at);
        self.push_deal(NewDeal {
            number: 0,
            client_number: client.number,
            client_name: client.name.clone(),
            title: row.title.clone(),
            status: row.status,
            partner_id: client.partner_id.clone(),
            created_at,
            closed_at,
            won,
            reason,
            external_id: row.external_id.clone(),
            events,
        });
        // By its place until it has a number; below zero, as no number is.
        let place = self.plan.deals.len() as i64;
        self.note(kind, at, old_id, (-place).to_string());
        Ok(())
    }

    /// What a partner had sold before this import.
    fn volume_before(&mut self, tx: &mut Tx, id: &str) -> Result<Money, DbError> {
        if let Some(volume) = self.volumes.get(id) {
            return Ok(*volume);
        }
        let volume = imports::volume(tx, id)?;
        self.volumes.insert(id.to_owned(), volume);
        Ok(volume)
    }

    fn events(&self, created_at: Timestamp, closed_at: Option<Timestamp>) -> [String; 2] {
        // A deal is closed after it was opened, also within one moment.
        let closed_at = closed_at.map_or(created_at, |at| at.max(created_at.plus(1)));
        [created_at, closed_at].map(|at| self.env.ids.uuid(at))
    }

    fn push_deal(&mut self, deal: NewDeal) {
        self.plan.deals.push(deal);
    }

    /// Every new client has a deal: one without any in the file has a pending one, like whoever leaves a contact.
    fn open_deals(&mut self) {
        let with: HashSet<i64> = self.plan.deals.iter().map(|deal| deal.client_number).collect();
        let without: Vec<NewDeal> = self
            .plan
            .clients
            .iter()
            .filter(|client| !with.contains(&client.number))
            .map(|client| NewDeal {
                number: 0,
                client_number: client.number,
                client_name: client.name.clone(),
                title: String::new(),
                status: DealStatus::Pending,
                partner_id: client.partner.as_ref().map(|(id, _)| id.clone()),
                created_at: client.created_at,
                closed_at: None,
                won: None,
                reason: String::new(),
                external_id: None,
                events: self.events(client.created_at, None),
            })
            .collect();
        without.into_iter().for_each(|deal| self.push_deal(deal));
    }

    /// Gives the new deals their numbers, in the order in which they were opened.
    fn number_deals(&mut self, numbers: &[i64]) {
        let mut order: Vec<usize> = (0..self.plan.deals.len()).collect();
        order.sort_by_key(|place| self.plan.deals[*place].created_at);
        for (place, number) in order.into_iter().zip(numbers) {
            self.plan.deals[place].number = *number;
        }
        let deals = &self.plan.deals;
        for note in self.plan.notes.iter_mut().filter(|note| note.kind == Kind::Deals) {
            let place = note.new_id.parse().ok().and_then(|place: i64| usize::try_from(-place - 1).ok());
            if let Some(deal) = place.and_then(|place| deals.get(place)) {
                note.new_id = deal.number.to_string();
            }
        }
    }

    fn balance(&mut self, at: &At, row: &BalanceRow) {
        let kind = Kind::Balances;
        let Some(partner) = self.meant(&row.partner) else {
            let sentence =
                format!("There is no partner {} here or in the partners' file.", quoted(&row.partner));
            return self.say(kind, at, "partner", sentence, true);
        };
        let id = partner.id.clone();
        if !self.is_new(kind, at, "partner", &id) {
            return;
        }
        if self.erased.contains(&id) {
            let sentence = format!("{} was erased here. Take the line out.", quoted(&row.partner));
            return self.say(kind, at, "partner", sentence, true);
        }
        if row.amount.is_zero() {
            return;
        }
        if let Some(sentence) = self.elsewhere.balance(&id) {
            self.say(kind, at, "partner", sentence, false);
        }
        self.report.count(kind).new += 1;
        self.plan.balances.push((id.clone(), row.amount));
        self.note(kind, at, id.clone(), id);
    }
}

fn unnamed(number: i64) -> Client {
    Held { number, name: String::new(), partner_id: None, is_erased: false }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).filter(|c| !c.is_control()).collect();
    format!("“{short}”")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Why a won deal has no commission here.
fn settled(called: &str, settled: &Settled, currency: Currency, reason: &str) -> String {
    let rate = settled.rate.map_or(String::new(), |rate| format!(" at {rate}"));
    let what = if settled.known {
        format!(
            "Settled before Goodword: {called} had booked {}{rate}.",
            currency.format_with_symbol(settled.commission)
        )
    } else {
        format!("Settled before Goodword by {called}, which doesn't say with how much.")
    };
    if reason.is_empty() { what } else { format!("{what} {reason}") }
}
