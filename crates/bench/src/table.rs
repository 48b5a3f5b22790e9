//! What a scenario has found: tables, and for each aim whether it was reached.

use crate::compare::{Ratio, Rounds};

/// What a scenario has found.
#[derive(Debug, Default)]
pub struct Report {
    parts: Vec<String>,
    missed: Vec<String>,
}

impl Report {
    /// Adds a table.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(&head.map(str::to_owned)), line(&head.map(|_| "---".to_owned()))];
        lines.extend(rows.iter().map(|row| line(row)));
        self.parts.push(lines.join("\n"));
    }

    /// Says whether an aim was reached.
    pub fn aim(&mut self, aim: &str, measured: impl std::fmt::Display, reached: bool) {
        let verdict = if reached { "Reached" } else { "**Not reached**" };
        self.parts.push(format!("{verdict}: {aim}; measured {measured}."));
        if !reached {
            self.missed.push(format!("{aim}; measured {measured}"));
        }
    }

    /// Says whether a share of the floor was reached.
    pub fn share(&mut self, what: &str, least: Ratio, rounds: &Rounds) {
        let aim = format!("{what}, at least {least} of the floor");
        self.aim(&aim, rounds.text(), rounds.median() >= least);
    }

    /// Says whether each of several reached a share of its floor, and which came closest to missing it or missed it most.
    pub fn each_share(&mut self, what: &str, least: Ratio, all: &[(&str, &Rounds)]) {
        let worst = all.iter().min_by_key(|(_, rounds)| rounds.median());
        let Some((name, worst)) = worst else { return };
        let reached = all.iter().filter(|(_, rounds)| rounds.median() >= least).count();
        let measured = format!("{reached} of {} do; the lowest is {name} with {}", all.len(), worst.median());
        self.aim(&format!("{what}, each at least {least} of the floor"), measured, worst.median() >= least);
    }

    /// Adds a sentence.
    pub fn say(&mut self, sentence: impl Into<String>) {
        self.parts.push(sentence.into());
    }

    /// The aims that were not reached.
    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.missed.iter().map(String::as_str)
    }

    /// For the document.
    pub fn markdown(&self) -> String {
        self.parts.join("\n\n")
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        self.parts.join("\n")
    }
}

/// The row of a comparison: what, ours, the floor, the ratio.
pub fn row(what: &str, rounds: &Rounds) -> [String; 4] {
    [what.to_owned(), grouped(rounds.ours()), grouped(rounds.floor()), rounds.text()]
}

/// `12,345`.
pub fn grouped(number: i64) -> String {
    domain::text::grouped(number)
}

/// Microseconds as milliseconds: `1.23 ms`.
pub fn millis(micros: i64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

/// Bytes as megabytes (10^6): `12.3 MB`.
pub fn megabytes(bytes: i64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_that_was_not_reached_is_said_plainly() {
        let mut report = Report::default();
        let rounds = Rounds { ours: vec![59], floor: vec![100] };
        report.table(["what", "ours", "floor", "ratio"], &[row("clicks", &rounds)]);
        report.share("clicks", Ratio(600), &rounds);
        report.share("clicks", Ratio(500), &rounds);
        let text = report.markdown();
        assert!(text.starts_with(
            "| what | ours | floor | ratio |\n| --- | --- | --- | --- |\n| clicks | 59 | 100 | 0.59"
        ));
        assert!(
            text.contains("**Not reached**: clicks, at least 0.60 of the floor; measured 0.59 (0.59–0.59).")
        );
        assert!(text.contains("\nReached: clicks, at least 0.50"));
        assert_eq!(report.missed().count(), 1);
    }

    #[test]
    fn of_several_the_lowest_decides() {
        let (good, bad) =
            (Rounds { ours: vec![70], floor: vec![100] }, Rounds { ours: vec![20], floor: vec![100] });
        let mut report = Report::default();
        report.each_share("pages", Ratio(500), &[("a", &good), ("b", &bad)]);
        let missed: Vec<_> = report.missed().collect();
        assert_eq!(
            missed,
            ["pages, each at least 0.50 of the floor; measured 1 of 2 do; the lowest is b with 0.20"]
        );
        let mut report = Report::default();
        report.each_share("pages", Ratio(500), &[("a", &good)]);
        assert_eq!(report.missed().count(), 0);
    }

    #[test]
    fn units_are_written_for_people() {
        assert_eq!(millis(1_234), "1.23 ms");
        assert_eq!(megabytes(40_250_000), "40.2 MB");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
