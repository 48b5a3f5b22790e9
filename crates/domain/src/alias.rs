//! A word in a link that stands for a partner: one that the partner chose, or the code that the partner had in another
//! system. It is compared without regard to letter case, and never repaired: what is one letter off is somebody else's.

use std::fmt;

use crate::referral_code::ReferralCode;

/// The longest word.
pub const LONGEST: usize = 64;
/// How long a word may be that a partner chooses.
pub const CHOSEN: std::ops::RangeInclusive<usize> = 3..=30;
/// How many words a partner may choose in all: none of them is ever given to anybody else.
pub const MOST_CHOSEN: i64 = 3;

/// Words that people would take for the company.
const RESERVED: [&str; 30] = [
    "about", "account", "admin", "api", "billing", "contact", "docs", "embed", "finance", "guide", "help",
    "home", "info", "link", "login", "logout", "me", "null", "office", "partner", "partners", "pay", "root",
    "sales", "sign-in", "sign-up", "support", "team", "test", "www",
];

/// The word, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(String);

/// How a partner came by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasKind {
    /// The partner chose it.
    Vanity,
    /// It was the partner's code in another system.
    Imported,
}

impl AliasKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            AliasKind::Vanity => "vanity",
            AliasKind::Imported => "imported",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<AliasKind> {
        [AliasKind::Vanity, AliasKind::Imported].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Whether a character can stand within a word.
const fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~')
}

impl Alias {
    /// Reads a word from a link or a file: what messengers and sentences add at the end is left out. `None` where it can't be
    /// one.
    pub fn read(text: &str) -> Option<Alias> {
        let text = text.trim().trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_word = begins && (2..=LONGEST).contains(&text.len()) && text.chars().all(fits);
        is_word.then(|| Alias(text.to_ascii_lowercase()))
    }

    /// Reads a word that a partner would like to have.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn choose(typed: &str) -> Result<Alias, &'static str> {
        let word = typed.trim().to_ascii_lowercase();
        let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !plain || word.starts_with('-') || word.ends_with('-') || word.contains("--") {
            return Err("Use letters from a to z, digits and single hyphens between them.");
        }
        if !CHOSEN.contains(&word.len()) {
            return Err("Use 3 to 30 letters.");
        }
        if !word.contains(|c: char| c.is_ascii_lowercase()) {
            return Err("Use at least one letter.");
        }
        if RESERVED.contains(&word.as_str()) {
            return Err("People would take this word for the company. Choose another one.");
        }
        // Eight letters can be a code, or one with a wrong letter, which would be repaired to somebody else's.
        if ReferralCode::read(&word).is_some() {
            return Err("This would be taken for a referral code. Make it shorter or longer than 8 letters.");
        }
        Ok(Alias(word))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the word can't be a name that somebody types who is asked who sent them: "anna" may be any Anna.
    pub fn is_no_name(&self) -> bool {
        !self.0.chars().all(|c| c.is_ascii_alphabetic())
    }

    /// What the word looks like at a glance: two words that look alike would be taken for each other.
    pub fn look(&self) -> String {
        let mut look = String::new();
        for c in self.0.chars().filter(char::is_ascii_alphanumeric) {
            look.push(match c {
                '0' => 'o',
                '1' | 'i' => 'l',
                '5' => 's',
                'v' => 'u',
                other => other,
            });
        }
        look.replace("rn", "m")
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_what_messengers_add() {
        for (text, word) in
            [("Anna-Design", "anna-design"), (" JOHN20).", "john20"), ("a_b.c/", "a_b.c"), ("x9", "x9")]
        {
            assert_eq!(Alias::read(text).unwrap().as_str(), word, "{text}");
        }
        for text in ["", "a", "-a", "a b", "ä-design", "a/b", "a\0b", &"x".repeat(65)] {
            assert_eq!(Alias::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_partner_chooses_a_word_that_is_nobody_elses() {
        for word in ["anna", "anna-design", "studio24", "a1b"] {
            assert_eq!(Alias::choose(&word.to_uppercase()).unwrap().as_str(), word);
        }
        for word in ["", "ab", "12345", "admin", "Sign-Up", "a--b", "-ab", "ab-", "anna design", "änna"] {
            assert!(Alias::choose(word).is_err(), "{word}");
        }
        let code = ReferralCode::from_number(77);
        for text in [code.to_string(), code.spoken()] {
            assert!(Alias::choose(&text).is_err(), "{text}");
        }
        assert!(Alias::choose(&"x".repeat(31)).is_err());
    }

    #[test]
    fn words_that_look_alike_are_known() {
        let look = |word| Alias::read(word).unwrap().look();
        for (one, other) in [("anna-1", "annal"), ("modern", "rnodern"), ("st-oo", "st00"), ("5ven", "suen")]
        {
            assert_eq!(look(one), look(other));
        }
        assert_ne!(look("anna"), look("hanna"));
        assert!(Alias::read("anna-1").unwrap().is_no_name());
        assert!(!Alias::read("Anna").unwrap().is_no_name());
    }
}
