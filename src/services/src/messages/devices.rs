//! Is an envelope for exactly the devices there are?

use std::sync::Arc;

use melo_domain::{DeviceHandle, Uid};
use melo_protocol::Envelope;
use melo_storage::{StorageError, devices};

use super::MessageError;
use crate::Core;
use crate::caches::DeviceKid;

/// The published devices of a person.
pub(crate) async fn published(core: &Core, uid: Uid) -> Result<Arc<[DeviceKid]>, StorageError> {
    if let Some(known) = core.caches.devices.get(&uid) {
        return Ok(known);
    }
    let read: Arc<[DeviceKid]> = devices::published(core.store.db.read(), &core.store.keys, &[uid])
        .await?
        .into_iter()
        .map(|d| DeviceKid {
            device: d.handle,
            kid: d.kid.into(),
        })
        .collect();
    core.caches.devices.insert(uid, Arc::clone(&read));
    Ok(read)
}

/// Every device of the recipient and every other device of the sender must have a key; the sending device
/// may have one; nothing else may.
pub(super) async fn check(
    core: &Core,
    envelope: &Envelope<'_>,
    sender: (Uid, DeviceHandle),
    recipient: Uid,
) -> Result<(), MessageError> {
    let theirs = published(core, recipient).await?;
    let own = published(core, sender.0).await?;
    if envelope.kids().next().is_none() {
        return Err(MessageError::KeysMissing);
    }
    if theirs.is_empty() {
        return Err(MessageError::NoDevices);
    }
    compare(envelope, &theirs, &own, sender.1)
}

fn compare(
    envelope: &Envelope<'_>,
    theirs: &[DeviceKid],
    own: &[DeviceKid],
    sending: DeviceHandle,
) -> Result<(), MessageError> {
    let named = |kid: &str| envelope.kids().any(|k| k == kid);
    let all = || theirs.iter().chain(own);
    let missing: Vec<String> = all()
        .filter(|d| d.device != sending && !named(&d.kid))
        .map(|d| d.kid.to_string())
        .collect();
    let extra: Vec<String> = envelope
        .kids()
        .filter(|kid| !all().any(|d| d.kid.as_ref() == *kid))
        .map(str::to_owned)
        .collect();
    if missing.is_empty() && extra.is_empty() {
        Ok(())
    } else {
        Err(MessageError::DeviceMismatch { missing, extra })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn device(n: u64, letter: &str) -> DeviceKid {
        DeviceKid {
            device: DeviceHandle::from_random(n * 2),
            kid: letter.repeat(32).into(),
        }
    }

    fn verdict(kids: &[&str]) -> Result<(), (Vec<String>, Vec<String>)> {
        let keys: Vec<String> = kids
            .iter()
            .map(|k| format!(r#""{}":"w""#, k.repeat(32)))
            .collect();
        let text = format!(
            r#"{{"v":1,"suite":1,"id":"i","keys":{{{}}}}}"#,
            keys.join(",")
        );
        let raw = RawValue::from_string(text).unwrap();
        let envelope = Envelope::parse(&raw).unwrap().unwrap();
        let theirs = [device(1, "a"), device(2, "b")];
        let own = [device(3, "c"), device(4, "d")];
        match compare(&envelope, &theirs, &own, own[0].device) {
            Ok(()) => Ok(()),
            Err(MessageError::DeviceMismatch { missing, extra }) => Err((missing, extra)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn exactly_the_current_devices() {
        assert_eq!(verdict(&["a", "b", "d"]), Ok(()));
        assert_eq!(
            verdict(&["a", "b", "c", "d"]),
            Ok(()),
            "the sending device may be there"
        );
        assert_eq!(verdict(&["a", "d"]), Err((vec!["b".repeat(32)], vec![])));
        assert_eq!(verdict(&["a", "b"]), Err((vec!["d".repeat(32)], vec![])));
        assert_eq!(
            verdict(&["a", "b", "d", "e"]),
            Err((vec![], vec!["e".repeat(32)]))
        );
    }
}
