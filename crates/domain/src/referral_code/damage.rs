//! What may have become of a code that can't be read any more: compared with one partner's code, for a person to judge.
//! Nobody is ever credited by it.

use std::fmt;

use super::{LENGTH, ReferralCode, symbols};

/// How a code that was followed or typed differs from a partner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It doesn't.
    None,
    /// Two neighbours are swapped.
    Swapped,
    /// That many symbols are others.
    Wrong(usize),
    /// One symbol is missing.
    Missing,
    /// One symbol too many.
    Extra,
    /// It ends after that many symbols.
    CutOff(usize),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::None => f.write_str("the code itself"),
            Damage::Swapped => f.write_str("two neighbouring letters are swapped"),
            Damage::Wrong(1) => f.write_str("one letter is wrong"),
            Damage::Wrong(count) => write!(f, "{count} letters are wrong"),
            Damage::Missing => f.write_str("one letter is missing"),
            Damage::Extra => f.write_str("one letter too many"),
            Damage::CutOff(count) => write!(f, "cut off after {count} letters"),
        }
    }
}

/// The fewest and the most letters of what is taken for a damaged code.
const LETTERS: std::ops::RangeInclusive<usize> = 4..=LENGTH + 3;

/// The letters of what may once have been a code, as symbols where they can be; `None` where it never was one.
pub fn letters(text: &str) -> Option<String> {
    let decoded = symbols::decoded(text);
    symbols::parts(&decoded).find_map(|part| {
        let letters: String = part
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .take(LETTERS.end() + 1)
            .map(symbols::shown)
            .collect();
        LETTERS.contains(&letters.chars().count()).then_some(letters)
    })
}

impl ReferralCode {
    /// How a damaged code differs from this one; `None` where it is too far away.
    pub fn damage(self, followed: &str) -> Option<Damage> {
        let ours: Vec<char> = self.to_string().chars().collect();
        let theirs: Vec<char> = letters(followed)?.chars().collect();
        let without = |list: &[char], at: usize| {
            list.iter()
                .enumerate()
                .filter(|(index, _)| *index != at)
                .map(|(_, letter)| *letter)
                .collect::<Vec<_>>()
        };
        if theirs.len() == LENGTH {
            let wrong: Vec<usize> = (0..LENGTH).filter(|index| ours[*index] != theirs[*index]).collect();
            return match wrong.as_slice() {
                [] => Some(Damage::None),
                [one, other]
                    if one + 1 == *other && ours[*one] == theirs[*other] && ours[*other] == theirs[*one] =>
                {
                    Some(Damage::Swapped)
                }
                few if few.len() <= 3 => Some(Damage::Wrong(few.len())),
                _ => None,
            };
        }
        if ours.starts_with(&theirs) {
            return Some(Damage::CutOff(theirs.len()));
        }
        if theirs.len() + 1 == LENGTH && (0..LENGTH).any(|at| without(&ours, at) == theirs) {
            return Some(Damage::Missing);
        }
        if theirs.len() == LENGTH + 1 && (0..=LENGTH).any(|at| without(&theirs, at) == ours) {
            return Some(Damage::Extra);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_may_have_been_a_code_is_taken() {
        assert_eq!(letters("/r/k7xo-m49q?utm=1").as_deref(), Some("K7X0M49Q"));
        for text in ["", "x", "abc", "wp-login.php.backup.old", "🦀🦀🦀🦀"] {
            assert_eq!(letters(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_damage_is_recognised(number in any::<u32>(), at in 0..7_usize, to in 0..32_u8, more in 0..32_u8) {
            let code = ReferralCode::from_number(number);
            let text = code.to_string();
            prop_assert_eq!(code.damage(&text), Some(Damage::None));
            let mut letters: Vec<char> = text.chars().collect();
            letters.swap(at, at + 1);
            let swapped: String = letters.iter().collect();
            let expected = if swapped == text { Damage::None } else { Damage::Swapped };
            prop_assert_eq!(code.damage(&swapped), Some(expected));
            let mut letters: Vec<char> = text.chars().collect();
            letters[at] = symbols::letter(to);
            letters[(at + 3) % 8] = symbols::letter(more);
            let wrong = letters.iter().zip(text.chars()).filter(|(one, other)| **one != *other).count();
            let expected = if wrong == 0 { Damage::None } else { Damage::Wrong(wrong) };
            prop_assert_eq!(code.damage(&letters.into_iter().collect::<String>()), Some(expected));
            prop_assert_eq!(code.damage(&text[..5]), Some(Damage::CutOff(5)));
            let missing = format!("{}{}", &text[..at], &text[at + 1..]);
            prop_assert!(matches!(code.damage(&missing), Some(Damage::Missing | Damage::CutOff(7))));
            let extra = format!("{}{}{}", &text[..at], symbols::letter(to), &text[at..]);
            prop_assert_eq!(code.damage(&extra), Some(Damage::Extra));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), number in any::<u32>()) {
            let _ = ReferralCode::from_number(number).damage(&text);
        }
    }
}
