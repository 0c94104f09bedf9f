//! Checks that the audit log is whole.

use melo_storage::StorageError;
use melo_storage::audit::{self, Head, Verified};

use crate::Core;

/// Entries that are read at once.
const PAGE: u64 = 1000;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry fits, up to this one.
    Whole(Head),
    /// This entry is missing, was changed, or does not belong there.
    Broken(i64),
    /// The log fits in itself, but not what was noted down earlier: it was cut or written anew by somebody who
    /// has the key.
    NotAsNoted(i64),
}

/// Walks the chain from the first entry to the last, and compares its end with the head that is kept apart from
/// it, and on the way with a head that was noted down earlier. Entries may be appended meanwhile. `progress` is told the number
/// of entries after each page.
pub async fn verify(
    core: &Core,
    noted: Option<Head>,
    mut progress: impl FnMut(i64),
) -> Result<Verdict, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut at = Head::START;
    loop {
        // A page ends at the noted entry, so that its link is seen.
        let until_noted = noted.map_or(PAGE, |noted| {
            u64::try_from(noted.last_id - at.last_id)
                .ok()
                .filter(|entries| *entries > 0)
                .unwrap_or(PAGE)
        });
        let page = audit::verify_page(db, keys, &core.audit, at, PAGE.min(until_noted)).await?;
        let to = match page {
            Verified::Good(to) => to,
            Verified::Broken(id) => return Ok(Verdict::Broken(id)),
        };
        if noted.is_some_and(|noted| noted.last_id == to.last_id && noted.link != to.link) {
            return Ok(Verdict::NotAsNoted(to.last_id));
        }
        if to.last_id > at.last_id {
            at = to;
            progress(at.last_id);
            continue;
        }
        // Read after the page: whatever is appended in between is only seen in the head, and read next.
        let head = audit::head(db).await?;
        if head == at {
            break;
        }
        let appended = audit::verify_page(db, keys, &core.audit, at, 1).await?;
        match appended {
            Verified::Good(more) if more.last_id > at.last_id => {}
            // The head knows of entries that are not there, or not of the ones that are.
            _ => return Ok(Verdict::Broken(at.last_id.min(head.last_id) + 1)),
        }
    }
    match noted {
        Some(noted) if noted.last_id > at.last_id => Ok(Verdict::NotAsNoted(at.last_id + 1)),
        _ => Ok(Verdict::Whole(at)),
    }
}
