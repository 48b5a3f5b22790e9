//! The statement: every entry behind a partner's figures, in plain words.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{RawQuery, State};
use domain::{
    clock::Timestamp,
    ledger::{Account, Phase, Subject, label},
    money::{Currency, Money},
};
use store::{
    DbError, Tx,
    deals::{self, Deal},
    ledger::{self, Balances, Lines, StatementLine},
    withdrawals::{self, Withdrawal},
};

use crate::{
    app::App,
    web::{
        fields::Fields,
        paths,
        shell::PortalShell,
        show::{Page, show},
        visitor::Partner,
    },
};

/// How many entries a page has.
const ROWS: usize = 25;

#[derive(Template)]
#[template(path = "portal/statement.html")]
struct StatementPage {
    shell: PortalShell,
    currency: &'static str,
    figures: [(&'static str, String); 4],
    /// The choices of entries: the address, the label, whether it is chosen.
    choices: Vec<(String, &'static str, bool)>,
    /// The deal whose entries are shown alone.
    deal: Option<i64>,
    rows: Vec<EntryRow>,
    first: Option<String>,
    next: Option<String>,
    /// The statement can be had as PDF.
    has_pdf: bool,
}

/// An entry as people read it.
struct EntryRow {
    at: Timestamp,
    what: &'static str,
    /// How it came to the amount, or where it went.
    why: Vec<Part>,
    change: String,
    is_in: bool,
    after: String,
}

/// A piece of an explanation: a text, and where it leads if it leads anywhere.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    text: String,
    href: String,
}

impl Part {
    fn plain(text: impl Into<String>) -> Part {
        Part { text: text.into(), href: String::new() }
    }
}

/// What the address asks for; what can't be read in it counts as not asked.
struct Asked {
    lines: Lines,
    before: Option<i64>,
}

const CHOICES: [(&str, &str, Lines); 4] = [
    ("", "All", Lines::All),
    ("deals", "Commissions", Lines::Deals),
    ("hold", "On hold", Lines::OnHold),
    ("withdrawals", "Withdrawals", Lines::Withdrawals),
];

impl Asked {
    fn read(query: &Fields) -> Asked {
        let deal = query.typed("deal").trim_start_matches(['T', 't', '-']).parse().ok();
        let chosen = CHOICES.iter().find(|(word, ..)| *word == query.typed("of"));
        let lines = deal.map(Lines::Deal).or(chosen.map(|(.., lines)| *lines)).unwrap_or_default();
        Asked { lines, before: query.typed("before").parse().ok() }
    }

    fn href(&self, before: &str) -> String {
        let word = CHOICES.iter().find(|(.., lines)| *lines == self.lines).map_or("", |(word, ..)| word);
        let deal = if let Lines::Deal(number) = self.lines { number.to_string() } else { String::new() };
        paths::with_query(paths::STATEMENT, &[("of", word), ("deal", &deal), ("before", before)])
    }
}

/// Everything the page shows.
struct Found {
    lines: Vec<StatementLine>,
    facts: Facts,
    balances: Balances,
}

fn read(tx: &mut Tx, partner_id: &str, currency: Currency, asked: &Asked) -> Result<Found, DbError> {
    let account = Account::payable(partner_id, currency);
    let lines = ledger::statement_of(tx, &account, asked.lines, asked.before, ROWS as i64 + 1)?;
    let facts = Facts::read(tx, &lines)?;
    Ok(Found { lines, facts, balances: ledger::balances(tx, partner_id, currency)? })
}

/// What entries are about, for the partner's own page and for the office's.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    deals: BTreeMap<i64, Deal>,
    withdrawals: BTreeMap<String, Withdrawal>,
}

impl Facts {
    /// The deals and withdrawals of some entries.
    ///
    /// # Errors
    /// When the database says no.
    pub fn read(tx: &mut Tx, lines: &[StatementLine]) -> Result<Facts, DbError> {
        let mut facts = Facts::default();
        for line in lines {
            match &line.transfer.subject {
                Subject::Deal(number) | Subject::Refund(number) if !facts.deals.contains_key(number) => {
                    facts.deals.extend(deals::by_number(tx, *number)?.map(|deal| (*number, deal)));
                }
                Subject::Withdrawal(id) if !facts.withdrawals.contains_key(id) => {
                    facts.withdrawals.extend(withdrawals::by_id(tx, id)?.map(|found| (id.clone(), found)));
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// The wallet, the amount and, once it is paid, the reference of the withdrawal that an entry is about.
    pub fn payment(&self, line: &StatementLine, currency: Currency) -> Vec<String> {
        let Subject::Withdrawal(id) = &line.transfer.subject else { return Vec::new() };
        let Some(withdrawal) = self.withdrawals.get(id) else { return Vec::new() };
        let mut parts = vec![withdrawal.wallet_label.clone(), currency.format(withdrawal.amount)];
        let is_end = matches!(line.transfer.phase, Phase::Post { .. });
        let reference = withdrawal.reference.as_ref().filter(|_| is_end);
        parts.extend(reference.map(|reference| format!("reference {reference}")));
        parts
    }

    /// A client who was given to somebody else since is no longer this partner's to see.
    fn deal(&self, line: &StatementLine, partner_id: &str) -> Option<&Deal> {
        let (Subject::Deal(number) | Subject::Refund(number)) = &line.transfer.subject else { return None };
        let deal = self.deals.get(number)?;
        deal.partner.as_ref().is_some_and(|partner| partner.id == partner_id).then_some(deal)
    }

    /// What an entry is about, in pieces.
    fn why(&self, line: &StatementLine, partner_id: &str, currency: Currency) -> Vec<Part> {
        let transfer = &line.transfer;
        let mut parts = Vec::new();
        match &transfer.subject {
            Subject::Deal(number) | Subject::Refund(number) => {
                if let Some(deal) = self.deal(line, partner_id) {
                    let client = format!("C-{}", deal.client_number);
                    let href = paths::with_query(paths::STATISTICS, &[("c_q", &client)]) + "#clients";
                    parts.push(Part { text: client, href });
                }
                parts.push(Part { text: format!("T-{number}"), href: paths::statement_of_deal(*number) });
            }
            Subject::Withdrawal(_) => {
                parts.extend(self.payment(line, currency).into_iter().map(Part::plain));
                if let Some(wallet) = parts.first_mut() {
                    wallet.href = format!("{}#withdrawals", paths::STATISTICS);
                }
            }
            Subject::Adjustment(_) => {}
        }
        parts.extend(transfer.reason.iter().map(|reason| Part::plain(reason.as_str())));
        parts.extend(hold(line).map(Part::plain));
        parts
    }
}

impl Facts {
    /// What an entry is about, in a line of text.
    pub fn words(&self, line: &StatementLine, partner_id: &str, currency: Currency) -> String {
        let parts = self.why(line, partner_id, currency).into_iter().map(|part| part.text);
        parts.collect::<Vec<_>>().join(" · ")
    }
}

/// Until when a commission is on hold.
pub fn hold(line: &StatementLine) -> Option<String> {
    match (&line.transfer.phase, line.transfer.available_at) {
        (Phase::Pending, Some(at)) => Some(format!("On hold until {} UTC.", at.date_time())),
        _ => None,
    }
}

fn row(facts: &Facts, line: &StatementLine, partner_id: &str, currency: Currency) -> EntryRow {
    let is_in = line.change.is_positive();
    let change = currency.format(line.change);
    EntryRow {
        at: line.at,
        what: label(line.transfer.code, &line.transfer.phase),
        why: facts.why(line, partner_id, currency),
        change: if is_in { format!("+{change}") } else { change.replace('-', "−") },
        is_in,
        after: currency.format(line.entry.balance_after).replace('-', "−"),
    }
}

impl StatementPage {
    fn new(
        shell: PortalShell,
        asked: &Asked,
        found: &Found,
        partner_id: &str,
        currency: Currency,
    ) -> StatementPage {
        let Found { lines, facts, balances } = found;
        let shown = &lines[..lines.len().min(ROWS)];
        let is_more = lines.len() > ROWS;
        let money = |amount: Money| currency.format(amount);
        let deal = if let Lines::Deal(number) = asked.lines { Some(number) } else { None };
        let choice = |(word, label, lines): (&str, &'static str, Lines)| {
            let href = paths::with_query(paths::STATEMENT, &[("of", word)]);
            (href, label, lines == asked.lines)
        };
        StatementPage {
            shell,
            currency: currency.code(),
            figures: [
                ("Available", money(balances.available)),
                ("On hold", money(balances.on_hold)),
                ("Reserved", money(balances.reserved)),
                ("Paid out", money(balances.paid)),
            ],
            choices: CHOICES.map(choice).to_vec(),
            deal,
            rows: shown.iter().map(|line| row(facts, line, partner_id, currency)).collect(),
            has_pdf: cfg!(feature = "pdf"),
            first: asked.before.map(|_| asked.href("")),
            next: shown.last().filter(|_| is_more).map(|line| asked.href(&line.entry.seq.to_string())),
        }
    }
}

/// `GET /statistics/entries`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, RawQuery(query): RawQuery) -> Page {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let asked = Asked::read(&query);
    let env = app.env();
    let currency = env.programme.currency;
    let shell = PortalShell::new(&env, &partner, paths::STATISTICS, Some(query.typed("done")));
    let (id, wanted) = (partner.id.clone(), Asked::read(&query));
    let found = app.read(move |tx, _| read(tx, &id, currency, &wanted)).await?;
    show(&StatementPage::new(shell, &asked, &found, &partner.id, currency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::portal::{lists::samples, samples::shell};
    use domain::{
        deal::DealStatus,
        ledger::{Entry, Side, Transfer, TransferCode},
    };

    fn line(seq: i64, change: i64, transfer: Transfer) -> StatementLine {
        let usd = Currency::USD;
        StatementLine {
            entry: Entry {
                account: transfer.credit.key(),
                seq,
                transfer: transfer.key.clone(),
                side: Side::Credit,
                amount: transfer.amount,
                balance_after: usd.major(change),
            },
            change: usd.major(change),
            transfer,
            at: Timestamp::from_micros(0),
        }
    }

    fn commission() -> Transfer {
        let usd = Currency::USD;
        Transfer {
            key: "deal:2077:commission".into(),
            debit: Account::expense("p", usd),
            credit: Account::payable("p", usd),
            amount: usd.major(125),
            code: TransferCode::Commission,
            phase: Phase::Pending,
            subject: Subject::Deal(2077),
            reverses: None,
            may_overdraw: false,
            reason: Some("1,000.00 × 12.5 % = 125.00. 12.5 % as agreed with the partner.".into()),
            available_at: Some(Timestamp::from_micros(0)),
        }
    }

    fn found(lines: Vec<StatementLine>) -> Found {
        let withdrawal = samples::withdrawals().remove(1).0;
        let facts = Facts {
            deals: BTreeMap::from([(2077, samples::deal(DealStatus::Won))]),
            withdrawals: BTreeMap::from([("w".to_owned(), withdrawal)]),
        };
        Found { lines, facts, balances: Balances::default() }
    }

    fn paid() -> Transfer {
        let request = domain::withdrawal::Request {
            id: "w",
            partner: "p",
            currency: Currency::USD,
            amount: Currency::USD.major(600),
        };
        domain::withdrawal::pay(&request)
    }

    #[test]
    fn the_page_says_what_every_entry_is() {
        let asked = Asked::read(&Fields::filled([("before", "9")]));
        let found = found(vec![line(2, -600, paid()), line(1, 125, commission())]);
        let page = StatementPage::new(shell(paths::STATISTICS), &asked, &found, "p", Currency::USD);
        let html = page.render().unwrap();
        for expected in [
            "Commission on hold",
            "C-1042",
            "1,000.00 × 12.5 % = 125.00. 12.5 % as agreed with the partner.",
            "On hold until 1 Jan 1970, 00:00 UTC.",
            "+125.00",
            "Withdrawal paid",
            "reference TX-1",
            "−600.00",
            "First page",
        ] {
            assert!(html.contains(expected), "{expected} is missing");
        }
        let nothing =
            StatementPage::new(shell(paths::STATISTICS), &asked, &self::found(vec![]), "p", Currency::USD);
        assert!(nothing.render().unwrap().contains("No entries"));
    }

    #[test]
    fn a_client_of_somebody_else_is_not_told() {
        let found = found(vec![]);
        let why = found.facts.why(&line(1, 125, commission()), "another", Currency::USD);
        assert_eq!(why[0], Part { text: "T-2077".into(), href: "/statistics/entries?deal=2077".into() });
        // How it came about is told all the same: it was this partner's then.
        assert!(why[1].text.starts_with("1,000.00 × 12.5 % = 125.00."), "{why:?}");
    }

    #[test]
    fn an_address_that_cannot_be_read_asks_for_everything() {
        for (of, deal, before, lines) in [
            ("", "", "", Lines::All),
            ("bad", "x", "y", Lines::All),
            ("hold", "", "", Lines::OnHold),
            ("hold", "T-2077", "", Lines::Deal(2077)),
        ] {
            let asked = Asked::read(&Fields::filled([("of", of), ("deal", deal), ("before", before)]));
            assert_eq!(asked.lines, lines, "{of} {deal}");
            assert_eq!(asked.before, None);
        }
        let asked = Asked { lines: Lines::Deal(7), before: None };
        assert_eq!(asked.href("3"), "/statistics/entries?deal=7&before=3");
    }
}
