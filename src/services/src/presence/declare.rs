//! What a device says of itself: online, away, offline.

use std::time::Duration;

use melo_domain::PresenceStatus;

use super::PresenceError;
use super::announce::{Change, note_change};
use super::marks::{Mark, end_mark, put_mark, read};
use crate::{Caller, Core};

/// How long it counts of a device without a connection: one that says so every minute stays there.
const UNCONNECTED: Duration = Duration::from_secs(90);
/// How long it counts at most of a device with one. A new connection ends it.
const CONNECTED: Duration = Duration::from_hours(12);

/// Notes what the calling device says of itself. What the person's other devices do counts as well.
pub async fn declare(
    core: &Core,
    caller: Caller,
    status: PresenceStatus,
) -> Result<(), PresenceError> {
    let (uid, device) = (caller.uid, caller.device);
    let entries = read(core, &[uid]).await?;
    let live = entries.get(&uid).cloned().unwrap_or_default();
    let connected = live.devices.contains(&device);
    let now = core.now();
    let life = if connected { CONNECTED } else { UNCONNECTED };
    let mark = Mark::Declared {
        device,
        status,
        at: now,
        until: now.plus(life),
    };
    // What would be so without a word needs none.
    let plain = if connected {
        PresenceStatus::Online
    } else {
        PresenceStatus::Offline
    };
    if status == plain {
        end_mark(core, uid, mark).await?;
    } else {
        put_mark(core, uid, mark, life).await?;
    }
    core.presence.seen.note(uid, now);
    note_change(core, uid, Change::Said);
    Ok(())
}
