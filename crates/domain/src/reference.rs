//! The numbers that people read aloud and type: `C-1042` a client, `T-2077` a deal, `S-3001` a support request.

/// What a letter before a number says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Letter {
    Client,
    Deal,
    Ticket,
}

/// A number as somebody typed it, with or without its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    letter: Option<Letter>,
    number: i64,
}

impl Reference {
    /// Reads a number however it is written: `T-2077`, `t 2077`, `C1042`, `#2077`, `2077`. Cyrillic letters that look
    /// like ours count as ours: a keyboard is easily set to the other alphabet.
    pub fn read(typed: &str) -> Option<Reference> {
        let typed = typed.trim();
        let mut characters = typed.chars();
        let letter = match characters.next()? {
            'C' | 'c' | '\u{421}' | '\u{441}' => Some(Letter::Client),
            'T' | 't' | '\u{422}' | '\u{442}' => Some(Letter::Deal),
            'S' | 's' => Some(Letter::Ticket),
            _ => None,
        };
        let digits = match letter {
            // Every dash that a keyboard, a phone or a text program puts there.
            Some(_) => characters.as_str().trim_start_matches([' ', '-', '‐', '‑', '–', '—', '−', '#', '.']),
            None => typed.strip_prefix('#').unwrap_or(typed).trim_start(),
        };
        let number =
            Some(digits).filter(|digits| digits.chars().all(|c| c.is_ascii_digit()))?.parse().ok()?;
        (number > 0).then_some(Reference { letter, number })
    }

    /// The number of the client that it can be.
    pub fn client(self) -> Option<i64> {
        self.can_be(Letter::Client)
    }

    /// The number of the deal that it can be.
    pub fn deal(self) -> Option<i64> {
        self.can_be(Letter::Deal)
    }

    /// The number of the support request that it can be.
    pub fn ticket(self) -> Option<i64> {
        self.can_be(Letter::Ticket)
    }

    fn can_be(self, letter: Letter) -> Option<i64> {
        self.letter.is_none_or(|typed| typed == letter).then_some(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for (typed, client, deal, ticket) in [
            ("C-1042", Some(1042), None, None),
            ("c1042", Some(1042), None, None),
            ("С-1042", Some(1042), None, None),
            (" T-2077\n", None, Some(2077), None),
            ("t 2077", None, Some(2077), None),
            ("T–2077", None, Some(2077), None),
            ("T - 2077", None, Some(2077), None),
            ("т2077", None, Some(2077), None),
            ("s-3001", None, None, Some(3001)),
            ("2077", Some(2077), Some(2077), Some(2077)),
            ("# 2077", Some(2077), Some(2077), Some(2077)),
            ("007", Some(7), Some(7), Some(7)),
        ] {
            let read = Reference::read(typed).unwrap_or_else(|| panic!("{typed}"));
            assert_eq!((read.client(), read.deal(), read.ticket()), (client, deal, ticket), "{typed}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_one() {
        for typed in ["", " ", "C-", "T", "#", "Cleo", "-5", "0", "T-0", "20 77", "CT-5", "T-5x", "²", "٥"]
        {
            assert_eq!(Reference::read(typed), None, "{typed}");
        }
        assert_eq!(Reference::read("99999999999999999999"), None);
    }
}
