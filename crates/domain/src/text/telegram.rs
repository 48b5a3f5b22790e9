//! Telegram accounts: a public name, or the number of an account that has none.

use super::{Phone, TextError, bounded, present, refuse_control, refuse_disguise};

/// A Telegram account: `@name`, or a telephone number such as `+12025550123`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Telegram(pub(super) String);

impl Telegram {
    /// How many characters a link or name may have as typed.
    pub const MAX: usize = 200;

    /// Reads an account as people give it: `@name`, `name`, `https://t.me/name`, a telephone number.
    ///
    /// # Errors
    /// [`TextError`], whose text can be shown beside the field.
    pub fn parse(typed: &str) -> Result<Telegram, TextError> {
        let text = present("your Telegram name", typed)?;
        refuse_control("Telegram name", text, |_| false)?;
        refuse_disguise("Telegram name", text)?;
        let text = bounded("Telegram name", Telegram::MAX, text)?;
        let name = match linked(&text) {
            Some(path) => path,
            None => text.as_str(),
        };
        let invites =
            name.strip_prefix('+').is_some_and(|rest| rest.contains(|c: char| c.is_ascii_alphabetic()));
        if invites || name.starts_with("joinchat") {
            return Err(TextError::TelegramInvite);
        }
        let name = name.strip_prefix('@').unwrap_or(name);
        if is_name(name) {
            return Ok(Telegram(format!("@{name}")));
        }
        Phone::parse(name).map(|phone| Telegram(phone.dial())).map_err(|_| TextError::Telegram)
    }

    /// The address that opens a chat with the account, unless it is a number without a country.
    pub fn link(&self) -> Option<String> {
        match (self.0.strip_prefix('@'), self.0.strip_prefix('+')) {
            (Some(name), _) => Some(format!("https://t.me/{name}")),
            (None, Some(number)) => Some(format!("https://t.me/+{number}")),
            (None, None) => None,
        }
    }
}

/// What a Telegram link links to, without a post's number or a bot's parameter.
fn linked(text: &str) -> Option<&str> {
    // ASCII lower case keeps every position.
    let lower = text.to_ascii_lowercase();
    let after = |prefix: &str| lower.starts_with(prefix).then(|| &text[prefix.len()..]);
    let rest = after("https://")
        .or_else(|| after("http://"))
        .or_else(|| after("tg://resolve?domain="))
        .unwrap_or(text);
    let skipped = text.len() - rest.len();
    let hosts = ["t.me/", "www.t.me/", "telegram.me/", "telegram.dog/"];
    let path = match hosts.iter().find(|host| lower[skipped..].starts_with(*host)) {
        Some(host) => &rest[host.len()..],
        None if lower.starts_with("tg://") && skipped > 0 => rest,
        None => return None,
    };
    path.split(['/', '?', '#', '&']).next()
}

/// Telegram's rule: 5 to 32 letters, digits and underscores, beginning with a letter. Names of 4 are sold at
/// auction.
fn is_name(name: &str) -> bool {
    (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_links_and_numbers_become_one_form() {
        for (typed, expected) in [
            ("@anna_lee", "@anna_lee"),
            ("Anna_Lee", "@Anna_Lee"),
            (" https://t.me/anna_lee ", "@anna_lee"),
            ("HTTPS://T.ME/Anna_Lee", "@Anna_Lee"),
            ("http://www.t.me/anna_lee?start=1", "@anna_lee"),
            ("t.me/anna_lee/12", "@anna_lee"),
            ("t.me/@anna_lee", "@anna_lee"),
            ("telegram.me/anna_lee", "@anna_lee"),
            ("tg://resolve?domain=anna_lee&start=x", "@anna_lee"),
            ("@auto", "@auto"),
            ("+1 (202) 555-0123", "+12025550123"),
            ("https://t.me/+12025550123", "+12025550123"),
            ("0202 555 0123", "02025550123"),
        ] {
            let account = Telegram::parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
            assert_eq!(account.as_str(), expected, "{typed}");
            assert_eq!(Telegram::parse(expected), Ok(account), "{typed}");
        }
        let link = |typed: &str| Telegram::parse(typed).unwrap().link();
        assert_eq!(link("@anna_lee").as_deref(), Some("https://t.me/anna_lee"));
        assert_eq!(link("+12025550123").as_deref(), Some("https://t.me/+12025550123"));
        assert_eq!(link("02025550123"), None);
    }

    #[test]
    fn what_is_no_account_is_refused() {
        for typed in [
            "@",
            "@abc",
            "@1anna",
            "anna lee",
            "@anna-lee",
            "@анна_ли",
            "https://example.com/anna_lee",
            "https://t.me/",
            "https://",
            "tg://resolve?domain=",
            "ann@example.com",
            &format!("@{}", "x".repeat(33)),
        ] {
            assert_eq!(Telegram::parse(typed), Err(TextError::Telegram), "{typed}");
        }
        for typed in ["https://t.me/+AbCdEf123456", "https://t.me/joinchat/AAAA"] {
            assert_eq!(Telegram::parse(typed), Err(TextError::TelegramInvite), "{typed}");
        }
        assert_eq!(Telegram::parse("").unwrap_err().to_string(), "Enter your Telegram name.");
        assert!(matches!(Telegram::parse("@anna\0lee"), Err(TextError::Control { .. })));
        assert!(matches!(Telegram::parse(&"x".repeat(201)), Err(TextError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(typed in any::<String>(), path in ".{0,20}") {
            let _ = Telegram::parse(&typed);
            let _ = Telegram::parse(&format!("https://t.me/{path}"));
            let _ = Telegram::parse(&format!("tg://resolve?domain={path}"));
        }
    }
}
