//! How a list is read: which column says what, what the stages mean, and which differences are looked for.

use std::collections::BTreeMap;

use domain::{
    clock::Timestamp,
    deal::DealStatus,
    money::{Currency, Money},
    reconcile::{DecimalSign, FIELDS, Field, guess, guess_status},
};
use serde::{Deserialize, Serialize};

use super::Table;
use crate::ops::crm::mapping::{Meaning, News};

/// How a list is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The header of the column for each field, by the word of the field.
    pub columns: BTreeMap<String, String>,
    /// What the CRM's words for stages mean.
    pub stages: Vec<(String, Meaning)>,
    /// Deals made here before this moment are not expected in the list (microseconds).
    pub since: Option<i64>,
    /// The headers that the list had: what a column of those says was decided.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Whether deals that aren't here matter only where they name a partner's code.
    pub only_named: bool,
}

/// Stages of a list without a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsetStages(pub Vec<String>);

/// How many words for stages a list may have: more are no stages.
pub const MOST_STAGES: usize = 100;

/// A line of a list, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its number.
    pub(super) line: i64,
    /// What it says.
    pub(super) news: News,
    /// What its stage means; none where it is of no interest.
    pub(super) status: Option<DealStatus>,
    /// Its amount, or why there is none.
    pub(super) amount: Result<Option<Money>, String>,
}

impl Reading {
    /// What is likely for a list: as the last one was read where the columns are called so, otherwise by the headers.
    pub fn likely(table: &Table, last: &Reading) -> Reading {
        let guessed = guess(&table.headers);
        let headers = table.headers.clone();
        let mut reading = Reading { only_named: last.only_named, headers, ..Reading::default() };
        let known = Field::Stage;
        let same_list = last.columns.get(known.as_str()).is_some_and(|header| table.column(header).is_some());
        for (field, ..) in FIELDS {
            let before = last.columns.get(field.as_str()).filter(|header| table.column(header).is_some());
            let by_header =
                guessed.iter().find(|(known, _)| *known == field).map(|(_, index)| &table.headers[*index]);
            let undecided = |header: &&String| !same_list || !last.headers.contains(header);
            if let Some(header) = before.or(by_header.filter(undecided)) {
                reading.columns.insert(field.as_str().to_owned(), header.clone());
            }
        }
        let meaning = |stage: &String| {
            let known = last.stages.iter().find(|(word, _)| word.eq_ignore_ascii_case(stage));
            known.map_or_else(|| guessed_meaning(stage), |(_, meaning)| *meaning)
        };
        let words = reading.stage_words(table).unwrap_or_default();
        reading.stages = words.iter().map(|word| (word.clone(), meaning(word))).collect();
        if last.columns.is_empty() {
            reading.only_named = reading.column(table, Field::Code).is_some();
        }
        reading
    }

    /// The place of the column for a field.
    pub fn column(&self, table: &Table, field: Field) -> Option<usize> {
        table.column(self.columns.get(field.as_str()).map_or("", String::as_str))
    }

    /// The words for stages in a list, in the order of their coming. None where there are too many to be stages.
    pub fn stage_words(&self, table: &Table) -> Option<Vec<String>> {
        let column = self.column(table, Field::Stage);
        let mut words: Vec<String> = Vec::new();
        for (_, line) in &table.lines {
            let word = table.cell(line, column);
            if !word.is_empty() && !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                words.push(word.to_owned());
            }
            if words.len() > MOST_STAGES {
                return None;
            }
        }
        Some(words)
    }

    /// What a word for a stage means, if that is said.
    pub fn meaning(&self, stage: &str) -> Option<Meaning> {
        self.stages.iter().find(|(word, _)| word.eq_ignore_ascii_case(stage)).map(|(_, meaning)| *meaning)
    }

    /// The moment since which deals are expected in the list.
    pub fn since(&self) -> Option<Timestamp> {
        self.since.map(Timestamp::from_micros)
    }

    /// As it is kept.
    pub(super) fn as_json(&self) -> String {
        serde_json::to_string(self).expect("words and numbers make JSON")
    }

    /// The lines of a list.
    ///
    /// # Errors
    /// [`UnsetStages`] where stages have no meaning.
    pub(super) fn lines(&self, table: &Table, currency: Currency) -> Result<Vec<Line>, UnsetStages> {
        let words = self.stage_words(table).unwrap_or_default();
        let unset: Vec<String> = words.into_iter().filter(|word| self.meaning(word).is_none()).collect();
        if !unset.is_empty() {
            return Err(UnsetStages(unset));
        }
        let column = |field| self.column(table, field);
        let amounts = column(Field::Amount);
        let sign = DecimalSign::of(table.lines.iter().map(|(_, line)| table.cell(line, amounts)));
        let read = |(number, line): &(i64, Vec<String>)| {
            let of = |field| table.cell(line, column(field)).to_owned();
            let news = News {
                deal: of(Field::Deal),
                number: of(Field::Number),
                client: of(Field::Client),
                stage: of(Field::Stage),
                amount: of(Field::Amount),
                currency: of(Field::Currency),
                reason: of(Field::Reason),
                name: of(Field::Name),
                email: of(Field::Email),
                phone: of(Field::Phone),
                code: of(Field::Code),
                title: of(Field::Title),
                ..News::default()
            };
            let in_ours = news.currency.is_empty() || news.currency.eq_ignore_ascii_case(currency.code());
            let amount = if in_ours {
                DecimalSign::read(sign, &news.amount, currency).map_err(|error| error.to_string())
            } else {
                Err(format!(
                    "The amount is in {}, the programme counts in {}.",
                    news.currency,
                    currency.code()
                ))
            };
            let status = self.meaning(&news.stage).and_then(Meaning::status);
            Line { line: *number, news, status, amount }
        };
        Ok(table.lines.iter().map(read).collect())
    }
}

