//! What is measured, each beside its floor.

mod clicks;
mod forms;
mod lean;
mod pages;
mod place;
mod statistics;
mod two_servers;

use anyhow::Result;
use clap::ValueEnum;

use crate::Plan;
use crate::table::Report;

/// One thing that is measured; each can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Referral links on SQLite
    Click,
    /// Referral links on PostgreSQL
    ClickPostgres,
    /// The contact form on SQLite
    Contact,
    /// The contact form on PostgreSQL
    ContactPostgres,
    /// Winning deals on SQLite
    Win,
    /// Winning deals on PostgreSQL
    WinPostgres,
    /// Statistics of a very large and of a small partner
    Statistics,
    /// The sign-in page and the portal's pages
    Pages,
    /// Start-up, memory, size of the program and of first page loads
    Lean,
    /// Two servers on one PostgreSQL beside one
    TwoServers,
}

/// On which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl Scenario {
    /// Its name, on the command line and in the document's markers.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Click => "click",
            Scenario::ClickPostgres => "click-postgres",
            Scenario::Contact => "contact",
            Scenario::ContactPostgres => "contact-postgres",
            Scenario::Win => "win",
            Scenario::WinPostgres => "win-postgres",
            Scenario::Statistics => "statistics",
            Scenario::Pages => "pages",
            Scenario::Lean => "lean",
            Scenario::TwoServers => "two-servers",
        }
    }

    /// What it is, for the person at the terminal.
    pub fn what(self) -> String {
        self.to_possible_value().and_then(|value| Some(value.get_help()?.to_string())).unwrap_or_default()
    }

    /// Measures it.
    pub fn measure(self, plan: &Plan) -> Result<Report> {
        match self {
            Scenario::Click => clicks::measure(plan, On::Sqlite),
            Scenario::ClickPostgres => clicks::measure(plan, On::Postgres),
            Scenario::Contact => forms::contact(plan, On::Sqlite),
            Scenario::ContactPostgres => forms::contact(plan, On::Postgres),
            Scenario::Win => forms::win(plan, On::Sqlite),
            Scenario::WinPostgres => forms::win(plan, On::Postgres),
            Scenario::Statistics => statistics::measure(plan),
            Scenario::Pages => pages::measure(plan),
            Scenario::Lean => lean::measure(plan),
            Scenario::TwoServers => two_servers::measure(plan),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_is_typed() {
        for scenario in Scenario::value_variants() {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
            assert!(!scenario.what().is_empty());
        }
    }
}
