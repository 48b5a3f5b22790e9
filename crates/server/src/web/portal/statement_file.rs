//! The statement to be kept: the entries of a time as a table file.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    clock::{Day, Timestamp},
    ledger::{Account, label},
};
use store::{
    DbError, Found,
    ledger::{self, Lines, StatementLine},
    partners,
};

use super::{
    export::{ROWS, table_file},
    statement::Facts,
};
use crate::{
    app::App,
    cell::text,
    web::{
        error::{Explanation, PageError},
        fields::Asked,
        paths,
        visitor::Partner,
    },
};

/// The days of a statement, both of them included; where none is named, from the beginning or until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    pub(super) from: Option<Day>,
    pub(super) to: Option<Day>,
}

impl Period {
    /// Reads `from` and `to` of an address.
    ///
    /// # Errors
    /// 422 where there are no such days, or they are the wrong way round; `back` is where the person goes on.
    pub fn read(asked: &Asked, back: &str) -> Result<Period, PageError> {
        let refuse = |sentence: &str| {
            PageError::Explained(Explanation {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                title: "There is no such time".into(),
                sentence: sentence.to_owned(),
                way_on: (back.to_owned(), "Back to the statement"),
            })
        };
        let day = |name| match asked.value(name) {
            "" => Ok(None),
            typed => Day::from_iso(typed)
                .map(Some)
                .ok_or_else(|| refuse("Write the days as year, month and day: 2027-01-31.")),
        };
        let period = Period { from: day("from")?, to: day("to")? };
        match (period.from, period.to) {
            (Some(from), Some(to)) if from > to => Err(refuse("The first day is after the last one.")),
            _ => Ok(period),
        }
    }

    pub(super) fn starts(self) -> Timestamp {
        self.from.map_or(Timestamp::from_micros(i64::MIN), Day::start)
    }

    pub(super) fn ends(self) -> Timestamp {
        self.to.map_or(Timestamp::from_micros(i64::MAX), |day| Day(day.0 + 1).start())
    }

    pub(super) fn lines(self) -> Lines {
        Lines::Between { from: self.starts(), to: self.ends() }
    }
}

/// The statement of a partner as a table file, newest entries first, like the page.
///
/// # Errors
/// 404 for nobody, 422 for a time that can't be.
pub async fn csv_of(app: &App, id: &str, asked: &Asked, back: &str) -> Result<Response, PageError> {
    let period = Period::read(asked, back)?;
    let currency = app.env().programme.currency;
    let partner = {
        let id = id.to_owned();
        app.read(move |tx, _| -> Result<_, DbError> { partners::by_id(tx, &id) }).await?
    };
    let id = partner.ok_or_else(PageError::not_found)?.id;
    let header =
        ["entry", "at", "what", "why", "change", "available_after", "currency", "subject", "available_at"];
    let read = {
        let (app, id) = (app.clone(), id.clone());
        move |before: Option<i64>| {
            let (app, id) = (app.clone(), id.clone());
            async move {
                let rows = app.db.report(move |tx| {
                    let account = Account::payable(&id, currency);
                    let lines = ledger::statement_of(tx, &account, period.lines(), before, ROWS)?;
                    let facts = Facts::read(tx, &lines)?;
                    let row = |line: StatementLine| {
                        let why = facts.words(&line, &id, currency);
                        let place = line.entry.seq;
                        ((line, why), place)
                    };
                    Ok::<_, DbError>(lines.into_iter().map(row).collect())
                });
                rows.await.map(Found::all)
            }
        }
    };
    let write = move |(line, why): &(StatementLine, String)| {
        let subject = &line.transfer.subject;
        vec![
            line.entry.seq.to_string(),
            line.at.rfc3339(),
            label(line.transfer.code, &line.transfer.phase).to_owned(),
            text(why),
            currency.format_plain(line.change),
            currency.format_plain(line.entry.balance_after),
            currency.code().to_owned(),
            format!("{}:{}", subject.kind(), subject.id()),
            line.transfer.available_at.map_or(String::new(), Timestamp::rfc3339),
        ]
    };
    table_file(app, "statement", &header, read, write).await
}

/// `GET /statistics/statement.csv`
///
/// # Errors
/// As [`csv_of`].
pub async fn csv(State(app): State<App>, partner: Partner, asked: Asked) -> Result<Response, PageError> {
    csv_of(&app, &partner.id, &asked, paths::STATEMENT).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_whole_days() {
        let read = |query: &str| Period::read(&Asked::parse(query), "/back");
        let january = read("from=2027-01-01&to=2027-01-31").unwrap();
        assert_eq!(january.starts().rfc3339(), "2027-01-01T00:00:00Z");
        assert_eq!(january.ends().rfc3339(), "2027-02-01T00:00:00Z");
        assert_eq!(read("from=&to=").unwrap(), Period::default());
        for query in ["from=2027-02-01&to=2027-01-31", "from=yesterday", "to=2027-13-01"] {
            assert!(matches!(read(query), Err(PageError::Explained(_))), "{query}");
        }
    }
}
