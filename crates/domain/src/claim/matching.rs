//! What speaks for a client's being the one whom a partner claims: reasons with points, for a person to judge. Nothing
//! is decided by them.

use crate::clock::{DAY, Day, HOUR, Timestamp};

use super::keys::{Clues, Keys, likeness, own_host};

/// The source of a code that was typed into the contact form.
pub const TYPED: &str = "contact form";

/// A client from this many points on is proposed.
pub const LEAST: i64 = 20;

/// From this many on a proposal is likely.
pub const LIKELY: i64 = 35;

/// From this many on it is strong.
pub const STRONG: i64 = 60;

/// What is known of a client who may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What the client is found by.
    pub keys: Keys,
    /// When the client left the contact.
    pub created_at: Timestamp,
}

/// What the partner says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The key of the client's name.
    pub name: String,
    /// The contacts.
    pub clues: Clues,
    /// When the partner sent the client.
    pub sent_on: Day,
    /// How, and what shows it: words that may name a source of clicks.
    pub words: String,
}

/// A visit through the partner's link, or with a code that is nearly the partner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// The host that the link stood on, or empty.
    pub source: String,
    /// With a damaged code.
    pub damaged: bool,
}

/// Something that speaks for a client, or against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The same mailbox.
    Email,
    /// Another mailbox of the same company, at this host.
    Host(String),
    /// The same telephone number.
    Phone,
    /// The same Telegram account.
    Telegram,
    /// Names that are alike, in basis points.
    Name(i64),
    /// The contact was left that many days after the stated day (a day before it counts as the day itself).
    Days(i64),
    /// The contact was left that many days before the stated day.
    Before(i64),
    /// Somebody visited shortly before the contact was left.
    Visit {
        /// Microseconds before the contact was left.
        before: i64,
        /// The host that the link stood on, or empty.
        source: String,
        /// With a damaged code.
        damaged: bool,
        /// The partner has named that source.
        indicated: bool,
    },
}

impl Reason {
    /// How much it speaks for the client; below zero, against.
    pub fn points(&self) -> i64 {
        match self {
            Reason::Email => 60,
            Reason::Phone | Reason::Telegram => 50,
            Reason::Host(_) => 25,
            Reason::Name(9_000..) => 30,
            Reason::Name(6_000..) => 20,
            Reason::Name(_) => 10,
            Reason::Days(..=1) => 15,
            Reason::Days(..=7) => 10,
            Reason::Days(_) => 5,
            Reason::Before(_) => -20,
            Reason::Visit { before, damaged, indicated, .. } => {
                let near = match *before {
                    ..=HOUR => 20,
                    before if before <= 6 * HOUR => 10,
                    _ => 5,
                };
                near + if *damaged { 5 } else { 0 } + if *indicated { 5 } else { 0 }
            }
        }
    }

    /// The reason in words.
    pub fn words(&self) -> String {
        match self {
            Reason::Email => "The same email address.".into(),
            Reason::Host(host) => format!("An email address at the same company ({host})."),
            Reason::Phone => "The same telephone number.".into(),
            Reason::Telegram => "The same Telegram account.".into(),
            Reason::Name(10_000) => "The same name.".into(),
            Reason::Name(likeness) => format!("A similar name ({} % alike).", likeness / 100),
            Reason::Days(..=0) => "Left the contact on the stated day.".into(),
            Reason::Days(1) => "Left the contact a day after the stated one.".into(),
            Reason::Days(days) => format!("Left the contact {days} days after the stated day."),
            Reason::Before(days) => {
                format!("Against it: left the contact {days} days before the stated day.")
            }
            Reason::Visit { before, source, damaged: true, .. } if source == TYPED => {
                let before = length(*before);
                format!(
                    "A damaged code close to this partner's was typed into the contact form, {before} before it was sent."
                )
            }
            Reason::Visit { before, source, damaged, indicated } => {
                let what = if *damaged {
                    "A damaged code close to this partner's was followed"
                } else {
                    "This partner's link was followed"
                };
                let from = if source.is_empty() { String::new() } else { format!(" from {source}") };
                let named = if *indicated { ", which the partner names" } else { "" };
                format!("{what}{from}{named}, {} before the contact was left.", length(*before))
            }
        }
    }
}

