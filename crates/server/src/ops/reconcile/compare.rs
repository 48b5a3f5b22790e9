//! A list is held against the deals here: each of its lines finds its deal, and what is here and not in the list is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    claim::keys::email_key,
    clock::Timestamp,
    deal::DealStatus,
    reconcile::{Difference, Theirs, compare},
    reference::Reference,
};
use store::{
    DbError, Tx,
    deals::Deal,
    reconciliations::{self as stored, Counts, Item, Standing, State},
};

use super::{Reading, Table, UnsetStages, mend::Said, reading::Line};
use crate::app::Env;

/// How many differences of one kind are listed; the rest is counted.
pub const LISTED: usize = 5_000;
/// How many deals are looked up in one statement.
const AT_ONCE: usize = 500;
/// How many deals here are looked through at once.
const PAGE: i64 = 2_000;

/// What came of comparing.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The differences, in the order of the report.
    pub items: Vec<Item>,
    /// What there is to count.
    pub counts: Counts,
}

/// How a line was found to be a deal of ours.
enum Match {
    /// By the CRM's identifier, or by our number.
    Sure(Box<Deal>),
    /// By what is probably the same, as a sentence says.
    Likely(Box<Deal>, String),
    /// It is no deal of ours.
    None,
    /// It can't be said.
    Unclear(String),
}

/// What of a line leads to deals of ours.
#[derive(Default)]
struct Lookup {
    by_external: HashMap<String, Deal>,
    by_number: HashMap<i64, Deal>,
    by_client: HashMap<i64, Vec<Deal>>,
    by_email: HashMap<String, Vec<Deal>>,
}

/// The number that a field of the CRM holds: `T-2077`, `2077`.
fn number(text: &str, read: impl Fn(Reference) -> Option<i64>) -> Option<i64> {
    Reference::read(text).and_then(read)
}

impl Lookup {
    fn of(tx: &mut Tx, lines: &[Line]) -> Result<Lookup, DbError> {
        let mut lookup = Lookup::default();
        let unique = |of: &dyn Fn(&Line) -> String| -> Vec<String> {
            let texts: BTreeSet<String> = lines.iter().map(of).filter(|text| !text.is_empty()).collect();
            texts.into_iter().collect()
        };
        for part in unique(&|line| line.news.deal.clone()).chunks(AT_ONCE) {
            let ids: Vec<&str> = part.iter().map(String::as_str).collect();
            for deal in stored::deals_by_external(tx, &ids)? {
                let id = deal.external_id.clone().unwrap_or_default();
                lookup.by_external.insert(id, deal);
            }
        }
        let numbers = |of: &dyn Fn(&Line) -> Option<i64>| -> Vec<i64> {
            let numbers: BTreeSet<i64> = lines.iter().filter_map(of).collect();
            numbers.into_iter().collect()
        };
        for part in numbers(&|line| number(&line.news.number, Reference::deal)).chunks(AT_ONCE) {
            for deal in stored::deals_by_number(tx, part)? {
                lookup.by_number.insert(deal.number, deal);
            }
        }
        for part in numbers(&|line| number(&line.news.client, Reference::client)).chunks(AT_ONCE) {
            for deal in stored::deals_by_client(tx, part)? {
                lookup.by_client.entry(deal.client_number).or_default().push(deal);
            }
        }
        for part in unique(&|line| email_key(&line.news.email)).chunks(AT_ONCE) {
            let keys: Vec<&str> = part.iter().map(String::as_str).collect();
            for (key, deal) in stored::deals_by_email(tx, &keys)? {
                lookup.by_email.entry(key).or_default().push(deal);
            }
        }
        Ok(lookup)
    }

