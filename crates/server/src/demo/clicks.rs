//! The visits through partners' links on one day: more each month, few at the weekend, a burst now and then.

use domain::clock::{Day, HOUR, SECOND, Timestamp};
use store::{DbError, Tx, clicks::Click};

use super::{random::Rng, story, words};

/// How likely a visit is in each hour of the day (UTC), as weights.
pub(super) const HOURS: [u64; 24] =
    [6, 4, 3, 3, 4, 8, 16, 30, 45, 55, 58, 56, 50, 54, 57, 55, 50, 44, 40, 38, 34, 26, 18, 10];

/// Somebody whose link can be followed.
#[derive(Debug)]
pub struct Linked<'a> {
    /// The partner's identifier.
    pub id: &'a str,
    /// The partner's code, misread by somebody.
    pub misread: String,
    /// How often the link is followed, against the others'.
    pub weight: u64,
}

/// Keeps the day's visits up to a moment; returns how many people came (programs that look at links not counted).
pub fn live(
    tx: &mut Tx,
    rng: &mut Rng,
    day: Day,
    number: i64,
    until: Timestamp,
    partners: &mut [Linked],
) -> Result<i64, DbError> {
    let rhythm = [108, 114, 112, 106, 92, 58, 54][story::weekday(day)];
    let mut expected = (3_500 + 9_500 * number / story::TODAY) * rhythm / 10_000;
    for partner in partners.iter_mut() {
        // A newsletter, a talk, a video: for a day everybody follows this link.
        if partner.weight > 0 && rng.per_mille(8) {
            partner.weight *= 12;
            expected += rng.between(20, 60);
        }
    }
    let weights: Vec<u64> = partners.iter().map(|partner| partner.weight).collect();
    let mut visits = Vec::new();
    for _ in 0..expected + rng.between(-8, 8) {
        let Some(partner) = rng.weighted(&weights) else { return Ok(0) };
        let hour = rng.weighted(&HOURS).and_then(|hour| i64::try_from(hour).ok()).unwrap_or(12);
        let at = day.start().plus(hour * HOUR + rng.between(0, 3_599) * SECOND);
        let repaired_from = rng.per_mille(5).then_some(partners[partner].misread.as_str());
        let source = rng.pick(&words::SOURCES);
        visits.push(Click {
            partner_id: partners[partner].id,
            repaired_from,
            source,
            place: words::place(at, source),
            automatic: rng.percent(7),
            at,
        });
    }
    visits.retain(|visit| visit.at < until);
    visits.sort_by_key(|visit| visit.at);
    // One batch a day: no two of them have a millisecond in common.
    store::clicks::insert_many(tx, &visits, 0)?;
    Ok(visits.iter().map(|visit| i64::from(!visit.automatic)).sum())
}
