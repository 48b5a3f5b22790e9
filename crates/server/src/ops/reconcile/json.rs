//! A list of deals as a CRM's programming interface answers it: JSON with a list of objects somewhere in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Table,
    file::{FileError, MOST_LINES},
};

/// How many columns are made of objects; what is beyond has no place in a form.
const MOST_COLUMNS: usize = 300;

/// Whether a text is JSON rather than a table: no CSV of deals begins so.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['[', '{'])
}

/// Reads a list. Each object is a line, and what is nested is called by its path: `properties.amount`.
///
/// # Errors
/// [`FileError`], whose text can be shown.
pub(super) fn read(text: &str) -> Result<Table, FileError> {
    let text = text.trim_start_matches('\u{feff}');
    let objects = match serde_json::from_str::<Value>(text) {
        Ok(value) => longest_list(value).ok_or(FileError::NoLines)?,
        // One object in each line, as JSON Lines are.
        Err(error) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let read: Result<Vec<Value>, _> = lines.map(serde_json::from_str::<Value>).collect();
            read.map_err(|_| FileError::Json(error.to_string()))?
        }
    };
    if objects.len() > MOST_LINES {
        return Err(FileError::Long);
    }
    let mut headers: Vec<String> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Vec::with_capacity(objects.len());
    for (index, object) in objects.iter().enumerate() {
        let mut cells = vec![String::new(); headers.len()];
        let mut put = |path: &str, text: String| {
            let known = places.get(path).copied();
            let place = match known {
                Some(place) => place,
                None if headers.len() == MOST_COLUMNS => return,
                None => {
                    places.insert(path.to_owned(), headers.len());
                    headers.push(path.to_owned());
                    headers.len() - 1
                }
            };
            if cells.len() <= place {
                cells.resize(place + 1, String::new());
            }
            cells[place] = text;
        };
        flatten("", object, &mut put);
        if cells.iter().any(|cell| !cell.is_empty()) {
            lines.push((i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1), cells));
        }
    }
    if lines.is_empty() { Err(FileError::NoLines) } else { Ok(Table { headers, lines }) }
}

/// The longest list of objects in a value, the outermost of those as long.
fn longest_list(value: Value) -> Option<Vec<Value>> {
    let inner = |values: Vec<Value>| values.into_iter().filter_map(longest_list);
    let longer = |best: Option<Vec<Value>>, list: Vec<Value>| match best {
        Some(best) if best.len() >= list.len() => Some(best),
        _ => Some(list),
    };
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => Some(items),
        Value::Array(items) => inner(items).fold(None, longer),
        Value::Object(fields) => {
            inner(fields.into_iter().map(|(_, value)| value).collect()).fold(None, longer)
        }
        _ => None,
    }
}

/// Calls with the path and the text of everything in a value that is a text, a number or a yes or no.
fn flatten(path: &str, value: &Value, put: &mut impl FnMut(&str, String)) {
    let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&step(name), value, put)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&step(&index.to_string()), item, put);
            }
        }
        Value::String(text) if !path.is_empty() => put(path, text.replace('\0', "\u{fffd}")),
        Value::Number(number) if !path.is_empty() => put(path, number.to_string()),
        Value::Bool(yes) if !path.is_empty() => put(path, yes.to_string()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_interfaces_become_tables() {
        // As HubSpot, Pipedrive and Bitrix24 answer.
        for (text, headers) in [
            (
                r#"{"results": [{"id": "1", "properties": {"amount": "10.50", "dealstage": "closedwon"}},
                    {"id": "2", "properties": {"amount": null, "dealstage": "open"}}], "paging": {"next": {"after": "3"}}}"#,
                vec!["id", "properties.amount", "properties.dealstage"],
            ),
            (
                r#"{"success": true, "data": [{"id": 1, "status": "won", "value": 10.5, "person_id": {"name": "Ann", "email": [{"value": "a@b.c"}]}},
                    {"id": 2, "status": "open"}]}"#,
                vec!["id", "person_id.email.0.value", "person_id.name", "status", "value"],
            ),
            ("[{\"ID\": \"1\"}, {\"STAGE_ID\": \"WON\"}]", vec!["ID", "STAGE_ID"]),
            ("{\"id\": 1}\n{\"id\": 2, \"amount\": 5}\n", vec!["id", "amount"]),
        ] {
            assert!(is_json(text));
            let table = read(text).unwrap();
            assert_eq!(table.headers, headers, "{text}");
            assert_eq!(table.lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2], "{text}");
        }
        let table = read("\u{feff}[{\"id\": 7, \"value\": 1000.5}]").unwrap();
        assert_eq!(table.lines, [(1, vec!["7".to_owned(), "1000.5".to_owned()])]);
        assert!(!is_json("ID,Stage"));
    }

    #[test]
    fn what_holds_no_deals_is_told() {
        for text in ["[]", "{}", "[[1, 2]]", "{\"results\": []}", "[{}]"] {
            assert_eq!(read(text), Err(FileError::NoLines), "{text}");
        }
        assert!(matches!(read("{\"results\": ["), Err(FileError::Json(_))));
    }
}
