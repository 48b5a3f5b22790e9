//! Names in sentences: found and taken out as whole words, so that nobody else's words and no figures are damaged.

/// Whether a text tells somebody apart in a sentence. "5" and "An" are words and numbers of other sentences; names in scripts
/// without capitals are often two signs long, and the sentences here are in Latin letters.
pub(crate) fn is_telling(name: &str) -> bool {
    let weight = |c: char| match c {
        c if !c.is_alphabetic() => 0,
        c if c.is_lowercase() || c.is_uppercase() => 1,
        _ => 2,
    };
    name.chars().map(weight).sum::<usize>() >= 3
}

/// The places of a name in a text where neither sign beside it goes on with the word.
fn places<'a>(text: &'a str, name: &'a str, goes_on: fn(char) -> bool) -> impl Iterator<Item = usize> + 'a {
    let name = if is_telling(name) { name } else { "" };
    let places = text.match_indices(name).filter(move |_| !name.is_empty());
    places.map(|(at, _)| at).filter(move |at| {
        let (before, after) = (text[..*at].chars().next_back(), text[at + name.len()..].chars().next());
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

/// Whether a text names somebody. Email addresses and double names go on at their signs.
pub(crate) fn names(text: &str, name: &str) -> bool {
    places(text, name, |c| c.is_alphanumeric() || matches!(c, '-' | '_' | '+')).next().is_some()
}

/// The text with a name replaced wherever it is a whole word; none where it is not there.
pub(crate) fn without(text: &str, name: &str, instead: &str) -> Option<String> {
    if text == name && !name.is_empty() {
        return Some(instead.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for at in places(text, name, char::is_alphanumeric) {
        out.push_str(&text[from..at]);
        out.push_str(instead);
        from = at + name.len();
    }
    (from > 0).then(|| out + &text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(names("Ann requests $600", "Ann") && names("from Ann.", "Ann") && names("Ann", "Ann"));
        assert!(
            !names("The Annual report of Joann", "Ann") && !names("to ann@example.com", "nn@example.com")
        );
        assert!(names("Client: C-1 Åsa Öst", "Åsa Öst"));
        assert!(!names("5 % of $5,000.00", "5"));
    }

    #[test]
    fn only_the_name_is_taken_out() {
        let without = |text, name| without(text, name, "Nobody");
        assert_eq!(without("Ann's, says Ann", "Ann").as_deref(), Some("Nobody's, says Nobody"));
        assert_eq!(without("Annual, Joann, Ann2", "Ann"), None);
        assert_eq!(without("王伟 was here", "王伟").as_deref(), Some("Nobody was here"));
        // Words and figures of everybody.
        assert_eq!(without("5 % from a volume of $5,000.00", "5"), None);
        assert_eq!(without("An agreed rate", "An"), None);
        assert_eq!(without("12.5 %", "12.5"), None);
        assert_eq!(without("5", "5").as_deref(), Some("Nobody"));
        assert_eq!(without("", ""), None);
    }

    proptest! {
        /// What is taken out is the name and nothing else: putting it back gives the text.
        #[test]
        fn nothing_else_changes(words in proptest::collection::vec("[A-Za-z0-9$.,é王-]{0,6}", 0..8), name in "[A-Za-z0-9é王]{1,5}( [A-Za-z]{1,4})?") {
            let text = words.join(" ");
            let mark = "\u{1}";
            match without(&text, &name, mark) {
                None => prop_assert!(text != name),
                Some(taken) => {
                    prop_assert_eq!(taken.replace(mark, &name), text.clone());
                    prop_assert!(is_telling(&name) || text == name);
                    let around = taken.split(mark).collect::<Vec<_>>();
                    for pair in around.windows(2) {
                        prop_assert!(!pair[0].ends_with(char::is_alphanumeric) && !pair[1].starts_with(char::is_alphanumeric));
                    }
                }
            }
        }

        /// Whatever a client is called, figures stay.
        #[test]
        fn figures_stay(name in "[0-9.,$% ]{1,6}", rate in 0u32..100, amount in 0u32..1_000_000) {
            let text = format!("{rate} % from a volume of ${amount}.00");
            prop_assert_eq!(without(&text, &name, "Nobody"), None);
        }
    }
}