/// A length of time in a word.
fn length(micros: i64) -> String {
    match (micros / (60 * crate::clock::SECOND), micros / HOUR) {
        (0, _) => "less than a minute".into(),
        (1, _) => "a minute".into(),
        (minutes, 0) => format!("{minutes} minutes"),
        (_, 1) => "an hour".into(),
        (_, hours) => format!("{hours} hours"),
    }
}

/// Everything that speaks for a client or against, the strongest first.
pub fn reasons(statement: &Statement, candidate: &Candidate, visits: &[Visit]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let is_in = |list: &[String], key: &str| !key.is_empty() && list.iter().any(|clue| clue == key);
    let (clues, keys) = (&statement.clues, &candidate.keys);
    if is_in(&clues.emails, &keys.email) {
        reasons.push(Reason::Email);
    } else if let Some(host) = own_host(&keys.email).filter(|host| is_in(&clues.hosts, host)) {
        reasons.push(Reason::Host(host.to_owned()));
    }
    if is_in(&clues.phones, &keys.phone) {
        reasons.push(Reason::Phone);
    }
    if is_in(&clues.telegrams, &keys.telegram) {
        reasons.push(Reason::Telegram);
    }
    let alike = likeness(&statement.name, &keys.name);
    if alike >= 4_500 {
        reasons.push(Reason::Name(alike));
    }
    // A day on either side: the partner's calendar may be another one.
    match candidate.created_at.day().0 - statement.sent_on.0 {
        days @ -1..=30 => reasons.push(Reason::Days(days)),
        days @ ..-1 => reasons.push(Reason::Before(-days)),
        _ => {}
    }
    let best = visits
        .iter()
        .map(|visit| (candidate.created_at.since(visit.at), visit))
        .filter(|(before, _)| (0..=DAY).contains(before))
        .map(|(before, visit)| Reason::Visit {
            before,
            source: visit.source.clone(),
            damaged: visit.damaged,
            indicated: indicates(&statement.words, &visit.source),
        })
        .max_by_key(|reason| {
            let Reason::Visit { before, .. } = reason else { return (0, 0) };
            (reason.points(), -*before)
        });
    reasons.extend(best);
    reasons.sort_by_key(|reason| -reason.points());
    reasons
}

/// All points together.
pub fn points(reasons: &[Reason]) -> i64 {
    reasons.iter().map(Reason::points).sum()
}

/// How strong a proposal is, in a word.
pub const fn strength(points: i64) -> &'static str {
    match points {
        STRONG.. => "Strong",
        LIKELY.. => "Likely",
        _ => "Weak",
    }
}

/// What people call the sources of clicks, and what stands in the hosts of those.
const SOURCES: [(&str, &[&str]); 9] = [
    ("telegram", &["t.me", "telegram"]),
    ("whatsapp", &["whatsapp", "wa.me"]),
    ("facebook", &["facebook", "fb."]),
    ("instagram", &["instagram"]),
    ("linkedin", &["linkedin", "lnkd.in"]),
    ("twitter", &["t.co", "twitter", "x.com"]),
    ("youtube", &["youtube", "youtu.be"]),
    ("google", &["google"]),
    ("mail", &["mail", "outlook"]),
];

