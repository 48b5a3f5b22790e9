//! A support request: what it can be about, where it stands, and what may happen to it next.

use crate::clock::{DAY, HOUR, Timestamp};

/// Whoever writes is promised an answer within this many hours.
pub const ANSWER_HOURS: i64 = 1;

/// A closed request can be taken up again by replying for this many days.
pub const REPLY_DAYS: i64 = 14;

/// How much may be said and done about one request before the person has to write a new one: a conversation between
/// people never comes near it, a program does.
pub const MAX_ENTRIES: i64 = 200;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketKind {
    /// Money: commissions, withdrawals, wallets.
    Financial,
    /// Everything else: signing in, links, pages.
    Technical,
}

impl TicketKind {
    /// Every kind.
    pub const ALL: [TicketKind; 2] = [TicketKind::Financial, TicketKind::Technical];

    /// The word in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            TicketKind::Financial => "financial",
            TicketKind::Technical => "technical",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<TicketKind> {
        TicketKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            TicketKind::Financial => "Financial",
            TicketKind::Technical => "Technical",
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TicketStatus {
    /// The person waits for an answer.
    Open,
    /// Staff has answered; the person may reply.
    Answered,
    /// Nothing more is to be done.
    Closed,
}

impl TicketStatus {
    /// Every status.
    pub const ALL: [TicketStatus; 3] = [TicketStatus::Open, TicketStatus::Answered, TicketStatus::Closed];

    /// The word in the database and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            TicketStatus::Open => "open",
            TicketStatus::Answered => "answered",
            TicketStatus::Closed => "closed",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<TicketStatus> {
        TicketStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            TicketStatus::Open => "Open",
            TicketStatus::Answered => "Answered",
            TicketStatus::Closed => "Closed",
        }
    }
}

/// What somebody does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketAct {
    /// Staff answers.
    Answer,
    /// The person writes again; `since` is how long ago (microseconds) the request got its present status.
    Reply {
        /// How long ago the request got its present status (microseconds).
        since: i64,
    },
    /// Either side says that nothing more is to be done.
    Close,
    /// Staff takes it up again.
    Reopen,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefusal {
    /// It is closed, so an answer would go nowhere.
    #[error("This request is closed. Open it again first.")]
    Closed,
    /// It was closed too long ago to be taken up by a reply.
    #[error("This request was closed more than {REPLY_DAYS} days ago. Please write a new one.")]
    ClosedForLong,
    /// It is closed already.
    #[error("This request is closed already.")]
    AlreadyClosed,
    /// It waits for an answer already.
    #[error("This request is open already.")]
    AlreadyOpen,
}

/// The state machine of a request: the status after an act, or why the act is refused.
///
/// # Errors
/// [`TicketRefusal`], whose text can be shown to whoever tried.
pub fn next_status(status: TicketStatus, act: TicketAct) -> Result<TicketStatus, TicketRefusal> {
    use {TicketAct::*, TicketStatus::*};
    match (status, act) {
        (Open | Answered, Answer) => Ok(Answered),
        (Closed, Answer) => Err(TicketRefusal::Closed),
        (Open | Answered, Reply { .. }) => Ok(Open),
        (Closed, Reply { since }) if since <= REPLY_DAYS * DAY => Ok(Open),
        (Closed, Reply { .. }) => Err(TicketRefusal::ClosedForLong),
        (Open | Answered, Close) => Ok(Closed),
        (Closed, Close) => Err(TicketRefusal::AlreadyClosed),
        (Answered | Closed, Reopen) => Ok(Open),
        (Open, Reopen) => Err(TicketRefusal::AlreadyOpen),
    }
}

/// When the person has to have an answer; `since` is when the request became open.
pub const fn due_at(since: Timestamp) -> Timestamp {
    since.plus(ANSWER_HOURS * HOUR)
}

/// Whether the person should have an answer by now.
pub fn is_overdue(status: TicketStatus, since: Timestamp, now: Timestamp) -> bool {
    status == TicketStatus::Open && now > due_at(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_of_statuses_and_acts() {
        use {TicketAct::*, TicketRefusal::*, TicketStatus::*};
        let (soon, late) = (Reply { since: REPLY_DAYS * DAY }, Reply { since: REPLY_DAYS * DAY + 1 });
        for (status, act, expected) in [
            (Open, Answer, Ok(Answered)),
            (Open, soon, Ok(Open)),
            (Open, late, Ok(Open)),
            (Open, Close, Ok(TicketStatus::Closed)),
            (Open, Reopen, Err(AlreadyOpen)),
            (Answered, Answer, Ok(Answered)),
            (Answered, soon, Ok(Open)),
            (Answered, late, Ok(Open)),
            (Answered, Close, Ok(TicketStatus::Closed)),
            (Answered, Reopen, Ok(Open)),
            (TicketStatus::Closed, Answer, Err(TicketRefusal::Closed)),
            (TicketStatus::Closed, soon, Ok(Open)),
            (TicketStatus::Closed, late, Err(ClosedForLong)),
            (TicketStatus::Closed, Close, Err(AlreadyClosed)),
            (TicketStatus::Closed, Reopen, Ok(Open)),
        ] {
            assert_eq!(next_status(status, act), expected, "{status:?} {act:?}");
        }
    }

    #[test]
    fn only_what_is_open_can_be_overdue() {
        let since = Timestamp::from_micros(0);
        let hour = ANSWER_HOURS * HOUR;
        for (status, passed, overdue) in [
            (TicketStatus::Open, hour, false),
            (TicketStatus::Open, hour + 1, true),
            (TicketStatus::Answered, 9 * hour, false),
            (TicketStatus::Closed, 9 * hour, false),
        ] {
            assert_eq!(is_overdue(status, since, since.plus(passed)), overdue, "{status:?} {passed}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for status in TicketStatus::ALL {
            assert_eq!(TicketStatus::from_word(status.as_str()), Some(status));
        }
        for kind in TicketKind::ALL {
            assert_eq!(TicketKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!((TicketStatus::from_word("Open"), TicketKind::from_word("")), (None, None));
    }
}