fn guessed_meaning(stage: &str) -> Meaning {
    match guess_status(stage) {
        DealStatus::Pending => Meaning::Pending,
        DealStatus::Won => Meaning::Won,
        DealStatus::Lost => Meaning::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::reconcile::read;

    #[test]
    fn a_list_is_read_as_its_headers_say_or_as_the_last_one_was() {
        let (_, table) =
            read(b"Deal ID,Stage,Amount,Ref\n1,Won,\"1,000.50\",\n2,Talking,,M4K7QX2P\n").unwrap();
        let guessed = Reading::likely(&table, &Reading::default());
        assert_eq!(guessed.columns["deal"], "Deal ID");
        assert_eq!(guessed.stages, [("Won".into(), Meaning::Won), ("Talking".into(), Meaning::Pending)]);
        assert!(guessed.only_named);
        let last = Reading {
            columns: [("stage".into(), "Stage".into()), ("deal".into(), "Ref".into())].into(),
            stages: vec![("talking".into(), Meaning::Ignore)],
            headers: table.headers.clone(),
            ..Reading::default()
        };
        let again = Reading::likely(&table, &last);
        assert_eq!(again.columns, last.columns);
        assert_eq!(again.meaning("Talking"), Some(Meaning::Ignore));
        // A column that the last list didn't have is guessed.
        let (_, wider) = read(b"Deal ID,Stage,Amount,Ref,Email\n1,Won,5,,a@b.example\n").unwrap();
        assert_eq!(Reading::likely(&wider, &last).columns["email"], "Email");
        let kept: Reading = serde_json::from_str(&again.as_json()).unwrap();
        assert_eq!(kept, again);
    }

    #[test]
    fn lines_say_what_their_columns_say() {
        let (_, table) = read(
            "ID;Stage;Amount;Currency\n1;Won;1.000;USD\n2;Won;20,50;\n3;Won;5;EUR\n4;Won;x;USD\n".as_bytes(),
        )
        .unwrap();
        let mut reading = Reading::likely(&table, &Reading::default());
        let lines = reading.lines(&table, Currency::USD).unwrap();
        let amounts: Vec<_> =
            lines.iter().map(|line| line.amount.clone().ok().flatten().map(Money::minor)).collect();
        assert_eq!(amounts, [Some(100_000), Some(2_050), None, None]);
        assert!(lines[2].amount.as_ref().unwrap_err().contains("in EUR"));
        assert_eq!(
            (lines[1].line, lines[1].news.deal.as_str(), lines[1].status),
            (3, "2", Some(DealStatus::Won))
        );
        reading.stages.clear();
        assert_eq!(reading.lines(&table, Currency::USD).unwrap_err(), UnsetStages(vec!["Won".into()]));
        let many: String = (0..=MOST_STAGES).map(|n| format!("{n},s{n}\n")).collect();
        let (_, table) = read(format!("ID,Stage\n{many}").as_bytes()).unwrap();
        assert_eq!(Reading::likely(&table, &Reading::default()).stage_words(&table), None);
    }
}
