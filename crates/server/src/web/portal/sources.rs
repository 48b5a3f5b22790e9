//! Where clicks, clients and sales came from: the list in Statistics, and the same by day as a table file.

use axum::{extract::State, response::Response};
use domain::{
    clock::Day,
    money::{Currency, Money},
    text::grouped,
};
use store::{
    Found,
    partners::PartnerDay,
    sources::{self, PartnerSource},
};

use super::{
    export::{ROWS, table_file},
    statistics::first_day,
    view::View,
};
use crate::{
    app::App,
    cell::text,
    web::{error::PageError, paths, visitor::Partner},
};

/// The list of the page.
pub struct Sources {
    /// The file with the same, by day.
    pub export: String,
    /// The sources with the most clients first; what came from nowhere in particular last.
    pub rows: Vec<SourceRow>,
}

/// What came from one source.
pub struct SourceRow {
    /// What it is called.
    pub source: String,
    /// Visits of people.
    pub clicks: String,
    /// Clients.
    pub clients: String,
    /// Deals closed successfully; empty where it isn't known.
    pub sales: String,
    /// Commissions.
    pub profit: String,
}

/// What sources come to in a time.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Those with the most clients.
    pub first: Vec<PartnerSource>,
    /// All together.
    pub total: PartnerSource,
}

impl Sources {
    /// The list of a view's period. `days` are the partner's days in it, whatever the source.
    pub fn new(view: &View, counted: &Counted, days: &[PartnerDay], currency: Currency) -> Sources {
        let write = |source: &str, row: &PartnerSource| SourceRow {
            source: source.to_owned(),
            clicks: grouped(row.clicks),
            clients: grouped(row.clients),
            sales: grouped(row.deals_won),
            profit: currency.format(row.profit),
        };
        let mut rows: Vec<SourceRow> = counted.first.iter().map(|row| write(&row.source, row)).collect();
        let total = &counted.total;
        let shown = counted.first.iter().fold(PartnerSource::default(), |sum, row| plus(&sum, row, 1));
        let others = plus(total, &shown, -1);
        if !is_nothing(&others) {
            rows.push(write("Other sources", &others));
        }
        let all = days.iter().fold(PartnerSource::default(), |sum, day| PartnerSource {
            clicks: sum.clicks + day.clicks,
            clients: sum.clients + day.clients,
            profit: sum.profit + day.profit,
            ..sum
        });
        // How many sales there were without a source isn't counted by day.
        let direct = PartnerSource { deals_won: 0, ..plus(&all, total, -1) };
        if !rows.is_empty() && !is_nothing(&direct) {
            rows.push(SourceRow { sales: String::new(), ..write("Direct or unknown", &direct) });
        }
        let days = view.days().to_string();
        Sources { export: paths::with_query(paths::SOURCES_CSV, &[("days", &days)]), rows }
    }
}

fn plus(sum: &PartnerSource, row: &PartnerSource, sign: i64) -> PartnerSource {
    let profit = Money::from_minor(row.profit.minor() * sign);
    PartnerSource {
        source: String::new(),
        clicks: sum.clicks + row.clicks * sign,
        clients: sum.clients + row.clients * sign,
        deals_won: sum.deals_won + row.deals_won * sign,
        profit: sum.profit + profit,
    }
}

fn is_nothing(row: &PartnerSource) -> bool {
    row.clicks == 0 && row.clients == 0 && row.deals_won == 0 && row.profit.is_zero()
}

/// `GET /statistics/sources.csv`
///
/// # Errors
/// When the database can't be read.
pub async fn file(State(app): State<App>, partner: Partner, view: View) -> Result<Response, PageError> {
    let env = app.env();
    let currency = env.programme.currency;
    let from = first_day(env.now.day(), view.days());
    let header = ["day", "source", "clicks", "clients", "sales", "profit", "currency"];
    let read = {
        let app = app.clone();
        move |after: Option<(Day, String)>| {
            let id = partner.id.clone();
            let app = app.clone();
            async move {
                let after = after.unwrap_or((from, String::new()));
                let rows = app.db.report(move |tx| sources::by_day(tx, &id, &after, ROWS)).await?;
                let rows = rows.into_iter().map(|(day, row)| {
                    let place = (day, row.source.clone());
                    ((day, row), place)
                });
                Ok(Found::all(rows.collect()))
            }
        }
    };
    let write = move |(day, row): &(Day, PartnerSource)| {
        vec![
            day.iso(),
            text(&row.source),
            row.clicks.to_string(),
            row.clients.to_string(),
            row.deals_won.to_string(),
            currency.format_plain(row.profit),
            currency.code().to_owned(),
        ]
    };
    table_file(&app, "sources", &header, read, write).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, clicks: i64, clients: i64) -> PartnerSource {
        PartnerSource { source: name.into(), clicks, clients, ..PartnerSource::default() }
    }

    #[test]
    fn what_has_no_row_of_its_own_is_the_difference() {
        let day = PartnerDay { clicks: 10, clients: 3, ..PartnerDay::empty(Day(1)) };
        let rows = |first: Vec<PartnerSource>, total| {
            let counted = Counted { first, total };
            let list = Sources::new(&View::default(), &counted, &[day], Currency::USD);
            list.rows
                .into_iter()
                .map(|row| (row.source, row.clicks, row.clients, row.sales))
                .collect::<Vec<_>>()
        };
        let row = |name: &str, clicks: &str, clients: &str, sales: &str| {
            (name.to_owned(), clicks.to_owned(), clients.to_owned(), sales.to_owned())
        };
        assert_eq!(
            rows(vec![source("fair", 4, 1)], source("", 6, 2)),
            [
                row("fair", "4", "1", "0"),
                row("Other sources", "2", "1", "0"),
                row("Direct or unknown", "4", "1", "")
            ]
        );
        assert_eq!(rows(vec![source("fair", 10, 3)], source("", 10, 3)), [row("fair", "10", "3", "0")]);
        assert_eq!(rows(vec![], source("", 0, 0)), []);
    }
}
