//! How far a list is read: `limit` and `cursor`.

use super::problem::Problem;
use crate::web::office::parts::is_id;

/// How many rows a page has when nothing is said.
const STANDARD: i64 = 50;
/// How many a page can have.
const MOST: i64 = 200;

/// How many rows are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Limit(i64);

impl Limit {
    /// Reads the field `limit`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(limit: Option<i64>) -> Result<Limit, Problem> {
        let limit = limit.unwrap_or(STANDARD);
        if (1..=MOST).contains(&limit) {
            Ok(Limit(limit))
        } else {
            Err(Problem::field("limit", format!("A page has 1 to {MOST} rows.")))
        }
    }

    /// What is asked of the store: one row more tells whether another page follows.
    pub fn and_one(self) -> i64 {
        self.0 + 1
    }

    /// How many rows are shown.
    pub fn rows(self) -> usize {
        usize::try_from(self.0).unwrap_or(1)
    }
}

fn unknown() -> Problem {
    Problem::field("cursor", "This is no cursor of this list. Send what `next` was, or nothing.")
}

/// Reads the field `cursor` of a list that is paged by number.
///
/// # Errors
/// What is wrong with it.
pub fn number(cursor: Option<&str>) -> Result<Option<i64>, Problem> {
    let read = |text: &str| text.parse().ok().filter(|number: &i64| *number > 0).ok_or_else(unknown);
    cursor.map(read).transpose()
}

/// Reads the field `cursor` of a list that is paged by identifier.
///
/// # Errors
/// What is wrong with it.
pub fn id(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let read = |text: &str| Some(text.to_owned()).filter(|text| is_id(text)).ok_or_else(unknown);
    cursor.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cursors_of_the_list_are_taken() {
        assert_eq!(number(Some("2077")).unwrap(), Some(2077));
        assert_eq!(number(None).unwrap(), None);
        for wrong in ["", "0", "-1", "x", "99999999999999999999"] {
            assert_eq!(number(Some(wrong)).unwrap_err().fields[0].field, "cursor", "{wrong}");
        }
        assert!(id(Some("01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d")).is_ok());
        assert!(id(Some("zzz")).is_err());
        assert_eq!(Limit::read(None).unwrap().and_one(), 51);
        for wrong in [0, 201, -5] {
            assert!(Limit::read(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
