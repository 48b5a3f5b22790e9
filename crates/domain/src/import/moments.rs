//! Days and moments as other systems write them.

use crate::clock::{Day, Timestamp};

/// Reads a day or a moment: `2026-11-23`, `2026-11-23 08:10`, `2026-11-23 08:10:00`, or RFC 3339 with an offset. Without
/// an offset it is UTC. Days written in other orders are refused: 03/04/2026 is March to some and April to others.
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(day) = Day::from_iso(text) {
        return Some(day.start());
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let starts_with_date = text.len() > 11 && Day::from_iso(text.get(..10)?).is_some();
    if !starts_with_date {
        return None;
    }
    let with_t = format!("{}T{}", &text[..10], text.get(11..)?.trim());
    if let Ok(moment) = with_t.replace(' ', "").parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_micros(moment.as_microsecond()));
    }
    let civil: jiff::civil::DateTime = with_t.parse().ok()?;
    let moment = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp::from_micros(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_read_as_utc() {
        for (text, expected) in [
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11-23 08:10", "2026-11-23T08:10:00Z"),
            ("2026-11-23 08:10:09", "2026-11-23T08:10:09Z"),
            ("2026-11-23 08:10:09 UTC", "2026-11-23T08:10:09Z"),
            ("2026-11-23T08:10:09.123Z", "2026-11-23T08:10:09Z"),
            ("2026-11-23T08:10:09+02:00", "2026-11-23T06:10:09Z"),
            ("2026-11-23 08:10:09 +02:00", "2026-11-23T06:10:09Z"),
        ] {
            assert_eq!(moment(text).map(Timestamp::rfc3339).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "23.11.2026", "11/23/2026", "2026-02-30", "2026-11-23 25:00", "1795421400", "yesterday"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
