//! Short memories of how people stand to each other and what they let each other see: asked for with every
//! message, receipt and ping. Each entry is forgotten when this node or, over the bus, another one changes what
//! it tells of, and expires by itself in case the bus lost that.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{Privacy, Uid};
use melo_realtime::{BusMessage, BusSubscriber};
use moka::sync::Cache;
use parking_lot::RwLock;

use crate::caches::DirectRoute;

/// How long anything is remembered.
const LIFE: Duration = Duration::from_secs(30);

/// Who of two has blocked the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Blocks {
    /// The first has blocked the second.
    pub own: bool,
    /// The second has blocked the first.
    pub theirs: bool,
}

impl Blocks {
    /// Whether anything stands between them.
    pub(crate) fn any(self) -> bool {
        self.own || self.theirs
    }
}

/// An accepted contact, as presence needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub uid: Uid,
    /// One of the two has blocked the other.
    pub blocked: bool,
}

/// Says how old the reading of a row is: taken before the row is read, and compared before it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

pub(crate) struct Relations {
    pub routes: Cache<(Uid, Uid), DirectRoute>,
    pub contacts: Cache<Uid, Arc<[Known]>>,
    pub privacy: Cache<Uid, Privacy>,
    pub blocks: Cache<(Uid, Uid), Blocks>,
    /// Counts the changes. What was read before a change is not remembered after it, so that not a single
    /// message passes on the strength of a row that was read just before a block.
    epoch: RwLock<u64>,
}

fn cache<K, V>(entries: u64) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(entries)
        .time_to_live(LIFE)
        .build()
}

impl Default for Relations {
    fn default() -> Self {
        Self {
            routes: cache(200_000),
            contacts: cache(20_000),
            privacy: cache(200_000),
            blocks: cache(200_000),
            epoch: RwLock::new(0),
        }
    }
}

impl Relations {
    /// To be taken before the database is asked.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(*self.epoch.read())
    }

    /// Remembers what was read since `asked`, unless something has changed meanwhile.
    pub(crate) fn remember<K, V>(&self, asked: Epoch, cache: &Cache<K, V>, key: K, value: V)
    where
        K: std::hash::Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        // Held over the insert: a change waits for it, and then finds and forgets the entry.
        let now = self.epoch.read();
        if *now == asked.0 {
            cache.insert(key, value);
        }
    }

    /// Forgets what concerns `uid`, and what is between `uid` and each of `peers`.
    pub(crate) fn forget(&self, uid: Uid, peers: &[Uid]) {
        let mut epoch = self.epoch.write();
        *epoch = epoch.wrapping_add(1);
        self.privacy.invalidate(&uid);
        self.contacts.invalidate(&uid);
        for peer in peers {
            self.contacts.invalidate(peer);
            for pair in [(uid, *peer), (*peer, uid)] {
                self.routes.invalidate(&pair);
                self.blocks.invalidate(&pair);
            }
        }
    }
}

/// Takes changes over from the bus, this node's own and others'.
pub(crate) struct RelationWatch(pub Arc<Relations>);

impl BusSubscriber for RelationWatch {
    fn receive(&self, message: &BusMessage) {
        if let BusMessage::RelationsChanged { uid, peers } = message {
            self.0.forget(*uid, peers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let relations = Relations::default();
        let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
        let early = relations.epoch();
        let open = Blocks::default();
        relations.remember(early, &relations.blocks, (anna, boris), open);
        assert_eq!(relations.blocks.get(&(anna, boris)), Some(open));

        relations.forget(boris, &[anna]);
        assert_eq!(relations.blocks.get(&(anna, boris)), None);
        relations.remember(early, &relations.blocks, (anna, boris), open);
        assert_eq!(relations.blocks.get(&(anna, boris)), None, "a late reader");
    }
}
