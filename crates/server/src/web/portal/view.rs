//! What the address of Statistics asks for: the period of the chart, and search, order and place of its two lists.
//! An address can be typed, cut off and kept for years, so what can't be read in it counts as not asked.

use std::{collections::BTreeMap, convert::Infallible};

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::{deal::DealStatus, reference::Reference, withdrawal::WithdrawalStatus};
use store::{
    deals::{self, PartnerDeals},
    withdrawals::{self, PartnerWithdrawals},
};

use crate::web::{fields::Fields, paths};

/// The periods that the chart offers, in days, and what they are called.
pub const PERIODS: [(i64, &str); 3] = [(30, "30 days"), (90, "90 days"), (365, "1 year")];

/// The longest value that is taken. A search is a few words, a place in a list a name and a number.
const MAX_VALUE: usize = 300;

/// The parameters of one of the two lists.
#[derive(Debug)]
pub struct List {
    /// The words searched for.
    pub search: &'static str,
    /// The status.
    pub status: &'static str,
    /// The column it is sorted by, after a minus when descending.
    pub sort: &'static str,
    /// Where the page begins.
    pub after: &'static str,
    /// Where the list stands on the page.
    pub anchor: &'static str,
    /// The columns it can be sorted by, and whether a first click sorts descending. The first one is the
    /// order of a new page.
    pub columns: &'static [(&'static str, bool)],
}

/// The list of clients.
pub const CLIENTS: List = List {
    search: "c_q",
    status: "c_status",
    sort: "c_sort",
    after: "c_after",
    anchor: "#clients",
    columns: &[("number", true), ("name", false), ("amount", true), ("status", false)],
};

/// The list of withdrawals.
pub const WITHDRAWALS: List = List {
    search: "w_q",
    status: "w_status",
    sort: "w_sort",
    after: "w_after",
    anchor: "#withdrawals",
    columns: &[("date", true), ("amount", true), ("status", false)],
};

const DAYS: &str = "days";

/// The parameters of the address, each one either sound or absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View(BTreeMap<&'static str, String>);

