//! When a message that couldn't be delivered is tried again, and when it is no longer worth a try.

use crate::{
    clock::{DAY, HOUR, SECOND, Timestamp},
    notice::NoticeKind,
};

const MINUTE: i64 = 60 * SECOND;

/// What is waited after each failed try, in microseconds: ten tries over about a day. Short at first, because most
/// trouble is over in minutes; the second is above the five minutes that a greylisting server wants to be waited.
const PAUSES: [i64; 9] =
    [30 * SECOND, 6 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 7 * HOUR, 9 * HOUR];

/// How often a message is tried before somebody has to look.
pub const TRIES: i64 = PAUSES.len() as i64 + 1;

/// The longest that another side is believed which asks to be left alone.
const LONGEST_ASKED: i64 = DAY;

/// How old mail may have become before it is worth less than the surprise of getting it.
const STALE: i64 = 3 * DAY;

/// How long to wait after the failed try of that number (from 1), in microseconds; none when that was the last.
///
/// `asked` is how long the other side asked to be left alone. `chance` spreads the tries of many messages that failed
/// together by up to a fifth, later only where the other side has asked.
pub fn pause(tries: i64, asked: Option<i64>, chance: u8) -> Option<i64> {
    let before = usize::try_from(tries - 1).unwrap_or(0);
    let pause = *PAUSES.get(before)?;
    let spread = pause / 5 * (i64::from(chance) - 128) / 128;
    let asked = asked.map(|asked| asked.clamp(0, LONGEST_ASKED) + spread.abs());
    Some((pause + spread).max(asked.unwrap_or(0)))
}

/// Why the one-time address in a message can't be used any more, in words for staff.
pub fn run_out(kind: NoticeKind, created: Timestamp, now: Timestamp) -> Option<&'static str> {
    if now.since(created) < kind.lasts()? {
        return None;
    }
    Some(match kind {
        NoticeKind::Recovery => "The one-time address in it has run out. Send a new one from Recovery.",
        NoticeKind::Invitation => {
            "The one-time address in it has run out. Make a new invitation under Staff."
        }
        _ => {
            "The one-time address in it has run out. The person can have a new one sent from the page Account."
        }
    })
}

/// Why a message isn't worth a try any more, in words for staff. `due` is since when it could have been tried: for mail
/// that waited for a mail server to be set up, that is since it was written.
pub fn stale(kind: NoticeKind, created: Timestamp, due: Timestamp, now: Timestamp) -> Option<&'static str> {
    run_out(kind, created, now).or_else(|| {
        (now.since(due) > STALE).then_some(
            "It had waited for more than three days when it could be sent at last, so it was held back. \
             Send it again if it still matters.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_take_about_a_day() {
        let pauses: Vec<i64> = (1..TRIES).map(|tries| pause(tries, None, 128).unwrap()).collect();
        assert!(pauses.is_sorted());
        let all: i64 = pauses.iter().sum();
        assert!((20 * HOUR..=26 * HOUR).contains(&all), "{} h", all / HOUR);
        assert_eq!(pause(TRIES, None, 0), None);
        assert_eq!(pause(TRIES + 5, Some(SECOND), 0), None);
    }

    #[test]
    fn tries_are_spread_by_a_fifth_at_most() {
        for tries in 1..TRIES {
            let middle = pause(tries, None, 128).unwrap();
            for chance in 0..=u8::MAX {
                let pause = pause(tries, None, chance).unwrap();
                assert!((middle * 4 / 5..=middle * 6 / 5).contains(&pause), "{tries} {chance}");
            }
            assert!(pause(tries, None, 0).unwrap() < pause(tries, None, 255).unwrap());
        }
    }

    #[test]
    fn who_asks_to_be_left_alone_is() {
        for chance in [0, 128, 255] {
            assert!(pause(1, Some(10 * MINUTE), chance).unwrap() >= 10 * MINUTE);
            assert!(pause(9, Some(SECOND), chance).unwrap() > 7 * HOUR, "but the pause isn't shortened");
            assert!(pause(1, Some(i64::MAX), chance).unwrap() <= DAY + MINUTE, "and not for ever");
            assert!(pause(1, Some(-5), chance).unwrap() > 0);
        }
    }

    #[test]
    fn what_is_too_old_is_held_back() {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let waited = |kind, micros| stale(kind, at, at, at.plus(micros));
        assert_eq!(waited(NoticeKind::DealWon, 3 * DAY), None);
        assert!(waited(NoticeKind::DealWon, 3 * DAY + 1).unwrap().contains("three days"));
        assert_eq!(waited(NoticeKind::Recovery, HOUR - 1), None);
        assert!(waited(NoticeKind::Recovery, HOUR).unwrap().contains("run out"));
        for (kind, lasts, advice) in [
            (NoticeKind::AdoptEmail, DAY, "Account"),
            (NoticeKind::ReleaseEmail, DAY, "Account"),
            (NoticeKind::ConfirmEmail, 7 * DAY, "Account"),
            (NoticeKind::Welcome, 7 * DAY, "Account"),
            (NoticeKind::Invitation, 7 * DAY, "Staff"),
        ] {
            let due = |micros| stale(kind, at, at.plus(micros), at.plus(micros));
            assert_eq!(due(lasts - 1), None, "{kind:?}");
            assert!(due(lasts).unwrap().contains(advice), "{kind:?}");
        }
        // Somebody has said "send again".
        let later = at.plus(30 * DAY);
        assert_eq!(stale(NoticeKind::DealWon, at, later, later.plus(HOUR)), None);
    }
}
