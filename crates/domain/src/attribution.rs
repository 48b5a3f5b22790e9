//! Which partner a client belongs to, and how that was decided.

use crate::{clock::Timestamp, referral_code::ReferralCode, source::Source};

/// Which of several links within the window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRule {
    /// The link followed last.
    Last,
    /// The link followed first.
    First,
}

impl LinkRule {
    /// The word in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            LinkRule::Last => "last",
            LinkRule::First => "first",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<LinkRule> {
        [LinkRule::Last, LinkRule::First].into_iter().find(|rule| rule.as_str() == word)
    }
}

/// A link that a visitor followed: what the visitor's cookie remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The partner's code, as made (not as typed).
    pub code: ReferralCode,
    /// When the link was followed.
    pub at: Timestamp,
    /// Where the link stood, if that is known.
    pub source: Source,
}

impl Visit {
    /// Whether the visit still counts: not from the future, not older than the window (microseconds).
    pub fn within(&self, window: i64, now: Timestamp) -> bool {
        let age = now.since(self.at);
        // A minute of grace for a second server whose clock runs ahead.
        (-60 * crate::clock::SECOND..=window).contains(&age)
    }

    /// What the cookie holds: the code, the second and where the link stood, parted by dots.
    pub fn to_cookie(&self) -> String {
        let dot = if self.source.is_unknown() { "" } else { "." };
        format!("{}.{}{dot}{}", self.code, self.at.micros() / crate::clock::SECOND, self.source)
    }

    /// Reads the cookie back; anything that was not written by [`Visit::to_cookie`] is no visit.
    pub fn from_cookie(text: &str) -> Option<Visit> {
        let (code, rest) = text.split_once('.')?;
        let (seconds, source) = rest.split_once('.').unwrap_or((rest, ""));
        let code = ReferralCode::read(code)?.code;
        let seconds: i64 = seconds.parse().ok()?;
        let at = Timestamp::from_micros(seconds.checked_mul(crate::clock::SECOND)?);
        Some(Visit { code, at, source: Source::named(source) })
    }
}

/// The visit that counts after another link was followed.
pub fn after_click(rule: LinkRule, window: i64, before: Option<Visit>, click: Visit) -> Visit {
    match (rule, before) {
        (LinkRule::First, Some(before)) if before.within(window, click.at) => before,
        _ => click,
    }
}

/// How it was decided which partner a client belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The client followed the partner's link.
    Link,
    /// The client, or sales for the client, gave the partner's code.
    Code,
    /// A ruling on a partner's claim.
    Claim,
    /// A decision of staff.
    Staff,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 4] = [Method::Link, Method::Code, Method::Claim, Method::Staff];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Link => "link",
            Method::Code => "code",
            Method::Claim => "claim",
            Method::Staff => "staff",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// The words a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Method::Link => "Followed the link",
            Method::Code => "Gave the code",
            Method::Claim => "Claim accepted",
            Method::Staff => "Decided by staff",
        }
    }
}

/// What a contact form says about who recommended the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The visit in the cookie, if it still counts.
    pub cookie: Option<Visit>,
    /// The code that the form carried along from the link.
    pub carried: Option<ReferralCode>,
    /// The code that the client typed.
    pub typed: Option<ReferralCode>,
}

/// The code that a new client is attributed to. What the client says in so many words comes first; the cookie
/// comes before what the form carried, because it knows of links followed after the form was opened.
pub fn decide(evidence: &Evidence) -> Option<(ReferralCode, Method)> {
    if let Some(code) = evidence.typed {
        return Some((code, Method::Code));
    }
    let link = evidence.cookie.map(|visit| visit.code).or(evidence.carried);
    link.map(|code| (code, Method::Link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    fn visit(free: u32, day: i64) -> Visit {
        let at = Timestamp::from_micros(day * DAY);
        Visit { code: ReferralCode::from_number(free), at, source: Source::UNKNOWN }
    }

    #[test]
    fn the_last_or_the_first_link_within_the_window_counts() {
        let (first, last) = (visit(1, 100), visit(2, 150));
        let window = 90 * DAY;
        assert_eq!(after_click(LinkRule::Last, window, Some(first), last), last);
        assert_eq!(after_click(LinkRule::First, window, Some(first), last), first);
        assert_eq!(after_click(LinkRule::First, 30 * DAY, Some(first), last), last);
        assert_eq!(after_click(LinkRule::First, window, None, last), last);
        assert!(!visit(1, 100).within(window, Timestamp::from_micros(99 * DAY)));
        assert!(visit(1, 100).within(window, Timestamp::from_micros(190 * DAY)));
        assert!(!visit(1, 100).within(window, Timestamp::from_micros(190 * DAY + 1)));
    }

    #[test]
    fn a_cookie_is_read_back_and_nonsense_is_no_visit() {
        let visit = visit(77, 20_000);
        assert_eq!(Visit::from_cookie(&visit.to_cookie()), Some(visit));
        let named = Visit { source: Source::site("blog.example"), ..visit };
        assert_eq!(Visit::from_cookie(&named.to_cookie()), Some(named));
        for text in ["", ".", "x.1", "0000000.12", "99999999999999999999.1", "\u{0}", "🦀.🦀"] {
            assert_eq!(Visit::from_cookie(text), None, "{text}");
        }
        let overflow = format!("{}.{}", visit.code, i64::MAX);
        assert_eq!(Visit::from_cookie(&overflow), None);
    }

    #[test]
    fn what_the_client_says_comes_before_what_the_browser_remembers() {
        let (cookie, carried, typed) = (visit(1, 1), visit(2, 1).code, visit(3, 1).code);
        let all = Evidence { cookie: Some(cookie), carried: Some(carried), typed: Some(typed) };
        assert_eq!(decide(&all), Some((typed, Method::Code)));
        assert_eq!(decide(&Evidence { typed: None, ..all }), Some((cookie.code, Method::Link)));
        assert_eq!(
            decide(&Evidence { carried: Some(carried), ..Evidence::default() }),
            Some((carried, Method::Link))
        );
        assert_eq!(decide(&Evidence::default()), None);
    }
}
