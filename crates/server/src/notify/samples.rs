//! A sample of every notice, and what each looks like: as plain text, as HTML and as a short message.
//!
//! The looks are kept in `snapshots/`. After changing words or the form of letters, write them anew and look at what has
//! changed:
//!
//! ```text
//! GOODWORD_SNAPSHOTS=write cargo test -p server --lib notify::samples
//! git diff crates/server/src/notify/snapshots
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use domain::{clock::Timestamp, ids::Ids, money::Money, notice::NoticeKind, rate::Rate};
use store::programme::Programme;

use super::Notice;
use crate::app::{Env, Reach};

/// Monday, 23 November 2026, 08:10 UTC.
const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

#[derive(Debug)]
struct Zeros;
impl Ids for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// What an operation is given, in tests that have no database.
pub fn env() -> Env {
    let programme = Programme { name: "Northwind Partners".into(), ..Programme::standard() };
    let alone = Env::alone(NOW, Arc::new(Zeros), Arc::new(programme), "https://partners.example.com");
    Env { reach: Reach { mail: true, telegram: true }, ..alone }
}

/// Every notice, with values that are hard to show: long names, signs with a meaning in HTML, lines.
pub fn all() -> Vec<Notice> {
    let secret = || "c2VjcmV0LXNhbXBsZS1zZWNyZXQtc2FtcGxlLXM".to_owned();
    let name = || "Aurora & Söhne <Ceramics>".to_owned();
    let money = Money::from_minor;
    let rate = |bp| Rate::from_basis_points(bp).expect("a rate");
    let id = || "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d".to_owned();
    let partner = || "Mara Lindqvist".to_owned();
    let reason =
        || "The client wrote to us on 3 March and named you.\nWe have looked at the mails.".to_owned();
    vec![
        Notice::Welcome { code: "7KQ4-XW2M".into(), confirm: secret() },
        Notice::ConfirmEmail { secret: secret() },
        Notice::ReleaseEmail { secret: secret(), email: "mara@new.example".into(), hours: 24 },
        Notice::AdoptEmail { secret: secret(), email: "mara@new.example".into(), hours: 24 },
        Notice::EmailKnown,
        Notice::EmailChanged { email: "mara@new.example".into() },
        Notice::Recovery { secret: secret(), hours: 1 },
        Notice::Invitation { secret: secret(), days: 7, role: "Finance" },
        Notice::NewClient { client: 1042, name: name() },
        Notice::DealWon {
            deal: 2077,
            client: 1042,
            name: name(),
            amount: money(1_240_000),
            commission: Some((rate(1_250), money(155_000))),
            why: "12.5 % because your closed deals have passed $50,000.00.".into(),
            available_at: Some(NOW.plus(14 * domain::clock::DAY)),
        },
        Notice::DealWon {
            deal: 2077,
            client: 1042,
            name: name(),
            amount: money(1_240_000),
            commission: None,
            why: "Nothing was booked because your account is suspended.".into(),
            available_at: None,
        },
        Notice::DealLost { deal: 2077, client: 1042, name: name() },
        Notice::DealChanged {
            deal: 2077,
            name: name(),
            refunded: Some(money(124_000)),
            taken: money(15_500),
            reason: "A smaller scope".into(),
        },
        Notice::DealChanged {
            deal: 2077,
            name: name(),
            refunded: None,
            taken: money(155_000),
            reason: "The wrong amount was entered".into(),
        },
        Notice::RateRaised { rate: rate(1_250), before: rate(1_000) },
        Notice::WithdrawalRequested {
            amount: money(50_000),
            wallet: "Main (USDT on TRON, TR7NHq…Lj6t)".into(),
        },
        Notice::WithdrawalPaid {
            amount: money(50_000),
            wallet: "Main (USDT on TRON, TR7NHq…Lj6t)".into(),
            reference: "9f2c4b1e6a70d38851c9f2c4b1e6a70d38851c9f2c4b1e6a70d38851c9f2c4b1e".into(),
        },
        Notice::WithdrawalRejected { amount: money(50_000), reason: reason() },
        Notice::PaymentReturned { amount: money(50_000), reason: "The bank knows no such account.".into() },
        Notice::Adjusted { amount: money(25_050), reason: reason() },
        Notice::Adjusted { amount: money(-5_050), reason: reason() },
        Notice::ClaimRuled { client_name: name(), accepted: Some(1042), reason: reason() },
        Notice::ClaimRuled { client_name: name(), accepted: None, reason: reason() },
        Notice::ClientMoved {
            client: 1042,
            name: name(),
            to_you: true,
            commission: money(155_000),
            reason: reason(),
        },
        Notice::ClientMoved {
            client: 1042,
            name: name(),
            to_you: false,
            commission: Money::ZERO,
            reason: reason(),
        },
        Notice::SupportReceived {
            ticket: 311,
            message: "Where is my payment?\n\nIt was due on Monday.".into(),
        },
        Notice::SupportAnswered { ticket: 311, answer: reason(), path: "/support/311".into() },
        Notice::SupportClosed { ticket: 311, path: "/support/311".into() },
        Notice::FeedbackAnswered {
            message: "More colours, please.".into(),
            answer: "They are on their way.".into(),
        },
        Notice::WalletChanged {
            what: vec!["The wallet “Main” was added.".into(), "The wallet “Old” was removed.".into()],
            cooling_hours: Some(24),
        },
        Notice::WalletChanged {
            what: vec!["The wallet “Main” has a new label.".into()],
            cooling_hours: None,
        },
        Notice::NewSignIn { device: "Firefox on Linux".into(), at: NOW },
        Notice::AccountChanged { what: "Your password was changed.".into() },
        Notice::TelegramBroken { why: "the bot was blocked".into() },
        Notice::OfficeWithdrawal { id: id(), partner: partner(), amount: money(50_000), due: NOW },
        Notice::OfficeDue { id: id(), partner: partner(), amount: money(50_000), due: NOW, overdue: false },
        Notice::OfficeDue { id: id(), partner: partner(), amount: money(50_000), due: NOW, overdue: true },
        Notice::OfficeSupport { ticket: 3001, name: name(), message: "Where is <my> money?".into() },
        Notice::OfficeClaim { client_name: name(), partner: partner(), path: "/office/claims/7".into() },
        Notice::OfficeWebhook {
            name: "Data <warehouse>".into(),
            place: "https://hooks.example.com".into(),
            why: "3 deliveries in a row were given up, each tried for about a day. It answered 500.".into(),
            path: "/office/webhooks/0193a1b2-0000-7000-8000-0000000000aa".into(),
        },
    ]
}

