//! Time is passed in, never asked for: whoever needs it takes a [`Clock`] or a [`Timestamp`].

use std::fmt;

/// A moment: microseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in an hour.
pub const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in a day of 24 hours (UTC has no other days).
pub const DAY: i64 = 24 * HOUR;

/// A length of time (microseconds) in one word that is exact enough to act on.
pub fn duration(micros: i64) -> String {
    match micros {
        below if below < HOUR => format!("{} min", below / (60 * SECOND)),
        below if below < 3 * DAY => format!("{} h", below / HOUR),
        days => format!("{} days", days / DAY),
    }
}

impl Timestamp {
    /// A moment given in microseconds since 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// The moment in microseconds since 1970-01-01 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The moment that many microseconds later (or earlier, when negative).
    pub const fn plus(self, micros: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(micros))
    }

    /// How many microseconds have passed since an earlier moment.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The UTC day of the moment: days since 1970-01-01.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY))
    }

    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// RFC 3339 in UTC to the second: `2026-11-23T08:10:00Z`.
    pub fn rfc3339(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The day and minute as people read it: `23 Nov 2026, 08:10`.
    pub fn date_time(self) -> String {
        self.civil().strftime("%-d %b %Y, %H:%M").to_string()
    }

    /// The day as people read it: `23 Nov 2026`.
    pub fn date(self) -> String {
        self.civil().strftime("%-d %b %Y").to_string()
    }
}

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 * DAY)
    }

    /// The date as machines read it: `2026-11-23`.
    pub fn iso(self) -> String {
        self.start().civil().strftime("%Y-%m-%d").to_string()
    }

    /// Reads a date as machines write it; `None` where it is none.
    pub fn from_iso(text: &str) -> Option<Day> {
        let is_iso = text.len() == 10 && text.chars().all(|c| c.is_ascii_digit() || c == '-');
        let date: jiff::civil::Date = text.parse().ok().filter(|_| is_iso)?;
        let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Timestamp(start.as_microsecond()).day())
    }

    /// The day as people read it: `23 Nov`.
    pub fn short(self) -> String {
        self.start().civil().strftime("%-d %b").to_string()
    }
}

/// Tells the time. The real one is in the server; tests and the demo set their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The moment it is now.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_for_machines_and_for_people() {
        let moment = Timestamp::from_micros(1_795_421_400_000_000);
        assert_eq!(moment.rfc3339(), "2026-11-23T08:10:00Z");
        assert_eq!(moment.date_time(), "23 Nov 2026, 08:10");
        assert_eq!(moment.day().iso(), "2026-11-23");
        assert_eq!(Timestamp::from_micros(-1).day(), Day(-1));
        assert_eq!(Day::from_iso("2026-11-23"), Some(moment.day()));
        for text in ["", "23.11.2026", "2026-02-30", "2026-1-1", "20261123", "2026-11-23T08", "-026-11-23"] {
            assert_eq!(Day::from_iso(text), None, "{text}");
        }
        assert_eq!(moment.plus(DAY).since(moment), DAY);
    }

    #[test]
    fn lengths_of_time_are_told_in_one_word() {
        for (micros, text) in [
            (0, "0 min"),
            (59 * 60 * SECOND, "59 min"),
            (HOUR, "1 h"),
            (71 * HOUR, "71 h"),
            (3 * DAY, "3 days"),
        ] {
            assert_eq!(duration(micros), text);
        }
    }
}