/// Whether the partner's words name the source of a click: its host, or what people call it.
pub fn indicates(words: &str, source: &str) -> bool {
    let (words, source) = (words.to_lowercase(), source.to_lowercase());
    if source.is_empty() {
        return false;
    }
    let host = source.strip_prefix("www.").unwrap_or(&source);
    words.contains(host)
        || SOURCES
            .iter()
            .any(|(called, hosts)| words.contains(called) && hosts.iter().any(|part| host.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    const NOON: Timestamp = Timestamp::from_micros(20_000 * DAY + 12 * HOUR);

    fn statement() -> Statement {
        Statement {
            name: super::super::keys::name_key("Aurora Ceramics"),
            clues: Clues::read("hello@aurora.example, +351 912 000 114, @aurora"),
            sent_on: NOON.day(),
            words: "I sent her the link on Telegram".into(),
        }
    }

    fn candidate(name: &str, email: &str, phone: &str, telegram: &str, at: Timestamp) -> Candidate {
        Candidate { keys: Keys::of(name, email, phone, telegram), created_at: at }
    }

    #[test]
    fn the_same_contacts_and_the_time_speak_for_a_client() {
        let all = candidate("Aurora Ceramics Ltd", "Hello+1@aurora.example", "912000114", "@Aurora", NOON);
        let found = reasons(&statement(), &all, &[]);
        assert_eq!(
            found,
            [Reason::Email, Reason::Phone, Reason::Telegram, Reason::Name(10_000), Reason::Days(0)]
        );
        assert_eq!((points(&found), strength(points(&found))), (205, "Strong"));
        let colleague = candidate("Ann Lee", "ann@aurora.example", "", "", NOON);
        let found = reasons(&statement(), &colleague, &[]);
        assert_eq!(found, [Reason::Host("aurora.example".into()), Reason::Days(0)]);
        assert_eq!((strength(points(&found)), found[0].points()), ("Likely", 25));
        let stranger = candidate("Borealis Timber", "x@example.com", "", "", NOON.plus(40 * DAY));
        assert!(points(&reasons(&statement(), &stranger, &[])) < LEAST);
        // Nobody is the same because both left a field empty.
        let empty = Statement { clues: Clues::default(), name: String::new(), ..statement() };
        assert_eq!(reasons(&empty, &candidate("", "", "", "", NOON), &[]), [Reason::Days(0)]);
    }

    #[test]
    fn a_contact_left_long_before_speaks_against() {
        let early = candidate("Aurora", "", "", "", NOON.plus(-10 * DAY));
        let found = reasons(&statement(), &early, &[]);
        assert_eq!(found.last(), Some(&Reason::Before(10)));
        assert!(points(&found) < LEAST);
    }

    #[test]
    fn the_visit_that_says_most_is_told() {
        let client = candidate("Somebody", "", "", "", NOON);
        let visit = |before: i64, source: &str, damaged| Visit {
            at: NOON.plus(-before),
            source: source.into(),
            damaged,
        };
        let visits = [
            visit(5 * HOUR, "org.telegram.messenger", false),
            visit(20 * 60 * SECOND, "", false),
            visit(10 * 60 * SECOND, "t.me", false),
            visit(-HOUR, "t.me", true),
            visit(2 * DAY, "t.me", true),
        ];
        let found = reasons(&statement(), &client, &visits);
        let told = &found[0];
        assert_eq!(
            told.words(),
            "This partner's link was followed from t.me, which the partner names, 10 minutes before the contact was left."
        );
        assert_eq!(told.points(), 25);
        let points_after = |before| reasons(&statement(), &client, &[visit(before, "", false)])[1].points();
        assert_eq!([6 * HOUR, 6 * HOUR + 1].map(points_after), [10, 5]);
        let damaged = reasons(&statement(), &client, &[visit(30 * SECOND, "", true)]);
        assert_eq!(damaged[0].points(), 25);
        let typed = reasons(&statement(), &client, &[visit(60 * SECOND, TYPED, true)]);
        assert!(typed[0].words().ends_with("typed into the contact form, a minute before it was sent."));
        assert!(
            damaged[0].words().starts_with("A damaged code close to this partner's was followed, less than")
        );
    }

    #[test]
    fn sources_are_known_by_what_people_call_them() {
        assert!(indicates("sent by WhatsApp", "com.whatsapp"));
        assert!(indicates("it stood on blog.example", "www.blog.example"));
        assert!(!indicates("sent by WhatsApp", "t.me"));
        assert!(!indicates("anything", ""));
    }
}
