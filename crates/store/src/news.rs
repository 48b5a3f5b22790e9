//! What servers on one database tell each other: that something has changed, never what. Whoever hears it looks.
//!
//! [`Tx::notify`](crate::Tx::notify) says it, and it is heard once the transaction is committed; [`Db::heard`](crate::Db::heard)
//! hears it. On SQLite nothing is said, since one process has the database. Nobody may rely on hearing: what is said
//! while a connection is lost is gone, and some engines can't say it, so whoever waits looks from time to time too.
//!
//! Only what changes seldom is told this way: PostgreSQL lets transactions that notify commit one after another, over
//! the whole cluster, each with its own sync of the disk.

use tokio::sync::watch;

/// The name under which servers talk, in the database.
pub(crate) const CHANNEL: &str = "goodword";

/// What may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The programme's settings.
    Programme,
    /// The words that stand for partners in links.
    Aliases,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 2] = [Topic::Programme, Topic::Aliases];

    /// The word that is said.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Topic::Programme => "programme",
            Topic::Aliases => "aliases",
        }
    }

    /// Reads the word back. A newer version may say words that this one doesn't know.
    pub(crate) fn from_word(word: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.word() == word)
    }
}

/// What has been heard: a number for each topic, which grows.
pub(crate) struct News {
    topics: Vec<(Topic, watch::Sender<u64>)>,
}

impl News {
    pub(crate) fn new() -> Self {
        Self { topics: Topic::ALL.into_iter().map(|topic| (topic, watch::Sender::new(0))).collect() }
    }

    pub(crate) fn heard(&self, topic: Topic) {
        for (_, count) in self.topics.iter().filter(|(about, _)| *about == topic) {
            count.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Something may have been said that nobody here has heard.
    pub(crate) fn anything_may_have_changed(&self) {
        Topic::ALL.into_iter().for_each(|topic| self.heard(topic));
    }

    pub(crate) fn about(&self, topic: Topic) -> watch::Receiver<u64> {
        let found = self.topics.iter().find(|(about, _)| *about == topic);
        found.map_or_else(|| watch::channel(0).1, |(_, count)| count.subscribe())
    }
}
