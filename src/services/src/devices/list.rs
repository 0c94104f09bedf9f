//! One's own devices.

use std::collections::HashSet;

use melo_storage::devices::{self, DeviceView};
use melo_storage::{access_tokens, sessions};

use super::MAX_LISTED;
use crate::access::AccessError;
use crate::{Caller, Core};

/// A device, and whether somebody is signed in there.
pub struct DeviceEntry {
    /// The device.
    pub device: DeviceView,
    /// Live logins on it.
    pub sessions: usize,
    /// Whether the call comes from it.
    pub is_current: bool,
}

/// The caller's devices, oldest first; the ones that personal access tokens stand on are left out.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<DeviceEntry>, AccessError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let live = sessions::live(db, keys, caller.uid, MAX_LISTED).await?;
    let tokens = access_tokens::of_person(db, keys, caller.uid).await?;
    let of_tokens: HashSet<_> = tokens.iter().map(|token| token.session).collect();
    let hidden: HashSet<_> = live
        .iter()
        .filter(|session| of_tokens.contains(&session.id))
        .map(|session| session.device)
        .collect();
    let mut devices = devices::of_person(db, keys, caller.uid, MAX_LISTED).await?;
    devices.retain(|device| !hidden.contains(&device.handle));
    Ok(devices
        .into_iter()
        .map(|device| DeviceEntry {
            sessions: live.iter().filter(|s| s.device == device.handle).count(),
            is_current: device.handle == caller.device,
            device,
        })
        .collect())
}
