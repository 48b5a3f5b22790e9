//! Whose code is it? Held in memory, so that the click path never waits for the database to know.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use domain::referral_code::ReferralCode;
use store::{Db, DbError, partners};

/// How many codes are read in one transaction.
const PAGE: i64 = 5_000;

/// The codes of partners as far as this server has heard of them: what is missing is looked up with the click, in the
/// transaction that keeps it. A code stays its partner's for ever, so nothing in here becomes wrong.
#[derive(Debug, Default)]
pub struct Directory(RwLock<HashMap<ReferralCode, Arc<str>>>);

impl Directory {
    /// The partner with a code.
    pub fn partner(&self, code: ReferralCode) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&code).cloned()
    }

    /// Remembers whose a code is.
    pub fn remember(&self, code: ReferralCode, partner_id: Arc<str>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(code, partner_id);
    }

    /// Reads every code, a page at a time.
    ///
    /// # Errors
    /// When the database says no; what has been read is kept.
    pub async fn fill(&self, db: &Db) -> Result<(), DbError> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let page = db.read(move |tx| partners::codes_after(tx, &from, PAGE)).await?;
            let Some((_, last)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.extend(page.into_iter().map(|(code, id)| (code, Arc::from(id))));
        }
    }
}
