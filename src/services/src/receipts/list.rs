//! How far everybody in a conversation is.

use std::collections::{BTreeMap, HashSet};

use melo_domain::{Seq, Uid};
use melo_storage::blocks;
use melo_storage::cursors::{self, Position};

use crate::messages::{Destination, MessageError, route};
use crate::people::privacies_of;
use crate::{Caller, Core};

/// Members in one answer.
pub const MAX_LISTED: u32 = 200;

/// How far a member is, as far as that is for the caller to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub uid: Uid,
    /// Everything up to here is on a device of theirs.
    pub delivered: Option<Seq>,
    /// They have read everything up to here.
    pub read: Option<Seq>,
}

/// Some of them.
#[derive(Debug)]
pub struct ReceiptsPage {
    /// In the order of their ids, without the caller.
    pub receipts: Vec<Receipt>,
    /// After whom to go on.
    pub next: Option<Uid>,
}

/// The receipts of up to `limit` members after `after`.
pub async fn list(
    core: &Core,
    caller: Caller,
    of: Destination,
    after: Option<Uid>,
    limit: u32,
) -> Result<ReceiptsPage, MessageError> {
    let (log, _) = route::readable(core, caller.uid, of).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let limit = u64::from(limit.clamp(1, MAX_LISTED));
    let reached = cursors::of_members(db, keys, log, after, limit).await?;
    let mut members: BTreeMap<Uid, Position> = BTreeMap::new();
    for (uid, place) in reached {
        let furthest = members.entry(uid).or_default();
        if let Some((device, stored)) = place {
            let position = core.cursors.newest(device, log, stored);
            furthest.delivered = furthest.delivered.max(position.delivered);
            furthest.read = furthest.read.max(position.read);
        }
    }
    let full = u64::try_from(members.len()).unwrap_or(u64::MAX) >= limit;
    let next = members.keys().next_back().copied().filter(|_| full);
    let blocked: HashSet<Uid> = blocks::around(db, caller.uid).await?.into_iter().collect();
    let mut all: Vec<Uid> = members.keys().copied().collect();
    all.push(caller.uid);
    let privacies = privacies_of(core, &all).await?;
    let tells = |uid: &Uid| privacies.get(uid).is_some_and(|p| p.read_receipts);
    let others = members.into_iter().filter(|(uid, _)| *uid != caller.uid);
    let receipts = others.map(|(uid, position)| {
        let open = !blocked.contains(&uid);
        Receipt {
            uid,
            // Who has read it has it.
            delivered: open.then_some(position.delivered.max(if tells(&uid) {
                position.read
            } else {
                0
            })),
            read: (open && tells(&uid) && tells(&caller.uid)).then_some(position.read),
        }
    });
    Ok(ReceiptsPage {
        receipts: receipts.collect(),
        next,
    })
}
