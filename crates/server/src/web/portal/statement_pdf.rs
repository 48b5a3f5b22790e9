//! The statement to be kept: the entries of a time as PDF, with what stood before and after them.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    clock::Timestamp,
    ledger::{Account, Subject, label},
    money::{Currency, Money},
};
use store::{
    DbError, Tx,
    ledger::{self, Lines, StatementLine},
    partners,
    programme::Programme,
};

use super::{statement::Facts, statement_file::Period};
use crate::{
    app::App,
    pdf::{self, Sheet, SheetRow},
    web::{
        error::{Explanation, PageError},
        fields::Asked,
        paths,
        show::download,
        visitor::Partner,
    },
};

/// How many entries a PDF has at most.
const MOST: i64 = 5_000;

/// The days in words, as far as they are known at a moment.
fn words(period: Period, now: Timestamp) -> String {
    let to = period.to.map_or_else(|| now.date(), |day| day.start().date());
    period.from.map_or_else(|| format!("Until {to}"), |day| format!("{} to {to}", day.start().date()))
}

/// What moved an account in a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    before: Money,
    deals: Money,
    withdrawals: Money,
    adjustments: Money,
}

impl Sums {
    fn of(before: Money, lines: &[StatementLine]) -> Sums {
        let mut sums = Sums { before, ..Sums::default() };
        for line in lines {
            let sum = match line.transfer.subject {
                Subject::Deal(_) | Subject::Refund(_) => &mut sums.deals,
                Subject::Withdrawal(_) => &mut sums.withdrawals,
                Subject::Adjustment(_) => &mut sums.adjustments,
            };
            *sum = *sum + line.change;
        }
        sums
    }

    fn after(self) -> Money {
        self.before + self.deals + self.withdrawals + self.adjustments
    }
}

/// Everything that a statement says.
struct Statement {
    partner: partners::Partner,
    /// The oldest first.
    lines: Vec<StatementLine>,
    facts: Facts,
    sums: Sums,
}

/// A statement; nothing where there are too many entries for one.
fn read(
    tx: &mut Tx,
    id: &str,
    currency: Currency,
    period: Period,
) -> Result<Option<Result<Statement, TooLong>>, DbError> {
    let Some(partner) = partners::by_id(tx, id)? else { return Ok(None) };
    let account = Account::payable(id, currency);
    let mut lines = ledger::statement_of(tx, &account, period.lines(), None, MOST + 1)?;
    if i64::try_from(lines.len()).is_ok_and(|count| count > MOST) {
        return Ok(Some(Err(TooLong)));
    }
    lines.reverse();
    let earlier = Lines::Between { from: Timestamp::from_micros(i64::MIN), to: period.starts() };
    let before = ledger::statement_of(tx, &account, earlier, None, 1)?;
    let before = before.first().map_or(Money::ZERO, |line| line.entry.balance_after);
    let facts = Facts::read(tx, &lines)?;
    Ok(Some(Ok(Statement { partner, sums: Sums::of(before, &lines), lines, facts })))
}

/// More entries than [`MOST`].
struct TooLong;

/// An amount with its sign, as the page writes it.
fn signed(amount: Money, currency: Currency) -> String {
    let written = currency.format(amount);
    if amount.is_positive() { format!("+{written}") } else { written.replace('-', "−") }
}

fn sheet(
    statement: &Statement,
    programme: &Programme,
    public_url: &str,
    period: Period,
    now: Timestamp,
) -> Sheet {
    let Statement { partner, lines, facts, sums } = statement;
    let currency = programme.currency;
    let plain = |amount| currency.format(amount).replace('-', "−");
    let code = currency.code();
    let sender = [&programme.name, &programme.site_url, &programme.support_email].map(String::from);
    let row = |line: &StatementLine| SheetRow {
        date: line.at.date(),
        what: label(line.transfer.code, &line.transfer.phase).into(),
        why: facts.words(line, &partner.id, currency),
        amounts: [signed(line.change, currency), plain(line.entry.balance_after)],
    };
    Sheet {
        title: "Statement".into(),
        subtitle: format!("{}. Made on {} UTC. Amounts in {code}.", words(period, now), now.date_time()),
        sender: sender.into_iter().filter(|line| !line.is_empty()).collect(),
        receiver: vec![
            partner.name.clone(),
            partner.email.clone(),
            format!("Partner since {}", partner.created_at.date()),
            format!("{public_url}{}", paths::referral(partner.code)),
        ],
        figures: vec![
            ("Available before".into(), plain(sums.before)),
            ("Commissions, less what was taken back".into(), signed(sums.deals, currency)),
            ("Bonuses and corrections".into(), signed(sums.adjustments, currency)),
            ("Withdrawals, less what came back".into(), signed(sums.withdrawals, currency)),
            ("Available after".into(), plain(sums.after())),
        ],
        columns: ["Date (UTC)".into(), "What and why".into(), "Change".into(), "Available after".into()],
        rows: lines.iter().map(row).collect(),
        foot: format!("{} · Statement of {}", programme.name, partner.name),
    }
}

/// The statement of a partner as PDF. `back` is the page where it was asked for.
///
/// # Errors
/// 404 for nobody, 422 for a time that can't be, or that has too many entries.
pub async fn pdf_of(app: &App, id: &str, asked: &Asked, back: &str) -> Result<Response, PageError> {
    let period = Period::read(asked, back)?;
    let env = app.env();
    let (id, currency) = (id.to_owned(), env.programme.currency);
    let found = app.db.report(move |tx| read(tx, &id, currency, period)).await?;
    let Ok(statement) = found.ok_or_else(PageError::not_found)? else {
        return Err(PageError::Explained(Explanation {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: "That is too long for one file".into(),
            sentence: format!("A PDF has up to {MOST} entries. Choose a shorter time, or take the CSV file."),
            way_on: (back.to_owned(), "Back to the statement"),
        }));
    };
    let sheet = sheet(&statement, &env.programme, &app.public_url, period, env.now);
    let name = format!("statement-{}-{}.pdf", statement.partner.code, env.now.day().iso());
    let file = tokio::task::spawn_blocking(move || pdf::render(&sheet)).await.map_err(PageError::internal)?;
    Ok(download("application/pdf", &name, file.map_err(PageError::internal)?))
}

/// `GET /statistics/statement.pdf`
///
/// # Errors
/// As [`pdf_of`].
pub async fn pdf(State(app): State<App>, partner: Partner, asked: Asked) -> Result<Response, PageError> {
    pdf_of(&app, &partner.id, &asked, paths::STATEMENT).await
}

#[cfg(test)]
mod tests {
    use domain::clock::Day;

    use super::*;

    #[test]
    fn a_time_is_said_in_words() {
        let day = |text| Day::from_iso(text);
        let now = Timestamp::from_micros(0);
        let january = Period { from: day("2027-01-01"), to: day("2027-01-31") };
        assert_eq!(words(january, now), "1 Jan 2027 to 31 Jan 2027");
        assert_eq!(words(Period { from: None, ..january }, now), "Until 31 Jan 2027");
        assert_eq!(words(Period::default(), now), "Until 1 Jan 1970");
    }

    #[test]
    fn an_amount_has_its_sign() {
        let usd = Currency::USD;
        assert_eq!([125, 0, -7].map(|units| signed(usd.major(units), usd)), ["+125.00", "0.00", "−7.00"]);
    }
}
