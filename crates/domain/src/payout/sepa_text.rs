//! Texts in the letters that every bank takes (EPC217-08): a to z, A to Z, 0 to 9, `/ - ? : ( ) . , ' +` and space.

/// A text in SEPA's letters, at most `max` of them. Other scripts are written in Latin letters, other signs become a
/// full stop; nothing begins or ends with a slash, and no two slashes follow each other.
pub fn sepa_text(text: &str, max: usize) -> String {
    let mut latin = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if is_allowed(letter) => latin.push(letter),
            '&' => latin.push('+'),
            '@' => latin.push_str("(at)"),
            '_' => latin.push('-'),
            'ä' => latin.push_str("ae"),
            'ö' => latin.push_str("oe"),
            'ü' => latin.push_str("ue"),
            'Ä' => latin.push_str("Ae"),
            'Ö' => latin.push_str("Oe"),
            'Ü' => latin.push_str("Ue"),
            letter if letter.is_whitespace() => latin.push(' '),
            letter if letter.is_control() || is_picture(letter) => {}
            letter => match deunicode::deunicode_char(letter) {
                Some(written) => {
                    latin.extend(written.chars().map(|c| if is_allowed(c) { c } else { '.' }));
                }
                None => latin.push('.'),
            },
        }
    }
    let mut tidy = String::with_capacity(latin.len());
    for letter in latin.chars() {
        let doubles = matches!(letter, ' ' | '/') && tidy.ends_with(letter);
        if !doubles {
            tidy.push(letter);
        }
    }
    let ends = |c: char| matches!(c, ' ' | '/');
    let tidy: String = tidy.trim_matches(ends).chars().take(max).collect();
    tidy.trim_end_matches(ends).to_owned()
}

/// Whether it is an emoji or another little picture, or what joins them.
fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{2190}'..='\u{2bff}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

fn is_allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_readable() {
        for (text, written) in [
            ("Mara Lindqvist", "Mara Lindqvist"),
            ("Jürgen Groß & Söhne", "Juergen Gross + Soehne"),
            ("Łukasz Żółć", "Lukasz Zolc"),
            ("Мария Иванова", "Mariia Ivanova"),
            ("Γιώργος", "Giorgos"),
            ("Pia Ångström 🦊", "Pia Angstroem"),
            ("☎ Ann – 👩\u{200d}🚀", "Ann -"),
            ("O'Brien <x>", "O'Brien .x."),
            ("a@b_c //d/", "a(at)b-c /d"),
            ("  two\n lines ", "two lines"),
            ("", ""),
        ] {
            assert_eq!(sepa_text(text, 70), written);
        }
        assert_eq!(sepa_text(&"ab ".repeat(50), 6), "ab ab");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_in_the_set_and_short_enough(text in "\\PC{0,200}", max in 1usize..140) {
            let written = sepa_text(&text, max);
            prop_assert!(written.chars().all(is_allowed), "{written}");
            prop_assert!(written.chars().count() <= max && !written.contains("//"));
            prop_assert!(!written.starts_with(['/', ' ']) && !written.ends_with(['/', ' ']));
        }
    }
}