    /// The deal that a line is about.
    fn find(&self, line: &Line, taken: &BTreeMap<i64, i64>) -> Match {
        let news = &line.news;
        if let Some(deal) = self.by_external.get(&news.deal).filter(|_| !news.deal.is_empty()) {
            return Match::Sure(Box::new(deal.clone()));
        }
        if !news.number.is_empty() {
            let Some(number) = number(&news.number, Reference::deal) else {
                return Match::Unclear(format!(
                    "\"{}\" is no transaction number, such as T-2077.",
                    news.number
                ));
            };
            return match self.by_number.get(&number) {
                None => Match::Unclear(format!("There is no T-{number} here.")),
                Some(Deal { external_id: Some(known), .. }) if !news.deal.is_empty() => {
                    Match::Unclear(format!(
                        "The line names T-{number}, which is known as {known} in the CRM, not as {}.",
                        news.deal
                    ))
                }
                Some(deal) => Match::Sure(Box::new(deal.clone())),
            };
        }
        let free = |deals: Option<&Vec<Deal>>| -> Option<Deal> {
            let mut free =
                deals?.iter().filter(|deal| deal.external_id.is_none() && !taken.contains_key(&deal.number));
            let first = free.next()?;
            free.next().is_none().then(|| first.clone())
        };
        if !news.client.is_empty() {
            let Some(number) = number(&news.client, Reference::client) else {
                return Match::Unclear(format!("\"{}\" is no client number, such as C-1042.", news.client));
            };
            return match free(self.by_client.get(&number)) {
                Some(deal) => {
                    let why = format!(
                        "The line names C-{number}, whose only deal without the CRM's identifier this is."
                    );
                    Match::Likely(Box::new(deal), why)
                }
                None => Match::None,
            };
        }
        match free(self.by_email.get(&email_key(&news.email)).filter(|_| !news.email.is_empty())) {
            Some(deal) => {
                let why = format!(
                    "C-{} has the same email address and no other deal that the CRM could mean.",
                    deal.client_number
                );
                Match::Likely(Box::new(deal), why)
            }
            None => Match::None,
        }
    }
}

/// The report while it is made.
#[derive(Default)]
struct Report {
    found: Found,
    listed: BTreeMap<Difference, usize>,
    /// The deals that a line is about, with the line.
    taken: BTreeMap<i64, i64>,
}

impl Report {
    fn add(&mut self, item: Item) {
        let listed = self.listed.entry(item.difference).or_default();
        if *listed == LISTED {
            self.found.counts.unlisted += 1;
            return;
        }
        *listed += 1;
        self.found.items.push(item);
    }

    fn line(&mut self, line: &Line, lookup: &Lookup, only_named: bool) {
        let (deal, likely) = match lookup.find(line, &self.taken) {
            Match::Unclear(why) => return self.add(told(Difference::Unclear, line, None, why)),
            Match::None => return self.unknown(line, lookup, only_named),
            Match::Sure(deal) => (deal, None),
            Match::Likely(deal, why) => (deal, Some(why)),
        };
        if let Some(other) = self.taken.get(&deal.number) {
            let why = format!("Line {other} is about T-{} too.", deal.number);
            return self.add(told(Difference::Unclear, line, Some(&deal), why));
        }
        self.taken.insert(deal.number, line.line);
        let Some(status) = line.status else { return self.found.counts.same += 1 };
        let amount = match &line.amount {
            Err(why) if status == DealStatus::Won => {
                return self.add(told(Difference::Unclear, line, Some(&deal), why.clone()));
            }
            Ok(None) if status == DealStatus::Won => {
                let why = "The deal is won, and the line says no amount.".to_owned();
                return self.add(told(Difference::Unclear, line, Some(&deal), why));
            }
            Err(_) => None,
            Ok(amount) => *amount,
        };
        let theirs = Theirs { status, amount };
        if let Some(why) = likely {
            let said = Said::why(&line.news);
            let item =
                Item { theirs: Some(theirs), said, ..told(Difference::Unnamed, line, Some(&deal), why) };
            return self.add(item);
        }
        let mut ours = Standing::of(&deal).compared(&deal);
        // Where the list has no identifiers, none is missing.
        ours.named |= line.news.deal.is_empty();
        match compare(&theirs, &ours) {
            None => self.found.counts.same += 1,
            Some(difference) => {
                let said = Said::why(&line.news);
                self.add(Item {
                    theirs: Some(theirs),
                    said,
                    ..told(difference, line, Some(&deal), String::new())
                });
            }
        }
    }

