//! What clients are searched by: the words of their names and contacts, each found by its beginning. Words are spelled as
//! [`spell`] does, so that `Muller` finds Müller, whichever way it is typed.

use crate::claim::keys::{phone_key, spell};

/// How many words of a search are looked for; the others are passed over.
pub const MOST_WORDS: usize = 6;
/// From how many digits on a search that holds nothing else is a telephone number.
const PHONE_DIGITS: usize = 4;

/// The words of a client, none twice: of the name and the contacts, and the telephone number whole and by its last
/// eight digits, before which it is written in many ways.
pub fn words(name: &str, email: &str, phone: &str, telegram: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let spelled = [name, email, telegram].map(spell);
    let written = spelled.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned);
    for word in written.chain([digits(phone), phone_key(phone)]) {
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Words as one text, in which `% word%` matches the beginning of each.
pub fn as_text(words: &[String]) -> String {
    words.iter().flat_map(|word| [" ", word]).collect()
}

/// The words of a search, each of which must be the beginning of one of the client's. A telephone number is one word.
pub fn asked(typed: &str) -> Vec<String> {
    let is_phone = typed.chars().all(|c| c.is_ascii_digit() || is_between_digits(c));
    let number = digits(typed);
    if is_phone && number.len() >= PHONE_DIGITS {
        let key = phone_key(typed);
        return vec![if number.len() > key.len() && !key.is_empty() { key } else { number }];
    }
    let mut words: Vec<String> = Vec::new();
    for word in spell(typed).split_whitespace() {
        if words.len() < MOST_WORDS && !words.iter().any(|other| other == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// A search that is asked by the last eight digits of a number, as the whole number: where that is the beginning of a longer
/// one, or no telephone number at all.
pub fn asked_whole(typed: &str) -> Option<String> {
    let number = digits(typed);
    let asked = asked(typed);
    (asked.len() == 1 && asked[0] != number && number.ends_with(&asked[0])).then_some(number)
}

/// What people and programs write between the digits of a telephone number.
fn is_between_digits(c: char) -> bool {
    c.is_whitespace() || "+-/.()\u{2010}\u{2011}\u{2013}".contains(c)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a search finds a client, as the store asks.
    fn finds(typed: &str, words: &[String]) -> bool {
        let text = as_text(words);
        asked(typed).iter().all(|word| text.contains(&format!(" {word}")))
    }

    #[test]
    fn a_long_number_is_asked_in_two_ways() {
        assert_eq!(asked("+44 20 7946 0123"), ["79460123"]);
        assert_eq!(asked_whole("+44 20 7946 0").as_deref(), Some("442079460"));
        assert_eq!(asked_whole("123456789").as_deref(), Some("123456789"));
        for typed in ["2079", "Müller 123456789", "", "C-1042"] {
            assert_eq!(asked_whole(typed), None, "{typed}");
        }
        // As it is pasted from a page.
        assert_eq!(asked("+7\u{a0}916\u{a0}123\u{2011}45\u{2011}67"), ["61234567"]);
    }

    #[test]
    fn every_word_must_begin_one_of_the_clients() {
        let client = words(
            "Siobhán O'Neill, Müller & Söhne",
            "s.oneill@mueller-soehne.example",
            "+44 20 7946 0123",
            "@siobhan_on",
        );
        for typed in [
            "siob",
            "SIOBHAN",
            "O'Neill",
            "oneill",
            "o’neill siob",
            "Muller",
            "mueller",
            "Mül",
            "soehne mü",
            "s.oneill@mueller-soehne.example",
            "@siobhan",
            "siobhan_on",
            "7946 0123",
            "020 7946 0123",
            "+44 (20) 7946-0123",
            "4420",
            "",
        ] {
            assert!(finds(typed, &client), "{typed} in {client:?}");
        }
        for typed in ["hán", "neill", "siobhan smith", "7946 0124", "0123", "ohne"] {
            assert!(!finds(typed, &client), "{typed} in {client:?}");
        }
    }

    #[test]
    fn a_search_without_letters_asks_for_nothing() {
        assert_eq!(asked(" %_\\ -- "), Vec::<String>::new());
        assert_eq!(asked("12"), ["12"]);
        assert_eq!(asked("a b c d e f g h a").len(), MOST_WORDS);
    }

    #[test]
    fn no_word_stands_twice() {
        assert_eq!(words("Ada Ada", "ada@ada.example", "", "@ada"), ["ada", "example"]);
        assert_eq!(words("", "", "12345", ""), ["12345"]);
        assert_eq!(as_text(&words("Ada Obi", "", "", "")), " ada obi");
    }
}
