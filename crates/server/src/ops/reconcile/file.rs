//! A list of deals as a CRM writes it: CSV with a line of headers, or JSON.

use domain::reconcile::headers;

use super::json;

/// The largest file that is taken (bytes).
pub const MOST_BYTES: usize = 20 * 1024 * 1024;
/// How many lines are taken.
pub const MOST_LINES: usize = 100_000;

/// Why a file can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing is in it.
    #[error("Choose a file, or paste its text.")]
    Empty,
    /// It is too large.
    #[error("The file is larger than 20 MiB. Export a shorter time.")]
    Large,
    /// It has too many lines.
    #[error("The file has more than 100,000 lines. Export a shorter time.")]
    Long,
    /// It isn't text.
    #[error(
        "The file is not UTF-8 text. Save it as CSV in UTF-8; a spreadsheet file (XLSX) has to be saved as CSV first."
    )]
    Binary,
    /// A line isn't CSV.
    #[error("Line {0} can't be read as CSV.")]
    Broken(u64),
    /// It begins like JSON and isn't.
    #[error("The text begins like JSON and can't be read as such: {0}.")]
    Json(String),
    /// There are no lines below the headers.
    #[error(
        "The file has no deals in it. The first line of a table names the columns, each other line is a deal; JSON holds a list of objects."
    )]
    NoLines,
    /// Headers stand there twice.
    #[error("Two columns are called \"{0}\". Give them different names.")]
    Twice(String),
}

/// A list, cut into lines and columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What the columns are called.
    pub headers: Vec<String>,
    /// The number of each line with its cells; lines without anything are left out.
    pub lines: Vec<(i64, Vec<String>)>,
}

impl Table {
    /// A cell; empty where the line is shorter.
    pub fn cell<'a>(&self, line: &'a [String], column: Option<usize>) -> &'a str {
        column.and_then(|column| line.get(column)).map_or("", |cell| cell.trim())
    }

    /// The place of a column.
    pub fn column(&self, header: &str) -> Option<usize> {
        self.headers.iter().position(|known| known == header).filter(|_| !header.is_empty())
    }
}

/// Reads a file as text.
///
/// # Errors
/// [`FileError`], whose text can be shown.
pub fn text(bytes: &[u8]) -> Result<String, FileError> {
    match bytes {
        [] => Err(FileError::Empty),
        bytes if bytes.len() > MOST_BYTES => Err(FileError::Large),
        // As some spreadsheets save "Unicode text".
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        bytes => String::from_utf8(bytes.to_vec()).map_err(|_| FileError::Binary),
    }
    .and_then(|text| if text.contains('\0') { Err(FileError::Binary) } else { Ok(text) })
}

fn wide(bytes: &[u8], read: impl Fn([u8; 2]) -> u16) -> Result<String, FileError> {
    let units = bytes.chunks(2).map(|pair| match pair {
        [a, b] => Ok(read([*a, *b])),
        _ => Err(FileError::Binary),
    });
    let units: Vec<u16> = units.collect::<Result<_, _>>()?;
    String::from_utf16(&units).map_err(|_| FileError::Binary)
}

/// Reads a list.
///
/// # Errors
/// [`FileError`], whose text can be shown.
pub fn read(bytes: &[u8]) -> Result<(String, Table), FileError> {
    let text = text(bytes)?;
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(FileError::Empty);
    }
    let table = if json::is_json(&text) { json::read(&text)? } else { table(&text)? };
    Ok((text, table))
}

/// What parts the columns: what stands most often in the first line.
fn delimiter(text: &str) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn table(text: &str) -> Result<Table, FileError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut table = Table::default();
    for record in reader.records() {
        let record =
            record.map_err(|error| FileError::Broken(error.position().map_or(0, csv::Position::line)))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if table.headers.is_empty() {
            table.headers = headers(&cells);
            let twice = |(index, header): (usize, &String)| table.headers[..index].contains(header);
            if let Some(index) =
                (0..table.headers.len()).find(|index| twice((*index, &table.headers[*index])))
            {
                return Err(FileError::Twice(table.headers[index].clone()));
            }
            continue;
        }
        if table.lines.len() == MOST_LINES {
            return Err(FileError::Long);
        }
        let line = record.position().map_or(0, |position| i64::try_from(position.line()).unwrap_or(0));
        table.lines.push((line, cells));
    }
    if table.lines.is_empty() { Err(FileError::NoLines) } else { Ok(table) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_several_programs_are_read() {
        for text in [
            "ID,Stage,Amount\r\n1,Won,\"1,000.00\"\r\n\r\n2,Open\r\n",
            "\u{feff}ID;Stage;Amount\n1;Won;1,000.00\n;;\n2;Open\n",
            "ID\tStage\tAmount\n1\tWon\t1,000.00\n\n2\tOpen",
        ] {
            let (kept, table) = read(text.as_bytes()).unwrap();
            assert_eq!(kept, text);
            assert_eq!(table.headers, ["ID", "Stage", "Amount"]);
            let amount = table.column("Amount");
            let cells: Vec<&str> = table.lines.iter().map(|(_, line)| table.cell(line, amount)).collect();
            assert_eq!(cells, ["1,000.00", ""], "{text}");
            assert_eq!(table.column(""), None);
        }
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("ID\n1".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&wide).unwrap().1.lines, [(2, vec!["1".to_owned()])]);
    }

    #[test]
    fn what_is_no_list_is_told() {
        for (bytes, error) in [
            (&b""[..], FileError::Empty),
            (b" \n\n", FileError::Empty),
            (b"ID,Stage\n", FileError::NoLines),
            (b"ID,ID\n1,2", FileError::Twice("ID".into())),
            (b"PK\x03\x04\xff\xfe", FileError::Binary),
            (b"a\0b\n1", FileError::Binary),
            (&[0xff, 0xfe, 1], FileError::Binary),
        ] {
            assert_eq!(read(bytes).map(|(_, table)| table), Err(error));
        }
        let long = format!("ID\n{}", "1\n".repeat(MOST_LINES + 1));
        assert_eq!(read(long.as_bytes()).map(|(_, table)| table), Err(FileError::Long));
        let large = vec![b'a'; MOST_BYTES + 1];
        assert_eq!(text(&large), Err(FileError::Large));
    }
}
