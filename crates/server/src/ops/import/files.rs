//! Reading the files: every row checked by itself, and everything that is wrong told at once.

use domain::{
    clock::Timestamp,
    import::{self, BalanceRow, Cells, ClientRow, DealRow, Fault, HeaderFault, Kind, Layout, PartnerRow},
    money::Currency,
};
use sha2::{Digest, Sha256};

use super::{
    File, Order, hex,
    report::{Problem, Report},
};

/// Where a row stands, and how it is told from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    /// The line.
    pub(super) line: u64,
    /// The beginning of the hash of the row.
    pub(super) fingerprint: String,
}

/// What was read of all files, with what is wrong so far.
#[derive(Debug, Default)]
pub struct Parsed {
    pub(super) partners: Vec<(At, PartnerRow)>,
    pub(super) clients: Vec<(At, ClientRow)>,
    pub(super) deals: Vec<(At, DealRow)>,
    pub(super) balances: Vec<(At, BalanceRow)>,
    /// What the files are called.
    names: Vec<(Kind, String)>,
    /// What was found in reading.
    pub report: Report,
}

impl Parsed {
    /// Whether there is a file of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.names.iter().any(|(known, _)| *known == kind)
    }

    /// Which of the files a name is.
    pub(super) fn place(&self, name: &str) -> usize {
        self.names.iter().position(|(_, known)| known == name).unwrap_or(usize::MAX)
    }

    /// What the file of a kind is called.
    pub(super) fn name(&self, kind: Kind) -> &str {
        self.names.iter().find(|(known, _)| *known == kind).map_or(kind.as_str(), |(_, name)| name)
    }
}

/// Reads the files. Nothing in them is looked up yet.
pub fn read(order: &Order, currency: Currency, now: Timestamp) -> Parsed {
    let mut parsed = Parsed::default();
    for kind in Kind::ALL {
        let Some(file) = order.files.iter().find(|file| file.kind == kind) else { continue };
        parsed.names.push((kind, file.name.clone()));
        parsed.report.count(kind);
        read_file(order, file, currency, now, &mut parsed);
    }
    parsed
}

/// What parts the columns: what stands most often in the first line.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: &u8| first.iter().filter(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(count).unwrap_or(b',')
}

fn read_file(order: &Order, file: &File, currency: Currency, now: Timestamp, parsed: &mut Parsed) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&file.bytes))
        .from_reader(file.bytes.as_slice());
    let mut layout: Option<Layout> = None;
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                stop(parsed, file, line, "", "The file can't be read as CSV from here on.");
                return;
            }
        }
        let line = record.position().map_or(0, |position| line_of(position, &file.bytes));
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        let cells: Result<Vec<String>, _> =
            record.iter().map(|cell| std::str::from_utf8(cell).map(str::to_owned)).collect();
        let Ok(cells) = cells else {
            stop(parsed, file, line, "", "The line is not UTF-8. Save the file as CSV in UTF-8.");
            if layout.is_none() {
                return;
            }
            continue;
        };
        let Some(layout) = &layout else {
            match import::layout(file.kind, order.preset, &cells) {
                Ok(found) => {
                    if !found.ignored.is_empty() {
                        let sentence =
                            format!("Nothing is done with these columns: {}.", found.ignored.join(", "));
                        say(parsed, file, line, "", sentence, false);
                    }
                    layout = Some(found);
                }
                Err(faults) => {
                    faults.iter().for_each(|fault: &HeaderFault| stop(parsed, file, line, "", fault));
                    return;
                }
            }
            continue;
        };
        parsed.report.count(file.kind).rows += 1;
        if cells.len() != layout.width {
            let sentence = format!(
                "The line has {} columns, the first line has {}. A comma in a text needs quotes around the text.",
                cells.len(),
                layout.width
            );
            stop(parsed, file, line, "", sentence);
            continue;
        }
        let at = At { line, fingerprint: fingerprint(&cells) };
        let row = Cells::new(layout, &cells);
        let faults = match file.kind {
            Kind::Partners => import::partner(&row, now).map(|row| parsed.partners.push((at, row))),
            Kind::Clients => import::client(&row, now).map(|row| parsed.clients.push((at, row))),
            Kind::Deals => import::deal(&row, currency, now).map(|row| parsed.deals.push((at, row))),
            Kind::Balances => import::balance(&row, currency, now).map(|row| parsed.balances.push((at, row))),
        };
        for Fault { column, sentence } in faults.err().unwrap_or_default() {
            stop(parsed, file, line, column, sentence);
        }
    }
    if layout.is_none() {
        stop(parsed, file, 0, "", "The file is empty. Its first line has the names of the columns.");
    }
}