/// The looks of every notice by the name of its file.
fn looks() -> Vec<(String, String)> {
    let env = env();
    let mut looks = Vec::new();
    let mut places = BTreeMap::new();
    for notice in all() {
        let letter = notice.letter(&env, "Mara Lindqvist");
        let word = notice.kind().as_str();
        let place: &mut u8 = places.entry(word).or_default();
        *place += 1;
        let text = format!(
            "Subject: {}\n\n{}\n=== Telegram ===\n\n{}\n",
            letter.subject,
            letter.text(),
            letter.short()
        );
        looks.push((format!("{word}.{place}.txt"), text));
        looks.push((format!("{word}.{place}.html"), letter.html()));
    }
    looks
}

#[test]
fn every_notice_has_a_sample() {
    let sampled: Vec<NoticeKind> = all().iter().map(Notice::kind).collect();
    for kind in NoticeKind::ALL {
        assert!(sampled.contains(kind), "{kind:?} has no sample");
    }
}

#[test]
fn every_notice_looks_as_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notify/snapshots");
    let looks = looks();
    if std::env::var_os("GOODWORD_SNAPSHOTS").is_some_and(|word| word == "write") {
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in &looks {
            fs::write(folder.join(file), text).unwrap();
        }
    }
    let kept: BTreeSet<String> = fs::read_dir(&folder)
        .expect("the snapshots")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let made: BTreeSet<String> = looks.iter().map(|(file, _)| file.clone()).collect();
    let how = "if this is meant: GOODWORD_SNAPSHOTS=write cargo test -p server --lib notify::samples";
    assert_eq!(kept, made, "{how}");
    for (file, text) in looks {
        let was = fs::read_to_string(folder.join(&file)).unwrap();
        let differing = was.lines().zip(text.lines()).find(|(was, is)| was != is);
        assert!(was == text, "{file} has changed, first where (was, is): {differing:#?}; {how}");
    }
}

#[test]
fn letters_hold_no_markup_of_others_and_no_gaps() {
    let env = env();
    for notice in all() {
        let letter = notice.letter(&env, "<b>Mara</b>");
        let (text, html, short) = (letter.text(), letter.html(), letter.short());
        assert!(!html.contains("<b>Mara") && !html.contains("<Ceramics>"), "{html}");
        assert!(!text.contains("&#") && !short.contains("&#"), "plain text needs no escapes: {text}");
        assert!(!text.contains("\n\n\n") && !short.contains("\n\n\n"), "{text}{short}");
        assert!(short.starts_with(&letter.subject), "{short}");
        assert!(!letter.subject.contains('\n') && letter.subject.chars().count() < 100, "{}", letter.subject);
        if let Some((_, address)) = &letter.link {
            assert!(address.starts_with("https://partners.example.com/"), "{address}");
            assert!(text.contains(address) && html.contains(address) && short.contains(address));
        }
    }
}
