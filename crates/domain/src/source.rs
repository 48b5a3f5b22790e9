//! Where a visit came from: the place that a partner named in the link, or the site that the link stood on.

use std::fmt;

/// How many letters are kept.
pub const LONGEST: usize = 40;

/// A place, in small letters; empty where nothing is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    letters: [u8; LONGEST],
    length: u8,
}

impl Default for Source {
    fn default() -> Source {
        Source::UNKNOWN
    }
}

impl Source {
    /// Nothing is known.
    pub const UNKNOWN: Source = Source { letters: [0; LONGEST], length: 0 };

    /// The place that a partner named. What can't stand in a link becomes a hyphen, what is too long is cut off.
    pub fn named(text: &str) -> Source {
        let mut source = Source::UNKNOWN;
        let mut gap = false;
        for c in text.chars() {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '~') {
                if gap && source.length > 0 && usize::from(source.length) + 1 < LONGEST {
                    source.push(b'-');
                }
                gap = false;
                source.push(u8::try_from(c.to_ascii_lowercase()).unwrap_or(b'-'));
            } else {
                gap = true;
            }
        }
        source
    }

    /// The site that a link stood on, by its host. Of one that is too long the end is kept, which tells whose it is.
    pub fn site(host: &str) -> Source {
        let host = host.strip_prefix("www.").unwrap_or(host);
        let from = host.char_indices().rev().nth(LONGEST - 1).map_or(0, |(index, _)| index);
        Source::named(&host[from..])
    }

    /// This one, or the other where nothing is known.
    pub fn or(self, other: Source) -> Source {
        if self.is_unknown() { other } else { self }
    }

    /// The letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Whether nothing is known.
    pub const fn is_unknown(&self) -> bool {
        self.length == 0
    }

    fn push(&mut self, letter: u8) {
        if let Some(place) = self.letters.get_mut(usize::from(self.length)) {
            *place = letter;
            self.length += 1;
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_in_one_way() {
        for (text, written) in [
            ("newsletter", "newsletter"),
            ("Summer Fair / 2026!", "summer-fair-2026"),
            ("--a__b--", "a__b"),
            ("листовка", ""),
            ("", ""),
            ("a\0b", "a-b"),
        ] {
            assert_eq!(Source::named(text).as_str(), written, "{text}");
        }
        assert_eq!(Source::named(&"x".repeat(60)).as_str(), "x".repeat(LONGEST));
        assert_eq!(Source::site("www.Instagram.com").as_str(), "instagram.com");
        assert_eq!(Source::site(&format!("{}.example", "y".repeat(60))).as_str().len(), LONGEST);
        assert!(Source::site(&format!("{}.example", "y".repeat(60))).as_str().ends_with("y.example"));
        assert_eq!(Source::site("[::1]").as_str(), "1");
        assert!(Source::named("?!").is_unknown());
        assert_eq!(Source::UNKNOWN.or(Source::named("a")).as_str(), "a");
    }

    #[test]
    fn what_was_written_is_read_back() {
        for text in ["a b", "x.y~z", &"q-".repeat(40)] {
            let source = Source::named(text);
            assert_eq!(Source::named(source.as_str()), source);
        }
    }
}