/// The line on which a row begins. The reader counts an end of two signs only once it is past the second one.
fn line_of(position: &csv::Position, bytes: &[u8]) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let before =
        bytes.get(from..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + before.filter(|byte| **byte == b'\n').count() as u64
}

fn stop(parsed: &mut Parsed, file: &File, line: u64, column: &str, sentence: impl ToString) {
    say(parsed, file, line, column, sentence, true);
}

fn say(parsed: &mut Parsed, file: &File, line: u64, column: &str, sentence: impl ToString, stops: bool) {
    let (column, sentence) = (column.to_owned(), sentence.to_string());
    parsed.report.problems.push(Problem { file: file.name.clone(), line, column, sentence, stops });
}

fn fingerprint(cells: &[String]) -> String {
    let mut digest = Sha256::new();
    for cell in cells {
        digest.update((cell.len() as u64).to_be_bytes());
        digest.update(cell.as_bytes());
    }
    hex(&digest.finalize()[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kind: Kind, bytes: &[u8]) -> Parsed {
        let file = File { kind, name: format!("{}.csv", kind.as_str()), bytes: bytes.to_vec() };
        let order = Order {
            files: vec![file],
            preset: None,
            source: "csv".into(),
            source_given: false,
            dry_run: true,
            invite: false,
        };
        read(&order, Currency::USD, Timestamp::from_micros(1_795_421_400_000_000))
    }

    fn said(kind: Kind, bytes: &[u8]) -> Vec<String> {
        parsed(kind, bytes).report.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_of_other_programs_are_read() {
        for text in [
            "email,name\r\nann@example.com,\"Obi, Ann\"\r\n\r\n",
            "\u{feff}email;name\nann@example.com;Obi, Ann\n",
            "email\tname\nann@example.com\tObi, Ann",
        ] {
            let parsed = parsed(Kind::Partners, text.as_bytes());
            assert_eq!(parsed.report.problems, [], "{text}");
            let [(at, ann)] = &parsed.partners[..] else { panic!("{text}") };
            assert_eq!((at.line, ann.name.as_str()), (2, "Obi, Ann"));
        }
    }

    #[test]
    fn every_line_that_is_wrong_is_named() {
        assert_eq!(
            said(Kind::Partners, b"email,shoe\nann@example.com,\nbob,1\n\"two\nlines@example.com\",\nx@example.com\n\xff@example.com,\n"),
            [
                "partners.csv, line 1: Nothing is done with these columns: shoe.",
                "partners.csv, line 3, email: An email address has a name, an @ and a domain: name@example.com.",
                "partners.csv, line 4, email: The email address has a hidden control character in it (U+000A). Remove it or type the text again.",
                "partners.csv, line 4, name: The name must be on one line, without tabs or line breaks.",
                "partners.csv, line 6: The line has 1 columns, the first line has 2. A comma in a text needs quotes around the text.",
                "partners.csv, line 7: The line is not UTF-8. Save the file as CSV in UTF-8.",
            ]
        );
        assert_eq!(
            said(Kind::Deals, b" \n"),
            ["deals.csv: The file is empty. Its first line has the names of the columns."]
        );
    }
}
