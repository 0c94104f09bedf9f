//! Connections come and go.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{DeviceHandle, PresenceStatus, Timestamp, Uid};
use melo_ephemeral::EphemeralError;

use super::announce::{Change, note_change};
use super::marks::{Mark, end_mark, put_mark, read};
use super::{LEASE, Presence};
use crate::{Caller, Core, Fault};

/// How often everybody who is connected is noted as there: what a crash can make of "last seen".
const NOTE_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long it is remembered what contacts were told. Renewed with the leases.
pub(super) const TOLD_LIFE: Duration = Duration::from_secs(600);
/// People read at once.
const CHUNK: usize = 500;

/// A connection's being there.
pub struct Attendance {
    core: Arc<Core>,
    uid: Uid,
    device: DeviceHandle,
    left: bool,
}

/// A connection is open from now on, until what is returned leaves or is dropped. A device that connects is online,
/// whatever it said of itself before.
pub async fn attend(core: Arc<Core>, caller: Caller) -> Attendance {
    let (uid, device) = (caller.uid, caller.device);
    *core.presence.here.lock().entry((uid, device)).or_default() += 1;
    let attendance = Attendance {
        core,
        uid,
        device,
        left: false,
    };
    let core = &attendance.core;
    settle(core, uid, device).await;
    core.presence.seen.note(uid, core.now());
    note_change(core, uid, Change::Came);
    attendance
}

impl Attendance {
    /// The connection is over.
    pub async fn leave(mut self) {
        self.left = true;
        if self.core.presence.leave(self.uid, self.device) {
            settle(&self.core, self.uid, self.device).await;
            gone(&self.core, self.uid);
        }
    }
}

impl Drop for Attendance {
    /// A task that was cut off: its lease is ended by the next [`renew`] of anybody, or runs out.
    fn drop(&mut self) {
        if !self.left && self.core.presence.leave(self.uid, self.device) {
            gone(&self.core, self.uid);
        }
    }
}

fn gone(core: &Core, uid: Uid) {
    core.presence.seen.note(uid, core.now());
    note_change(core, uid, Change::Left);
}

impl Presence {
    /// One connection less; says whether it was the device's last one here.
    fn leave(&self, uid: Uid, device: DeviceHandle) -> bool {
        let mut here = self.here.lock();
        let Some(count) = here.get_mut(&(uid, device)) else {
            return false;
        };
        *count -= 1;
        let last = *count == 0;
        if last {
            here.remove(&(uid, device));
        }
        last
    }

    fn is_here(&self, uid: Uid, device: DeviceHandle) -> bool {
        self.here.lock().contains_key(&(uid, device))
    }
}

/// Makes the store say what is so, and once more if it changed meanwhile: the last word is the right one.
async fn settle(core: &Core, uid: Uid, device: DeviceHandle) {
    loop {
        let here = core.presence.is_here(uid, device);
        if let Err(error) = write(core, uid, device, here).await {
            // The next renewal writes it; until then they look as they looked before.
            tracing::warn!(%error, "presence could not be written");
            return;
        }
        if core.presence.is_here(uid, device) == here {
            return;
        }
    }
}

async fn write(
    core: &Core,
    uid: Uid,
    device: DeviceHandle,
    here: bool,
) -> Result<(), EphemeralError> {
    let connected = Mark::Connected {
        node: core.presence.node,
        device,
    };
    let declared = Mark::Declared {
        device,
        status: PresenceStatus::Offline,
        at: Timestamp::default(),
        until: Timestamp::default(),
    };
    end_mark(core, uid, declared).await?;
    if here {
        put_mark(core, uid, connected, LEASE).await
    } else {
        end_mark(core, uid, connected).await
    }
}

/// Renews this node's leases. The server calls this a few times within [`LEASE`].
pub async fn renew(core: &Core) -> Result<(), Fault> {
    let presence = &core.presence;
    let mut here: Vec<(Uid, DeviceHandle)> = presence.here.lock().keys().copied().collect();
    here.sort_unstable();
    let now = core.now();
    let notes = {
        let mut noted = presence.noted.lock();
        let due = now.since(*noted) >= NOTE_EVERY;
        if due {
            *noted = now;
        }
        due
    };
    for chunk in here.chunks(CHUNK) {
        let mut uids: Vec<Uid> = chunk.iter().map(|(uid, _)| *uid).collect();
        uids.dedup();
        let entries = read(core, &uids).await?;
        for (uid, device) in chunk {
            let connected = Mark::Connected {
                node: presence.node,
                device: *device,
            };
            // Gone since the list was made: not to be brought back.
            if presence.is_here(*uid, *device) {
                put_mark(core, *uid, connected, LEASE).await?;
                if !presence.is_here(*uid, *device) {
                    end_mark(core, *uid, connected).await?;
                }
            }
        }
        for uid in uids {
            let told = entries.get(&uid).map(|live| live.told).unwrap_or_default();
            if told != PresenceStatus::Offline {
                put_mark(core, uid, Mark::Told { status: told }, TOLD_LIFE).await?;
            }
            if notes {
                presence.seen.note(uid, now);
            }
        }
    }
    Ok(())
}
