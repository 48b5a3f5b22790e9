//! What becomes of one try to deliver a message, whatever the channel.

use std::time::Duration;

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has taken it.
    Sent,
    /// It may work later: a connection was lost, the other side is busy.
    Failed {
        /// What the other side or the network said, in a sentence for staff. Never holds a password or token.
        why: String,
        /// How long the other side asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// It will never work as it is: the address doesn't exist, the message is refused.
    Refused {
        /// What the other side said, in a sentence for staff.
        why: String,
    },
    /// The person has closed this channel (blocked the bot, for example): the channel is switched off and the person is
    /// told by another one.
    Closed {
        /// What the other side said, in a few words for the person.
        why: String,
    },
}
