//! What other systems of the company are told of: the events, a set of them, and how their secrets end.

use crate::clock::HOUR;

/// For how many hours an old secret signs beside the new one, unless somebody says otherwise.
pub const OVERLAP_HOURS: i64 = 24;

/// The longest that an old secret goes on signing, in hours.
pub const MOST_OVERLAP_HOURS: i64 = 7 * 24;

/// How many deliveries in a row are given up before nothing more is sent to an address.
pub const GIVEN_UP_IN_A_ROW: i64 = 3;

/// Hours in microseconds.
pub const fn hours(hours: i64) -> i64 {
    hours * HOUR
}

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident $word:literal $label:literal,)*) => {
        /// Something that happened here and that other systems may want to know.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum HookEvent { $($(#[$doc])* $event,)* }

        impl HookEvent {
            /// Every event.
            pub const ALL: &[HookEvent] = &[$(HookEvent::$event,)*];

            /// The word in bodies, in the database and in forms.
            pub const fn as_str(self) -> &'static str {
                match self { $(HookEvent::$event => $word,)* }
            }

            /// The words a person reads.
            pub const fn label(self) -> &'static str {
                match self { $(HookEvent::$event => $label,)* }
            }
        }
    };
}

events! {
    /// A client has left a contact, or was entered.
    ClientCreated "client.created" "A client has come",
    /// It was decided whose client it is: at once, or by a ruling.
    ClientAttributed "client.attributed" "It was decided whose client it is",
    /// A deal was closed successfully.
    DealWon "deal.won" "A deal was closed successfully",
    /// A deal was closed unsuccessfully.
    DealLost "deal.lost" "A deal was closed unsuccessfully",
    /// A client was given money back.
    DealRefunded "deal.refunded" "A client was given money back",
    /// A commission can be withdrawn from now on.
    CommissionAvailable "commission.available" "A commission has become available",
    /// A partner wants to be paid.
    WithdrawalRequested "withdrawal.requested" "A withdrawal was requested",
    /// A partner was paid.
    WithdrawalPaid "withdrawal.paid" "A withdrawal was paid",
    /// A withdrawal was rejected, or its payment came back.
    WithdrawalRejected "withdrawal.rejected" "A withdrawal was rejected",
    /// A partner has signed up, or was added.
    PartnerCreated "partner.created" "A partner has joined",
}

impl HookEvent {
    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<HookEvent> {
        HookEvent::ALL.iter().copied().find(|event| event.as_str() == word)
    }
}

/// A set of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HookEvents(u16);

impl HookEvents {
    /// No event.
    pub const NONE: HookEvents = HookEvents(0);

    /// The same with another one.
    #[must_use]
    pub const fn with(self, event: HookEvent) -> HookEvents {
        HookEvents(self.0 | 1 << event as u16)
    }

    /// What is in either.
    #[must_use]
    pub const fn and(self, other: HookEvents) -> HookEvents {
        HookEvents(self.0 | other.0)
    }

    /// Whether an event is in it.
    pub const fn has(self, event: HookEvent) -> bool {
        self.0 & 1 << event as u16 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The events, in the order of [`HookEvent::ALL`].
    pub fn iter(self) -> impl Iterator<Item = HookEvent> {
        HookEvent::ALL.iter().copied().filter(move |event| self.has(*event))
    }

    /// Words parted by blanks; one of a newer version says nothing to this one.
    pub fn from_words(words: &str) -> HookEvents {
        words.split_whitespace().filter_map(HookEvent::from_word).fold(HookEvents::NONE, HookEvents::with)
    }

    /// The words, parted by blanks.
    pub fn words(self) -> String {
        self.iter().map(HookEvent::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for event in HookEvent::ALL {
            assert_eq!(HookEvent::from_word(event.as_str()), Some(*event));
            let alone = HookEvents::NONE.with(*event);
            assert_eq!(alone.iter().collect::<Vec<_>>(), [*event]);
            assert_eq!(HookEvents::from_words(&alone.words()), alone);
        }
        let all = HookEvent::ALL.iter().copied().fold(HookEvents::NONE, HookEvents::with);
        assert_eq!(HookEvents::from_words(&format!("{} rocket.launched", all.words())), all);
        assert!(HookEvents::from_words("rocket.launched").is_empty());
    }
}
