//! Rows of exported tables as people and programs read them.

use domain::{
    clock::{Day, Timestamp},
    money::{Currency, Money},
    rate::Rate,
    wallet::{self, WalletKind},
};
use serde_json::{Map, Value as Json, json};
use store::{
    Value,
    exports::{Kind, Table},
};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, RFC 4180; cells that a spreadsheet would run begin with an apostrophe.
    Csv,
    /// An object on each line.
    JsonLines,
}

impl Format {
    /// The ending of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// Reads the ending back.
    pub fn from_word(word: &str) -> Option<Format> {
        [Format::Csv, Format::JsonLines].into_iter().find(|format| format.as_str() == word)
    }

    /// What stands before the first row.
    pub fn head(self, table: &Table) -> Vec<u8> {
        let names = table.columns.iter().map(|(name, ..)| (*name).to_owned());
        if self == Format::Csv { line(&names.collect::<Vec<_>>()) } else { Vec::new() }
    }

    /// One row.
    pub fn row(self, table: &Table, row: &[Value], currency: Currency) -> Vec<u8> {
        let cells = table.columns.iter().zip(row).enumerate();
        let kind_before = |place: usize| match place.checked_sub(1).map(|before| &row[before]) {
            Some(Value::Text(word)) => WalletKind::from_word(word),
            _ => None,
        };
        match self {
            Format::Csv => {
                let cell = |(place, ((_, _, kind), value)): (usize, (&(&str, &str, Kind), &Value))| {
                    let text = plain(*kind, value, currency, kind_before(place));
                    if matches!(value, Value::Text(_)) { crate::cell::text(&text) } else { text }
                };
                line(&cells.map(cell).collect::<Vec<_>>())
            }
            Format::JsonLines => {
                let mut object = Map::new();
                for (place, ((name, _, kind), value)) in cells {
                    let value = match (kind, value) {
                        (_, Value::Null) => Json::Null,
                        (Kind::Number, Value::Int(number)) => json!(number),
                        _ => json!(plain(*kind, value, currency, kind_before(place))),
                    };
                    object.insert((*name).to_owned(), value);
                }
                let mut text = Json::Object(object).to_string().into_bytes();
                text.push(b'\n');
                text
            }
        }
    }
}

fn plain(kind: Kind, value: &Value, currency: Currency, wallet_kind: Option<WalletKind>) -> String {
    match (kind, value) {
        (_, Value::Null) => String::new(),
        (Kind::Wallet, Value::Text(text)) => {
            wallet_kind.map_or_else(|| "…".to_owned(), |kind| wallet::masked(kind, text).to_string())
        }
        (_, Value::Text(text)) => text.clone(),
        (Kind::Money, Value::Int(minor)) => currency.format_plain(Money::from_minor(*minor)),
        (Kind::Rate, Value::Int(bp)) => Rate::from_basis_points(*bp).map_or_else(String::new, Rate::percent),
        (Kind::Moment, Value::Int(at)) => Timestamp::from_micros(*at).rfc3339(),
        (Kind::Day, Value::Int(day)) => Day(*day).iso(),
        (_, Value::Int(number)) => number.to_string(),
    }
}

fn line(cells: &[String]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Into memory, which refuses nothing.
    _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}
