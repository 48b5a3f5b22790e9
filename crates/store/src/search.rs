//! Searching: text is kept in lower case beside the row and compared with LIKE, the same on both databases. A list that
//! grows with history is looked through in stretches: a search that finds little says how far it has come.

/// What was found, and where to look further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T, K> {
    /// The rows, in the order of the list.
    pub rows: Vec<T>,
    /// The rows may be fewer than asked for because only a stretch of the list was looked through: it goes on here.
    pub further: Option<K>,
}

impl<T, K> Found<T, K> {
    /// All that there is, or as much as was asked for.
    pub fn all(rows: Vec<T>) -> Found<T, K> {
        Found { rows, further: None }
    }

    /// Found in a stretch whose end is known, unless the list ends in it. A full page goes on after its last row instead.
    pub fn in_stretch(rows: Vec<T>, limit: i64, end: Option<K>) -> Found<T, K> {
        let full = i64::try_from(rows.len()).is_ok_and(|found| found >= limit);
        Found { rows, further: end.filter(|_| !full) }
    }
}

/// Above every identifier: where a list begins whose newest rows come first.
pub(crate) const NEWEST: &str = "~";

/// The LIKE pattern (escaped by a backslash) for text that holds what was typed, in lower case.
pub fn like(typed: &str) -> String {
    let mut pattern = String::from("%");
    for character in typed.trim().to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn signs_with_a_meaning_are_taken_literally() {
        assert_eq!(super::like(" 100%_A\\ "), "%100\\%\\_a\\\\%");
    }
}