impl View {
    /// Reads the query of an address.
    pub fn read(query: &str) -> View {
        let asked = Fields::parse(query.as_bytes());
        let is_period = |typed: &str| PERIODS.iter().any(|(days, _)| days.to_string() == typed);
        let is_column = |list: &List, typed: &str| {
            let column = typed.strip_prefix('-').unwrap_or(typed);
            list.columns.iter().any(|(known, _)| *known == column)
        };
        let mut view = View::default();
        let mut keep = |name: &'static str, is_sound: &dyn Fn(&str) -> bool| {
            // Databases don't take every control character, and nobody searches for one.
            let typed: String =
                asked.typed(name).trim().chars().filter(|c| !c.is_control()).take(MAX_VALUE).collect();
            if !typed.is_empty() && is_sound(&typed) {
                view.0.insert(name, typed);
            }
        };
        keep(DAYS, &is_period);
        keep(CLIENTS.status, &|typed| DealStatus::from_word(typed).is_some());
        keep(WITHDRAWALS.status, &|typed| WithdrawalStatus::from_word(typed).is_some());
        for list in [&CLIENTS, &WITHDRAWALS] {
            keep(list.search, &|_| true);
            keep(list.sort, &|typed| is_column(list, typed));
            keep(list.after, &|typed| typed.contains('~'));
        }
        view
    }

    /// One parameter; empty when it isn't asked for.
    pub fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The period of the chart, in days.
    pub fn days(&self) -> i64 {
        self.value(DAYS).parse().unwrap_or(PERIODS[0].0)
    }

    /// The address of this view with some parameters changed; empty ones are left out.
    pub fn with(&self, changes: &[(&'static str, &str)], anchor: &str) -> String {
        let mut values: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        values.extend(changes.iter().copied());
        let parameters: Vec<(&str, &str)> = values.into_iter().collect();
        format!("{}{anchor}", paths::with_query(paths::STATISTICS, &parameters))
    }

    /// The address of this view with another period.
    pub fn with_days(&self, days: i64) -> String {
        self.with(&[(DAYS, &days.to_string())], "#chart")
    }

    /// The address of the table file with what a list shows.
    pub fn export(&self, list: &List, path: &str) -> String {
        let parameters = [list.search, list.status, list.sort].map(|name| (name, self.value(name)));
        paths::with_query(path, &parameters)
    }

    /// What the search form of a list has to send along so that the rest of the page stays as it is.
    pub fn beside(&self, list: &List) -> Vec<(&'static str, String)> {
        let own = [list.search, list.status, list.after];
        self.0
            .iter()
            .filter(|(name, _)| !own.contains(name))
            .map(|(name, value)| (*name, value.clone()))
            .collect()
    }

    /// Whether a list shows only some of its rows.
    pub fn is_filtered(&self, list: &List) -> bool {
        !self.value(list.search).is_empty() || !self.value(list.status).is_empty()
    }

    /// The address of this view with all rows of a list.
    pub fn unfiltered(&self, list: &List) -> String {
        self.with(&[(list.search, ""), (list.status, ""), (list.after, "")], list.anchor)
    }

    /// The column a list is sorted by, and whether ascending.
    pub fn order(&self, list: &List) -> (&str, bool) {
        let (first, descending) = list.columns[0];
        match self.value(list.sort) {
            "" => (first, !descending),
            sort => sort.strip_prefix('-').map_or((sort, true), |column| (column, false)),
        }
    }

    /// What `aria-sort` says of a column, and where its heading leads.
    pub fn sorting(&self, list: &List, column: &str) -> (&'static str, String) {
        let (current, ascending) = self.order(list);
        let descends_first = list.columns.iter().any(|(name, descends)| *name == column && *descends);
        let (aria, descends) = match (current == column, ascending) {
            (true, true) => ("ascending", true),
            (true, false) => ("descending", false),
            (false, _) => ("", descends_first),
        };
        let sort = if descends { format!("-{column}") } else { column.to_owned() };
        (aria, self.with(&[(list.sort, &sort), (list.after, "")], list.anchor))
    }

    /// Which deals are asked for.
    pub fn deals(&self) -> PartnerDeals {
        let (column, ascending) = self.order(&CLIENTS);
        let search = self.value(CLIENTS.search);
        PartnerDeals {
            search: search.to_owned(),
            number: Reference::read(search).and_then(|read| read.client().or(read.deal())),
            status: DealStatus::from_word(self.value(CLIENTS.status)),
            sort: match column {
                "name" => deals::Sort::Name,
                "amount" => deals::Sort::Amount,
                "status" => deals::Sort::Status,
                _ => deals::Sort::Number,
            },
            ascending,
        }
    }

    /// Where the page of clients begins.
    pub fn deals_after(&self) -> Option<deals::After> {
        let (value, number) = self.value(CLIENTS.after).rsplit_once('~')?;
        Some(deals::After { value: value.to_owned(), number: number.parse().ok()? })
    }

    /// Which withdrawals are asked for.
    pub fn withdrawals(&self) -> PartnerWithdrawals {
        let (column, ascending) = self.order(&WITHDRAWALS);
        PartnerWithdrawals {
            status: WithdrawalStatus::from_word(self.value(WITHDRAWALS.status)),
            search: self.value(WITHDRAWALS.search).to_owned(),
            sort: match column {
                "amount" => withdrawals::Sort::Amount,
                "status" => withdrawals::Sort::Status,
                _ => withdrawals::Sort::Date,
            },
            ascending,
        }
    }

    /// Where the page of withdrawals begins.
    pub fn withdrawals_after(&self) -> Option<withdrawals::After> {
        let (value, id) = self.value(WITHDRAWALS.after).rsplit_once('~')?;
        (!id.is_empty()).then(|| withdrawals::After { value: value.to_owned(), id: id.to_owned() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<View, Infallible> {
        Ok(View::read(parts.uri.query().unwrap_or("")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_in_an_address_counts_as_not_asked() {
        let broken = "days=31&c_sort=drop&w_sort=--date&c_status=secret&w_status=won&c_after=x&w_after=%00&c_q=%00\
                      &other=1&w_q=%ff&days=90";
        let view = View::read(broken);
        assert_eq!(view.days(), 30);
        assert_eq!(view.order(&CLIENTS), ("number", false));
        assert_eq!(view.order(&WITHDRAWALS), ("date", false));
        assert_eq!((view.deals_after(), view.withdrawals_after()), (None, None));
        assert_eq!(view.deals().status, None);
        assert_eq!(view.value("c_q"), "");
        assert_eq!(view.value("w_q"), "\u{fffd}");
        assert_eq!(view.with(&[], ""), "/statistics?w_q=%EF%BF%BD");
        assert_eq!(View::read("c_after=a~b&w_after=1~").deals_after(), None);
        let long = View::read(&format!("c_q={}", "x".repeat(5_000)));
        assert_eq!(long.value("c_q").len(), MAX_VALUE);
    }

    #[test]
    fn one_list_changes_and_the_rest_of_the_page_stays() {
        let view = View::read("days=90&c_q=a%26b&c_sort=name&c_after=ann~7&w_status=paid");
        assert_eq!(view.deals_after(), Some(deals::After { value: "ann".into(), number: 7 }));
        assert!(view.is_filtered(&CLIENTS) && view.is_filtered(&WITHDRAWALS));
        assert_eq!(
            view.sorting(&CLIENTS, "name"),
            ("ascending", "/statistics?c_q=a%26b&c_sort=-name&days=90&w_status=paid#clients".into())
        );
        assert_eq!(
            view.sorting(&CLIENTS, "amount").1,
            "/statistics?c_q=a%26b&c_sort=-amount&days=90&w_status=paid#clients"
        );
        assert_eq!(view.unfiltered(&CLIENTS), "/statistics?c_sort=name&days=90&w_status=paid#clients");
        let beside: Vec<_> = view.beside(&CLIENTS).into_iter().map(|(name, _)| name).collect();
        assert_eq!(beside, ["c_sort", "days", "w_status"]);
        assert_eq!(
            view.export(&CLIENTS, paths::CLIENTS_CSV),
            "/statistics/clients.csv?c_q=a%26b&c_sort=name"
        );
    }
}
