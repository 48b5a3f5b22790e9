//! The referral code: what a partner's link carries, what a client types, reads aloud or copies wrongly.
//!
//! A code has 8 symbols: 5 free ones (25 bits) and 3 check symbols. They form a Reed-Solomon code over
//! GF(32), shortened to 8 symbols, of distance 4: one wrong symbol is found and repaired; two wrong symbols
//! (a swap of neighbours is two) never look like any code with at most one wrong symbol, so nobody is credited
//! for a stranger's client. The alphabet is Crockford's base 32, which leaves out I, L, O and U.

pub mod damage;
mod field;
mod spelling;
mod symbols;

use std::fmt;

/// How many symbols a code has.
pub const LENGTH: usize = 8;
/// How many of them are free; the others are check symbols.
const FREE: usize = 5;
/// How many codes there are: 5 symbols of 5 bits.
const COUNT: u32 = 1 << 25;

/// A partner's referral code. Shown as 8 upper-case symbols, for example `K7XM49QD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferralCode(u32);

/// What was read from a text, and whether it had to be repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The code that was meant.
    pub code: ReferralCode,
    /// The 8 symbols that were read instead, where one of them was wrong (a letter that can't be a symbol is
    /// kept as it was typed).
    pub repaired_from: Option<String>,
}

impl ReferralCode {
    /// The code of a number; its lowest 25 bits count, so that any random `u32` will do.
    pub const fn from_number(number: u32) -> ReferralCode {
        ReferralCode(number % COUNT)
    }

    /// The number that the free symbols stand for, below 2^25.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The code in two groups, as it is read aloud or printed: `K7XM-49QD`.
    pub fn spoken(self) -> String {
        let code = self.to_string();
        let (first, second) = code.split_at(LENGTH / 2);
        format!("{first}-{second}")
    }

    /// Reads a code from what a person or a messenger made of it: any letter case, look-alikes, full-width and
    /// Cyrillic or Greek letters, spaces, hyphens, punctuation, a whole link, tracking parameters, the words of the
    /// spelling alphabet. One wrong symbol is repaired. `None` where nothing can be credited with certainty.
    pub fn read(text: &str) -> Option<Reading> {
        let spelled = spelling::read(text);
        let text = spelled.as_deref().unwrap_or(text);
        symbols::parts(&symbols::decoded(text)).find_map(Self::read_part)
    }

    fn read_part(part: &str) -> Option<Reading> {
        let typed = symbols::typed(part)?;
        let mut unknown = typed.iter().enumerate().filter(|(_, typed)| typed.symbol.is_none());
        let erased = unknown.next().map(|(index, _)| index);
        if unknown.next().is_some() {
            return None;
        }
        // Any symbol may stand in for the unknown letter: the check symbols say what it should have been.
        let mut word = typed.map(|typed| typed.symbol.unwrap_or(0));
        match (field::check(&word), erased) {
            (field::Verdict::Clean, _) => {}
            // An unknown letter and another wrong symbol are two wrong symbols.
            (field::Verdict::OneWrong { index, .. }, Some(erased)) if index != erased => return None,
            (field::Verdict::OneWrong { index, error }, _) => word[index] ^= error,
            (field::Verdict::Unreadable, _) => return None,
        }
        let number = word[..FREE].iter().fold(0, |number, symbol| number << 5 | u32::from(*symbol));
        let right = typed.iter().zip(word).all(|(typed, symbol)| typed.symbol == Some(symbol));
        let repaired_from = (!right).then(|| typed.iter().map(|typed| typed.shown).collect());
        Some(Reading { code: ReferralCode(number), repaired_from })
    }

    /// The code's symbols, the check symbols last.
    fn symbols(self) -> [u8; LENGTH] {
        let mut word = [0; LENGTH];
        for (index, symbol) in word[..FREE].iter_mut().enumerate() {
            *symbol = u8::try_from(self.0 >> (5 * (FREE - 1 - index)) & 31).expect("five bits fit a byte");
        }
        field::append_checks(&mut word);
        word
    }
}

impl fmt::Display for ReferralCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.symbols().into_iter().map(symbols::letter).collect();
        f.pad(&text)
    }
}

