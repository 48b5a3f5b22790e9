//! Searching: text is kept in lower case beside the row and compared with LIKE, the same on both databases.

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
