//! Whose code is it? Held in memory, so that the click path never waits for the database to know.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use domain::{alias::Alias, clock::Day, referral_code::ReferralCode, source::Source};
use store::{Db, DbError, aliases, partners};

/// How many codes or words are read in one transaction.
const PAGE: i64 = 5_000;

/// The codes of partners as far as this server has heard of them: what is missing is looked up with the click, in the
/// transaction that keeps it. A code stays its partner's for ever, so nothing in here becomes wrong.
#[derive(Debug, Default)]
pub struct Directory {
    codes: RwLock<HashMap<ReferralCode, Arc<str>>>,
    /// Words stay their partners', too.
    aliases: RwLock<HashMap<Alias, ReferralCode>>,
    /// The places that each partner's clicks were counted under on a day.
    places: Mutex<Places>,
}

/// The places of a day, of each partner.
#[derive(Debug, Default)]
struct Places {
    day: Option<Day>,
    of: HashMap<ReferralCode, Vec<Source>>,
}

/// How many places one partner's clicks of a day are counted under; whoever makes up more in the link gets [`OTHER`].
const MOST_PLACES: usize = 50;
/// The place of those who have no place of their own any more.
const OTHER: &str = "other";

impl Directory {
    /// The partner with a code.
    pub fn partner(&self, code: ReferralCode) -> Option<Arc<str>> {
        self.codes.read().unwrap_or_else(PoisonError::into_inner).get(&code).cloned()
    }

    /// Remembers whose a code is.
    pub fn remember(&self, code: ReferralCode, partner_id: Arc<str>) {
        self.codes.write().unwrap_or_else(PoisonError::into_inner).insert(code, partner_id);
    }

    /// The code of the partner with a word.
    pub fn alias(&self, alias: &Alias) -> Option<ReferralCode> {
        self.aliases.read().unwrap_or_else(PoisonError::into_inner).get(alias).copied()
    }

    /// Remembers whose a word is.
    pub fn remember_alias(&self, alias: Alias, code: ReferralCode) {
        self.aliases.write().unwrap_or_else(PoisonError::into_inner).insert(alias, code);
    }

    /// The place that a click of a day is counted under: the one where it came from, as long as that makes no more of them
    /// than anybody has a use for.
    pub fn place(&self, code: ReferralCode, day: Day, came_from: Source) -> Source {
        if came_from.is_unknown() {
            return came_from;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.day != Some(day) {
            *places = Places { day: Some(day), of: HashMap::new() };
        }
        let of_partner = places.of.entry(code).or_default();
        if of_partner.contains(&came_from) {
            came_from
        } else if of_partner.len() < MOST_PLACES {
            of_partner.push(came_from);
            came_from
        } else {
            Source::named(OTHER)
        }
    }

    /// Reads every code and every word, a page at a time.
    ///
    /// # Errors
    /// When the database says no; what has been read is kept.
    pub async fn fill(&self, db: &Db) -> Result<(), DbError> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let page = db.read(move |tx| partners::codes_after(tx, &from, PAGE)).await?;
            let Some((_, last)) = page.last() else { break };
            after.clone_from(last);
            let mut known = self.codes.write().unwrap_or_else(PoisonError::into_inner);
            known.extend(page.into_iter().map(|(code, id)| (code, Arc::from(id))));
        }
        self.fill_aliases(db).await
    }

    /// Reads every word, a page at a time.
    ///
    /// # Errors
    /// When the database says no; what has been read is kept.
    pub async fn fill_aliases(&self, db: &Db) -> Result<(), DbError> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let page = db.read(move |tx| aliases::after(tx, &from, PAGE)).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = last.to_string();
            self.aliases.write().unwrap_or_else(PoisonError::into_inner).extend(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_makes_up_any_number_of_places() {
        let directory = Directory::default();
        let (code, other) = (ReferralCode::from_number(1), ReferralCode::from_number(2));
        let place = |code, day, index: usize| directory.place(code, day, Source::named(&format!("p{index}")));
        for index in 0..MOST_PLACES {
            assert_eq!(place(code, Day(1), index).as_str(), format!("p{index}"));
        }
        assert_eq!(place(code, Day(1), MOST_PLACES).as_str(), OTHER);
        assert_eq!(place(code, Day(1), 7).as_str(), "p7");
        assert_eq!(place(other, Day(1), MOST_PLACES).as_str(), "p50");
        assert_eq!(place(code, Day(2), MOST_PLACES).as_str(), "p50");
        assert!(directory.place(code, Day(2), Source::UNKNOWN).is_unknown());
    }
}
