//! The code as it is said on the telephone: a word for each letter, in the international spelling alphabet.

use super::{ReferralCode, symbols};

/// The words of the letters and digits that codes are made of, in the order of their symbols.
const WORDS: [&str; 32] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "Alfa", "Bravo",
    "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "Juliett", "Kilo", "Mike", "November", "Papa",
    "Quebec", "Romeo", "Sierra", "Tango", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu",
];

/// Other spellings of the same, and the letters that codes leave out because they look like a digit or like V.
const ALSO: [(&str, char); 16] = [
    ("alpha", 'A'),
    ("fife", '5'),
    ("niner", '9'),
    ("juliet", 'J'),
    ("whisky", 'W'),
    ("exray", 'X'),
    ("xray", 'X'),
    ("india", '1'),
    ("lima", '1'),
    ("oscar", '0'),
    ("uniform", 'V'),
    ("null", '0'),
    ("nought", '0'),
    ("oh", '0'),
    ("tree", '3'),
    ("fower", '4'),
];

impl ReferralCode {
    /// The code as it is said aloud: `Kilo seven X-ray Mike, four nine Quebec Delta`.
    pub fn spelled(self) -> String {
        let words = self.symbols().map(|symbol| WORDS[usize::from(symbol)]);
        let (first, second) = words.split_at(words.len() / 2);
        format!("{}, {}", first.join(" "), second.join(" "))
    }
}

/// The letters of a code that was written down as it was said; `None` where the text is anything else.
pub(super) fn read(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace("x-ray", "xray").replace("x ray", "xray");
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_spelled = words.iter().any(|word| word.chars().count() > 1);
    if words.len() != super::LENGTH || !is_spelled {
        return None;
    }
    words.iter().map(|word| letter(word)).collect()
}

fn letter(word: &str) -> Option<char> {
    let mut letters = word.chars();
    if let (Some(one), None) = (letters.next(), letters.next()) {
        return Some(one);
    }
    let known = (0..).zip(WORDS).find(|(_, known)| known.eq_ignore_ascii_case(word));
    known
        .map(|(symbol, _)| symbols::letter(symbol))
        .or_else(|| ALSO.iter().find(|(also, _)| *also == word).map(|(_, letter)| *letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_word_begins_with_its_letter() {
        for (symbol, word) in (0..).zip(WORDS) {
            let letter = symbols::letter(symbol);
            assert!(letter.is_ascii_digit() || word.starts_with(letter), "{letter}: {word}");
            assert_eq!(super::letter(&word.to_lowercase().replace('-', "")), Some(letter));
        }
    }

    #[test]
    fn what_is_no_spelling_is_left_to_the_other_readers() {
        for text in ["", "K7XM49QD", "K 7 X M 4 9 Q D", "one two three", "a b c d e f g hello", "Kilo 🦀"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_is_read_back(number in any::<u32>()) {
            let code = ReferralCode::from_number(number);
            for said in [code.spelled(), code.spelled().to_uppercase(), code.spelled().replace(' ', " - ")] {
                let reading = ReferralCode::read(&said);
                prop_assert_eq!(reading, Some(super::super::Reading { code, repaired_from: None }), "{}", said);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read(&text);
        }
    }
}
