//! From what was typed, pasted or appended to the 8 symbols of a referral code.

use super::LENGTH;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Crockford's base 32: the digits and the letters without I, L, O and U.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M',
    'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

/// Letters of other scripts that look like Latin ones, lower case where the lower case looks alike too (people
/// type what they see on the keyboard they have). One that is missing here is one wrong symbol, which is repaired.
const LOOK_ALIKES: [(&str, char); 24] = [
    ("АаΑαᴀ", 'A'),
    ("ВвΒβ", 'B'),
    ("СсϹϲ", 'C'),
    ("ԁԀ", 'D'),
    ("ЕеЁёΕε", 'E'),
    ("Ԍԍ", 'G'),
    ("НнһҺΗ", 'H'),
    ("ІіЇїΙιİı", '1'),
    ("Јј", 'J'),
    ("КкΚκ", 'K'),
    ("МмΜ", 'M'),
    ("Ν", 'N'),
    ("ОоΟοσ", '0'),
    ("РрΡρ", 'P'),
    ("ԛԚ", 'Q'),
    ("Ѕѕ", 'S'),
    ("ТтΤτ", 'T'),
    ("ν", 'V'),
    ("ԝԜω", 'W'),
    ("ХхΧχ", 'X'),
    ("УуΥ", 'Y'),
    ("Ζζ", 'Z'),
    ("Зз", '3'),
    ("бБ", '6'),
];

/// One letter that was typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typed {
    /// The symbol it stands for; a letter that can't be one has none.
    pub symbol: Option<u8>,
    /// The symbol's letter, or what was typed instead.
    pub shown: char,
}

/// The upper-case letter of a symbol below 32.
pub(super) fn letter(symbol: u8) -> char {
    ALPHABET[usize::from(symbol)]
}

/// What a letter that was typed is shown as: its symbol's letter, or itself.
pub(super) fn shown(typed: char) -> char {
    interpret(typed).shown
}

/// The letters and digits of a part of a text, if there are exactly 8 of them. Everything else (spaces,
/// hyphens, quotes, invisible characters) is passed over.
pub(super) fn typed(part: &str) -> Option<[Typed; LENGTH]> {
    let mut letters = part.chars().filter(|letter| letter.is_alphanumeric());
    let mut typed = [Typed { symbol: None, shown: ' ' }; LENGTH];
    for place in &mut typed {
        *place = interpret(letters.next()?);
    }
    letters.next().is_none().then_some(typed)
}

/// A text without the percent-encoding that some messengers put on what follows an address.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The parts of a text that can be the code, the likeliest first: of a pasted link what follows `/r/` or
/// `ref=`, otherwise its beginning; nothing of what sites and messengers append.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    // ASCII lower case keeps every position.
    let lower = text.to_ascii_lowercase();
    let after = |marker: &str| Some(&text[lower.find(marker)? + marker.len()..]);
    [after("/r/"), after("ref="), Some(text)].into_iter().flatten().map(|part| {
        let part = part.trim_start_matches(|c: char| c == '/' || c.is_whitespace());
        part.split(['?', '&', '#', '/']).next().unwrap_or("")
    })
}

fn interpret(typed: char) -> Typed {
    let letter = match latin(typed).to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        'U' => 'V',
        other => other,
    };
    let symbol = (0..).zip(ALPHABET).find_map(|(symbol, shown)| (shown == letter).then_some(symbol));
    Typed { symbol, shown: if symbol.is_some() { letter } else { typed } }
}

/// The Latin letter or digit that a character of another script or width stands for.
fn latin(typed: char) -> char {
    let from = |first: char, zero: char| {
        char::from_u32(u32::from(typed) - u32::from(first) + u32::from(zero)).unwrap_or(typed)
    };
    match typed {
        _ if typed.is_ascii() => typed,
        // Full-width forms, typed with an East Asian keyboard.
        '！'..='～' => from('！', '!'),
        // Arabic and Persian digits: some phones write every digit so.
        '٠'..='٩' => from('٠', '0'),
        '۰'..='۹' => from('۰', '0'),
        _ => LOOK_ALIKES.iter().find(|(alike, _)| alike.contains(typed)).map_or(typed, |(_, letter)| *letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_no_look_alikes() {
        for letter in ['I', 'L', 'O', 'U'] {
            assert!(!ALPHABET.contains(&letter), "{letter}");
        }
        let mut sorted = ALPHABET;
        sorted.sort_unstable();
        assert_eq!(sorted, ALPHABET, "codes sort as their numbers do");
    }

    #[test]
    fn each_look_alike_stands_for_one_symbol() {
        let mut seen = std::collections::HashSet::new();
        for (alike, letter) in LOOK_ALIKES {
            assert!(ALPHABET.contains(&letter), "{letter}");
            for character in alike.chars() {
                assert!(!character.is_ascii() && seen.insert(character), "{character}");
                assert_eq!(interpret(character).shown, letter, "{character}");
            }
        }
    }

    #[test]
    fn only_the_code_is_cut_out_of_a_link() {
        for (text, expected) in [
            ("https://a.example/r/CODE?utm_source=x", &["CODE", "https:"][..]),
            ("https://a.example/R/CODE/", &["CODE", "https:"]),
            ("https://a.example/?x=1&ref=CODE&y=2", &["CODE", "https:"]),
            ("CODE?ref=", &["", "CODE"]),
            ("/CODE#top", &["CODE"]),
            ("CODE", &["CODE"]),
            ("", &[""]),
        ] {
            assert_eq!(parts(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