    /// A line whose deal isn't here.
    fn unknown(&mut self, line: &Line, lookup: &Lookup, only_named: bool) {
        let Some(status) = line.status else { return };
        if only_named && line.news.code.is_empty() && line.news.client.is_empty() {
            return;
        }
        let amount = match &line.amount {
            Err(why) if status == DealStatus::Won => {
                return self.add(told(Difference::Unclear, line, None, why.clone()));
            }
            amount => amount.clone().ok().flatten(),
        };
        let theirs = Some(Theirs { status, amount });
        let (said, key) = Said::of(&line.news);
        let twin =
            lookup.by_email.get(&key).and_then(|deals| deals.first()).filter(|_| line.news.client.is_empty());
        let why = twin.map(|deal| {
            format!(
                "C-{} has the same email address; entered here, this is another client.",
                deal.client_number
            )
        });
        let item = told(Difference::MissingHere, line, None, why.unwrap_or_default());
        self.add(Item { theirs, said, email_key: key, ..item });
    }
}

/// A difference as it stands at first.
fn told(difference: Difference, line: &Line, deal: Option<&Deal>, why: String) -> Item {
    Item {
        n: 0,
        difference,
        state: State::Open,
        line: line.line,
        external_id: line.news.deal.chars().take(200).collect(),
        deal_number: deal.map(|deal| deal.number),
        stage: line.news.stage.chars().take(200).collect(),
        theirs: None,
        ours: deal.map(Standing::of),
        said: String::new(),
        email_key: String::new(),
        why,
    }
}

/// Holds a list against the deals here.
///
/// # Errors
/// When the database says no, or stages have no meaning.
pub fn find(
    tx: &mut Tx,
    env: &Env,
    table: &Table,
    reading: &Reading,
    given_at: Timestamp,
) -> Result<Result<Found, UnsetStages>, DbError> {
    let lines = match reading.lines(table, env.programme.currency) {
        Ok(lines) => lines,
        Err(unset) => return Ok(Err(unset)),
    };
    let lookup = Lookup::of(tx, &lines)?;
    let mut report = Report::default();
    report.found.counts.lines = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    // What is sure is taken first, so that no guess stands in its way.
    let is_sure =
        |line: &&Line| lookup.by_external.contains_key(&line.news.deal) || !line.news.number.is_empty();
    for line in lines.iter().filter(is_sure) {
        report.line(line, &lookup, reading.only_named);
    }
    let mut seen: HashMap<&str, i64> = HashMap::new();
    for line in lines.iter().filter(|line| !is_sure(line)) {
        let id = line.news.deal.as_str();
        if id.is_empty() && line.news.client.is_empty() && line.news.email.is_empty() {
            let why = "The line names neither a deal of the CRM nor a number of ours.".to_owned();
            report.add(told(Difference::Unclear, line, None, why));
            continue;
        }
        if let Some(other) = seen.insert(id, line.line).filter(|_| !id.is_empty()) {
            let why = format!("Line {other} is about the same deal of the CRM.");
            report.add(told(Difference::Unclear, line, None, why));
            continue;
        }
        report.line(line, &lookup, reading.only_named);
    }
    missing_there(tx, reading, given_at, &mut report)?;
    let mut found = report.found;
    found.items.sort_by_key(|item| (item.difference, item.line, item.deal_number));
    for (place, item) in found.items.iter_mut().enumerate() {
        item.n = i64::try_from(place).unwrap_or(i64::MAX).saturating_add(1);
    }
    Ok(Ok(found))
}

/// The deals here that the list doesn't have. Lost ones may be gone there, and what came after the list can't be in it.
fn missing_there(
    tx: &mut Tx,
    reading: &Reading,
    given_at: Timestamp,
    report: &mut Report,
) -> Result<(), DbError> {
    let mut after = 0;
    loop {
        let page = stored::deals_since(tx, reading.since(), after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.number;
        for deal in &page {
            if deal.status == DealStatus::Lost
                || deal.created_at > given_at
                || report.taken.contains_key(&deal.number)
            {
                continue;
            }
            report.add(Item {
                n: 0,
                difference: Difference::MissingThere,
                state: State::Open,
                line: 0,
                external_id: deal.external_id.clone().unwrap_or_default(),
                deal_number: Some(deal.number),
                stage: String::new(),
                theirs: None,
                ours: Some(Standing::of(deal)),
                said: String::new(),
                email_key: String::new(),
                why: String::new(),
            });
        }
    }
}
