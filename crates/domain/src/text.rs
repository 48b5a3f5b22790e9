//! What people type into forms: bounded, trimmed, free of characters that can't be stored or that disguise.
//!
//! Nothing is removed silently but the white space at both ends; a text that can't be taken is refused with a
//! sentence that can be shown beside its field. Lengths are counted in characters (Unicode scalar values), as
//! the sentences say them.

mod email;
mod phone;
mod telegram;

pub use email::Email;
pub use phone::Phone;
pub use telegram::Telegram;

/// Why a text was refused: the sentence shown beside the field. `field` is the word for the field in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or nothing visible, was typed. `field` comes with its article: "your name".
    #[error("Enter {field}.")]
    Missing {
        /// "your name", "the label".
        field: String,
    },
    /// It has too many characters.
    #[error("The {field} can have at most {} characters; this has {}.", grouped(*max), grouped(*length))]
    TooLong {
        /// "name", "label".
        field: String,
        /// How many characters it may have.
        max: usize,
        /// How many it has.
        length: usize,
    },
    /// A text of one line has a line break or a tab.
    #[error("The {field} must be on one line, without tabs or line breaks.")]
    LineBreak {
        /// "name", "label".
        field: String,
    },
    /// It has NUL or another control character, which people can't see and databases may not store.
    #[error(
        "The {field} has a hidden control character in it (U+{:04X}). Remove it or type the text again.",
        u32::from(*character)
    )]
    Control {
        /// "name", "label".
        field: String,
        /// The character that was refused.
        character: char,
    },
    /// It has a character that turns the direction of the text around it, which can make one text look like
    /// another. (Right-to-left scripts don't need it.)
    #[error(
        "The {field} has a hidden character in it that changes the direction of text (U+{:04X}). \
         Remove it or type the text again.",
        u32::from(*character)
    )]
    Disguised {
        /// "name", "label".
        field: String,
        /// The character that was refused.
        character: char,
    },
    /// An email address without what comes before and after the `@`.
    #[error("An email address has a name, an @ and a domain: name@example.com.")]
    EmailParts,
    /// An email address whose domain isn't one of the public internet.
    #[error("The part after the @ must be a full domain, like example.com.")]
    EmailDomain,
    /// Another text that is no email address.
    #[error("This is not an email address. Write it like name@example.com.")]
    Email,
    /// Not a telephone number.
    #[error("This is not a telephone number. Write it with digits, like +1 202 555 0123.")]
    Phone,
    /// Too few or too many digits for a telephone number.
    #[error("A telephone number has 5 to 20 digits; this has {digits}.")]
    PhoneDigits {
        /// How many digits it has.
        digits: usize,
    },
    /// Not a Telegram account.
    #[error("This is not a Telegram name. Write it like @name or https://t.me/name.")]
    Telegram,
    /// A link that invites to a group or channel.
    #[error("This link invites to a group; it doesn't name a person. Write your own name, like @name.")]
    TelegramInvite,
}

/// A number with commas, as pages and sentences write it: `5,000`.
pub fn grouped(number: impl std::fmt::Display) -> String {
    let number = number.to_string();
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("−", digits),
        None => ("", number.as_str()),
    };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Methods that every bounded text has.
macro_rules! bounded_text {
    ($($name:ident $(<const $max:ident>)?),*) => {$(
        impl$(<const $max: usize>)? $name$(<$max>)? {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl$(<const $max: usize>)? std::fmt::Display for $name$(<$max>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl$(<const $max: usize>)? From<$name$(<$max>)?> for String {
            fn from(text: $name$(<$max>)?) -> String {
                text.0
            }
        }
    )*};
}

bounded_text!(Name, Line<const MAX>, Message, Email, Phone, Telegram);

/// A person's name: 1 to 100 characters in any script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// How many characters a name may have.
    pub const MAX: usize = 100;

    /// Reads a name.
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Name, TextError> {
        one_line("name", "your name", Name::MAX, typed).map(Name)
    }
}

/// A text of one line with at most `MAX` characters: a label, a reason, a reference, a company's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// Reads a line that the sentences call `field`: "label", "reason".
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse_as(field: &str, typed: &str) -> Result<Line<MAX>, TextError> {
        one_line(field, &format!("the {field}"), MAX, typed).map(Line)
    }

    /// Reads a line that the sentences call "text".
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Line<MAX>, TextError> {
        Line::parse_as("text", typed)
    }
}

/// A text of several lines with at most 5,000 characters. Lines end with a line feed, whatever the browser sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message(String);

impl Message {
    /// How many characters a message may have.
    pub const MAX: usize = 5_000;

    /// Reads a message that the sentences call `field`: "message", "note".
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse_as(field: &str, typed: &str) -> Result<Message, TextError> {
        lines(field, Message::MAX, typed).map(Message)
    }

    /// Reads a message that the sentences call "message".
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Message, TextError> {
        Message::parse_as("message", typed)
    }
}

/// Reads a field that may stay empty: `optional(typed, Email::parse)`.
///
/// # Errors
/// Those of `parse`.
pub fn optional<T, E>(typed: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, E> {
    if typed.trim().is_empty() { Ok(None) } else { parse(typed).map(Some) }
}

/// A visible text on one line that shows what it is.
fn one_line(field: &str, what: &str, max: usize, typed: &str) -> Result<String, TextError> {
    let text = present(what, typed)?;
    if text.contains(['\n', '\r', '\t', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err(TextError::LineBreak { field: field.into() });
    }
    refuse_control(field, text, |_| false)?;
    refuse_disguise(field, text)?;
    bounded(field, max, text)
}

/// A visible text of several lines, which end with a line feed.
pub(crate) fn lines(field: &str, max: usize, typed: &str) -> Result<String, TextError> {
    // Browsers send CR LF for every line break of a text area (HTML, "constructing the entry list").
    let text = typed.replace("\r\n", "\n").replace('\r', "\n");
    let text = present(&format!("the {field}"), &text)?;
    refuse_control(field, text, |c| matches!(c, '\n' | '\t'))?;
    bounded(field, max, text)
}

/// The text without the white space around it, if there is anything to see.
fn present<'a>(what: &str, typed: &'a str) -> Result<&'a str, TextError> {
    let text = typed.trim();
    // Control characters are not seen either, but they are refused by their own sentence.
    if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(TextError::Missing { field: what.into() });
    }
    Ok(text)
}