impl fmt::Debug for ReferralCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReferralCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(word: [u8; LENGTH]) -> String {
        word.into_iter().map(symbols::letter).collect()
    }

    fn plain(code: ReferralCode) -> Option<Reading> {
        Some(Reading { code, repaired_from: None })
    }

    /// A code without 0, 1 and V, so that a look-alike in the test is not one by chance; its letters are known.
    fn sample() -> (ReferralCode, String) {
        let code = (0..).map(ReferralCode::from_number).find(|code| {
            let text = code.to_string();
            !text.contains(['0', '1', 'V']) && text.contains('A') && text.contains('X')
        });
        let code = code.expect("there are many such codes");
        (code, code.to_string())
    }

    #[test]
    fn what_happens_to_links_does_not_harm_the_code() {
        let (code, text) = sample();
        let (head, tail) = text.split_at(4);
        let spaced: String = text.chars().flat_map(|c| [c, ' ']).collect();
        let full_width: String =
            text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        let cyrillic = text.replace('A', "А").replace('X', "х");
        let greek = text.replace('A', "Α").replace('X', "χ");
        for typed in [
            text.clone(),
            code.spoken(),
            spaced,
            full_width,
            cyrillic,
            greek,
            text.to_lowercase(),
            format!("  {text}\r\n"),
            format!("{head}\u{2013}{tail}"),
            format!("{head}\u{200b}{tail}\u{feff}"),
            format!("\u{202a}{text}\u{202c}"),
            format!("“{text}”"),
            format!("<{text}>"),
            format!("({text})."),
            format!("{text}),"),
            format!("{text} 👍"),
            format!("{text}/"),
            format!("/{text}/index.html"),
            format!("{text}?utm_source=telegram"),
            format!("{text}&fbclid=IwAR0abc"),
            format!("{text}#top"),
            format!("{text}%20"),
            format!("{text}%2C"),
            format!("{text}%E2%80%8B"),
            format!("{text}%29%2E"),
            format!("{text}%3Futm_source%3Dx"),
            format!("{text}&amp;utm_medium=mail"),
            format!("{text}%"),
            format!("https://partners.example.com/r/{text}"),
            format!("HTTPS://PARTNERS.EXAMPLE.COM/R/{text}/?FBCLID=ABC"),
            format!("https://example.com/offer?lang=en&ref={text}&utm_source=x"),
            format!("ref={text}"),
            format!("shops.com?ref={text}"),
            format!("{text}?ref=facebook"),
        ] {
            assert_eq!(ReferralCode::read(&typed), plain(code), "{typed}");
        }
    }

    #[test]
    fn a_repair_says_from_what() {
        let (code, text) = sample();
        let wrong = format!("{}{}", if text.starts_with('2') { '3' } else { '2' }, &text[1..]);
        let reading = ReferralCode::read(&format!(" {}?x=1", wrong.to_lowercase()));
        assert_eq!(reading, Some(Reading { code, repaired_from: Some(wrong) }));
        let unknown = format!("{}ж", &text[..7]);
        let reading = ReferralCode::read(&unknown);
        assert_eq!(reading, Some(Reading { code, repaired_from: Some(unknown) }));
        assert_eq!(ReferralCode::read(&format!("жж{}", &text[2..])), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for typed in [
            "",
            " ",
            "-",
            "?",
            "/r/",
            "ref=",
            "%",
            "%%%",
            "hello",
            "my friend Anna",
            "\0",
            "🦀🦀🦀🦀🦀🦀🦀🦀",
        ] {
            assert_eq!(ReferralCode::read(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_number_beyond_25_bits_wraps() {
        assert_eq!(ReferralCode::from_number(COUNT + 7), ReferralCode::from_number(7));
        assert_eq!(ReferralCode::from_number(u32::MAX).number(), COUNT - 1);
    }

    /// The code is linear, so that its distance is the smallest weight of a code other than zero. Codes of
    /// weight 3 or less have at most 3 free symbols that are not zero; all of those are tried here, which proves
    /// the distance for every pair of codes, not for a sample.
    #[test]
    fn every_two_codes_differ_in_at_least_four_symbols() {
        let places =
            (0..FREE).flat_map(|a| (a + 1..FREE).flat_map(move |b| (b + 1..FREE).map(move |c| [a, b, c])));
        let light = places.flat_map(|places| {
            (1..1 << 15).map(move |symbols: u32| {
                (0..3).fold(0, |number, index| number | (symbols >> (5 * index) & 31) << (5 * places[index]))
            })
        });
        let weight = |code: ReferralCode| code.symbols().into_iter().filter(|symbol| *symbol != 0).count();
        let lightest = light.map(|number| weight(ReferralCode(number))).min();
        assert_eq!(lightest, Some(4));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]

        #[test]
        fn every_single_wrong_symbol_is_repaired(number in 0..COUNT) {
            let code = ReferralCode::from_number(number);
            let word = code.symbols();
            for index in 0..LENGTH {
                for error in 1..32 {
                    let mut wrong = word;
                    wrong[index] ^= error;
                    let expected = Reading { code, repaired_from: Some(text(wrong)) };
                    prop_assert_eq!(ReferralCode::read(&text(wrong)), Some(expected));
                }
                let mut letters: Vec<char> = text(word).chars().collect();
                letters[index] = 'Ω';
                let unknown: String = letters.iter().collect();
                let expected = Reading { code, repaired_from: Some(unknown.clone()) };
                prop_assert_eq!(ReferralCode::read(&unknown), Some(expected));
            }
        }

        #[test]
        fn every_two_wrong_symbols_are_refused(number in 0..COUNT) {
            let word = ReferralCode::from_number(number).symbols();
            for first in 0..LENGTH {
                for second in first + 1..LENGTH {
                    for (one, other) in (1..32).flat_map(|one| (1..32).map(move |other| (one, other))) {
                        let mut wrong = word;
                        wrong[first] ^= one;
                        wrong[second] ^= other;
                        prop_assert_eq!(ReferralCode::read(&text(wrong)), None);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn an_unknown_letter_and_a_wrong_symbol_are_two(number in 0..COUNT, at in 0..LENGTH, step in 1..LENGTH, error in 1..32_u8) {
            let mut word = ReferralCode::from_number(number).symbols();
            word[(at + step) % LENGTH] ^= error;
            let mut letters: Vec<char> = text(word).chars().collect();
            letters[at] = 'ж';
            prop_assert_eq!(ReferralCode::read(&letters.iter().collect::<String>()), None);
        }

        #[test]
        fn a_swap_is_never_credited_to_anybody(number in 0..COUNT, at in 0..LENGTH - 1) {
            let code = ReferralCode::from_number(number);
            let mut word = code.symbols();
            word.swap(at, at + 1);
            let expected = if word == code.symbols() { plain(code) } else { None };
            prop_assert_eq!(ReferralCode::read(&text(word)), expected);
        }

        #[test]
        fn a_lost_or_added_symbol_is_no_code(number in 0..COUNT, at in 0..LENGTH, added in 0..32_u8) {
            let mut shorter = ReferralCode::from_number(number).to_string();
            let mut longer = shorter.clone();
            shorter.remove(at);
            longer.insert(at, symbols::letter(added));
            prop_assert_eq!(ReferralCode::read(&shorter), None);
            prop_assert_eq!(ReferralCode::read(&longer), None);
        }

        #[test]
        fn look_alikes_survive(number in 0..COUNT, choices in prop::array::uniform8(any::<prop::sample::Index>())) {
            let code = ReferralCode::from_number(number);
            let typed: String = code.to_string().chars().zip(choices).map(|(letter, choice)| {
                let alike: &[char] = match letter {
                    '0' => &['0', 'o', 'O', 'о', 'О', 'ο', 'Ο', '０', 'Ｏ'],
                    '1' => &['1', 'i', 'I', 'l', 'L', 'і', 'Ι', '１', 'ｌ', 'ı', 'İ'],
                    'V' => &['V', 'v', 'u', 'U', 'ｖ', 'Ｕ'],
                    'A' => &['A', 'a', 'а', 'А', 'Α', 'ａ'],
                    'C' => &['C', 'c', 'с', 'С', 'Ｃ'],
                    'E' => &['E', 'e', 'е', 'Е', 'Ε', 'ｅ'],
                    'X' => &['X', 'x', 'х', 'Х', 'χ', 'Χ'],
                    other => return if choice.index(2) == 0 { other } else { other.to_ascii_lowercase() },
                };
                alike[choice.index(alike.len())]
            }).collect();
            prop_assert_eq!(ReferralCode::read(&typed), plain(code));
        }

        #[test]
        fn what_is_shown_is_read_back(number in any::<u32>(), before in "[ \u{200b}(\"-]{0,3}", after in "[ .,!)\u{2019}-]{0,3}") {
            let code = ReferralCode::from_number(number);
            prop_assert_eq!(ReferralCode::read(&format!("{before}{code}{after}")), plain(code));
            prop_assert_eq!(ReferralCode::read(&code.spoken()), plain(code));
            prop_assert_eq!(ReferralCode::from_number(code.number()), code);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = ReferralCode::read(&text);
            let _ = ReferralCode::read(&format!("/r/{}", String::from_utf8_lossy(&bytes)));
        }
    }
}
