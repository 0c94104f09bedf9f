//! What an event brings with it besides its own row, in the same transaction: the link to the event it changes, the
//! end of its time, the pin, the erasure of what it deletes.

use melo_crypto::Keyring;
use melo_domain::{LogEvent, LogId, Seq};
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::{NewEvent, Target};
use crate::entity::{event_changes, expiries};
use crate::{StorageError, events, pins};

/// Whether any of them is more than a row.
pub(super) fn has_follow_up(events: &[NewEvent]) -> bool {
    events
        .iter()
        .any(|event| event.target.is_some() || event.expires.is_some())
}

/// Writes it. `asked` and `written` are the same events, before and after they had their numbers.
pub(crate) async fn follow_up(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    asked: &[NewEvent],
    written: &[LogEvent],
) -> Result<(), StorageError> {
    let mut changes = Vec::new();
    let mut expiring = Vec::new();
    for (asked, written) in asked.iter().zip(written) {
        match asked.target {
            Some(Target::Changes(target)) => changes.push(change(written.log, target, written.seq)),
            Some(Target::Erases(target)) => {
                events::erase(tx, keys, written.log, target).await?;
            }
            Some(Target::Pins(target)) => pins::put(tx, written.log, target, written.seq).await?,
            Some(Target::Unpins(target)) => pins::remove(tx, written.log, target).await?,
            None => {}
        }
        if let Some(due) = asked.expires {
            expiring.push(expiries::ActiveModel {
                due: Set(due.millis()),
                log: Set(written.log.to_i64()),
                seq: Set(written.seq.cast_signed()),
            });
        }
    }
    if !changes.is_empty() {
        event_changes::Entity::insert_many(changes)
            .exec_without_returning(tx)
            .await?;
    }
    if !expiring.is_empty() {
        expiries::Entity::insert_many(expiring)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

fn change(log: LogId, target: Seq, seq: Seq) -> event_changes::ActiveModel {
    event_changes::ActiveModel {
        log: Set(log.to_i64()),
        target_seq: Set(target.cast_signed()),
        seq: Set(seq.cast_signed()),
    }
}