fn refuse_control(field: &str, text: &str, allowed: impl Fn(char) -> bool) -> Result<(), TextError> {
    match text.chars().find(|c| c.is_control() && !allowed(*c)) {
        Some(character) => Err(TextError::Control { field: field.into(), character }),
        None => Ok(()),
    }
}

/// Refuses embeddings, overrides and isolates (Unicode UAX #9); marks (U+200E, U+200F) that right-to-left
/// keyboards type turn nothing around and may stay.
pub(crate) fn refuse_disguise(field: &str, text: &str) -> Result<(), TextError> {
    match text.chars().find(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
        Some(character) => Err(TextError::Disguised { field: field.into(), character }),
        None => Ok(()),
    }
}

fn bounded(field: &str, max: usize, text: &str) -> Result<String, TextError> {
    let length = text.chars().count();
    if length > max { Err(TextError::TooLong { field: field.into(), max, length }) } else { Ok(text.into()) }
}

/// Characters that take part in writing but show nothing alone (joiners, fillers, marks, variation selectors):
/// a name of nothing else would be an empty row in every list.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(result: Result<impl std::fmt::Debug, TextError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn numbers_have_commas() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_318, "1,318"), (1_000_000, "1,000,000"), (-1_000, "−1,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn names_of_all_scripts_are_names() {
        for name in [
            "Ann",
            "Jean-Luc O’Neill",
            "Анна Ковальчук",
            "עמית בן־דוד",
            "محمد\u{200c}رضا",
            "李小龙",
            "👩‍👩‍👧 Family",
            "<b>x</b>",
            "Robert'); --",
        ] {
            assert_eq!(Name::parse(&format!(" \t{name}\r\n")).unwrap().as_str(), name);
        }
        assert!(Name::parse(&"🦀".repeat(100)).is_ok(), "characters are counted, not bytes");
    }

    #[test]
    fn what_is_no_name_is_refused_with_a_sentence() {
        assert_eq!(said(Name::parse("")), "Enter your name.");
        assert_eq!(said(Name::parse(" \u{a0}\t\r\n ")), "Enter your name.");
        assert_eq!(said(Name::parse("\u{200b}\u{feff}\u{3164}")), "Enter your name.");
        assert_eq!(
            said(Name::parse(&"я".repeat(140))),
            "The name can have at most 100 characters; this has 140."
        );
        assert_eq!(said(Name::parse("A\nB")), "The name must be on one line, without tabs or line breaks.");
        assert_eq!(
            said(Name::parse("A\0B")),
            "The name has a hidden control character in it (U+0000). Remove it or type the text again."
        );
        assert_eq!(
            said(Name::parse("Anna\u{202e}gpj.exe")),
            "The name has a hidden character in it that changes the direction of text (U+202E). \
             Remove it or type the text again."
        );
        for character in ['\u{1}', '\u{1b}', '\u{7f}', '\u{9f}'] {
            assert!(matches!(Name::parse(&format!("A{character}B")), Err(TextError::Control { .. })));
        }
        for character in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            assert!(matches!(Name::parse(&format!("A{character}B")), Err(TextError::Disguised { .. })));
        }
        assert!(matches!(Name::parse("\0"), Err(TextError::Control { .. })));
    }

    #[test]
    fn a_line_is_called_what_the_field_is_called() {
        assert_eq!(said(Line::<40>::parse_as("label", " ")), "Enter the label.");
        assert_eq!(
            said(Line::<40>::parse_as("label", &"x".repeat(41))),
            "The label can have at most 40 characters; this has 41."
        );
        assert_eq!(Line::<2>::parse("  ok ").unwrap().into_string(), "ok");
    }

    #[test]
    fn a_message_keeps_its_lines() {
        let message = Message::parse(" \r\nHello\r\n\r\n\tAnna\rBye \n").unwrap();
        assert_eq!(message.as_str(), "Hello\n\n\tAnna\nBye");
        assert_eq!(said(Message::parse("\r\n ")), "Enter the message.");
        assert_eq!(
            said(Message::parse(&"x".repeat(5_001))),
            "The message can have at most 5,000 characters; this has 5,001."
        );
        assert!(Message::parse(&"a\r\n".repeat(2_500)).is_ok(), "a line break is one character");
        assert!(matches!(Message::parse_as("note", "a\0"), Err(TextError::Control { .. })));
    }

    #[test]
    fn an_optional_field_may_stay_empty_but_not_be_wrong() {
        assert_eq!(optional("  ", Name::parse), Ok(None));
        assert_eq!(optional(" A ", Name::parse), Ok(Some(Name("A".into()))));
        assert!(optional("A\0", Name::parse).is_err());
    }

    proptest! {
        #[test]
        fn what_was_taken_is_taken_again_unchanged(typed in any::<String>()) {
            if let Ok(name) = Name::parse(&typed) {
                prop_assert!((1..=Name::MAX).contains(&name.as_str().chars().count()));
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name));
            }
            if let Ok(message) = Message::parse(&typed) {
                prop_assert!(!message.as_str().contains('\r'));
                prop_assert_eq!(Message::parse(message.as_str()), Ok(message));
            }
        }
    }
}
