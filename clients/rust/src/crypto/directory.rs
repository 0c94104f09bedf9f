//! The key directory of a person, believed only as far as the identity key vouches for it.

use std::collections::BTreeSet;

use ed25519_dalek::VerifyingKey;
use melo_domain::{DeviceHandle, Uid};
use melo_protocol::rest::keys::{DeviceKeys, KeyDirectory};

use super::encoding::{decode, decode_array};
use super::identity::{device_statement, verifies, verifying_key};
use super::rsa_keys::EncryptionKey;

/// The most devices of one person that are looked at.
pub const MAX_DEVICES: usize = 64;

/// Why a directory is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The answer speaks of somebody else.
    #[error("the server answered with the keys of somebody else")]
    WrongPerson,
    /// The identity key is not a key.
    #[error("the published identity key is not a usable key")]
    Malformed,
    /// More than [`MAX_DEVICES`].
    #[error("the directory lists more devices than a person may have")]
    TooManyDevices,
    /// Another identity key than the one that was seen before.
    #[error("the identity key is not the one that was seen before")]
    IdentityChanged,
    /// There was an identity key, and the server now says there is none.
    #[error("the person had an identity key, and the server now denies it")]
    IdentityRemoved,
    /// An older version than the one that was seen before.
    #[error("the server offers an older key directory than the one that was seen before")]
    RolledBack,
}

/// A device that the identity vouches for.
#[derive(Debug, Clone)]
pub struct VerifiedDevice {
    /// Its public name.
    pub device: DeviceHandle,
    /// Message keys for it are wrapped with this.
    pub encryption: EncryptionKey,
    /// What it sends is signed with this.
    pub signing: VerifyingKey,
}

/// A person's devices, each with a good signature of the one identity.
#[derive(Debug, Clone)]
pub struct VerifiedDirectory {
    /// Whose.
    pub uid: Uid,
    /// The identity key.
    pub identity: [u8; 32],
    /// Rises with each change.
    pub version: u64,
    /// The devices.
    pub devices: Vec<VerifiedDevice>,
    /// Devices the server listed without a good signature: ignored.
    pub refused: Vec<DeviceHandle>,
}

impl VerifiedDirectory {
    /// Checks every signature in `directory`. `None`: the person has no identity, that is, no device of the
    /// new kind.
    pub fn verify(uid: Uid, directory: &KeyDirectory) -> Result<Option<Self>, DirectoryError> {
        if directory.uid != uid {
            return Err(DirectoryError::WrongPerson);
        }
        if directory.devices.len() > MAX_DEVICES {
            return Err(DirectoryError::TooManyDevices);
        }
        let Some(identity) = &directory.identity_key else {
            return Ok(None);
        };
        let identity: [u8; 32] = decode_array(identity).map_err(|_| DirectoryError::Malformed)?;
        let key = verifying_key(&identity).ok_or(DirectoryError::Malformed)?;
        let (mut devices, mut refused) = (Vec::new(), Vec::new());
        let (mut handles, mut kids) = (BTreeSet::new(), BTreeSet::new());
        for listed in &directory.devices {
            match verify_device(uid, &key, listed) {
                Some(device)
                    if handles.insert(device.device)
                        && kids.insert(device.encryption.kid().to_owned()) =>
                {
                    devices.push(device);
                }
                _ => refused.push(listed.device),
            }
        }
        Ok(Some(Self {
            uid,
            identity,
            version: directory.version,
            devices,
            refused,
        }))
    }

    /// The device of that name.
    pub fn device(&self, device: DeviceHandle) -> Option<&VerifiedDevice> {
        self.devices.iter().find(|d| d.device == device)
    }
}

fn verify_device(uid: Uid, identity: &VerifyingKey, listed: &DeviceKeys) -> Option<VerifiedDevice> {
    let der = decode(&listed.encryption_key).ok()?;
    let signing_key: [u8; 32] = decode_array(&listed.signing_key).ok()?;
    let signature: [u8; 64] = decode_array(&listed.signature).ok()?;
    let statement = device_statement(uid, listed.device, &der, &signing_key);
    if !verifies(identity, &statement, &signature) {
        return None;
    }
    let encryption = EncryptionKey::from_der(&der).ok()?;
    let signing = verifying_key(&signing_key)?;
    (encryption.kid() == listed.kid).then_some(VerifiedDevice {
        device: listed.device,
        encryption,
        signing,
    })
}

/// What is remembered of a person's directory from the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// The identity key.
    pub identity: [u8; 32],
    /// The directory's version.
    pub version: u64,
}

/// Holds a directory against what was seen before. Trust on first use: with nothing seen before, anything
/// well-formed is believed.
pub fn check_continuity(
    seen: Option<LastSeen>,
    offered: Option<&VerifiedDirectory>,
) -> Result<(), DirectoryError> {
    match (seen, offered) {
        (Some(_), None) => Err(DirectoryError::IdentityRemoved),
        (Some(seen), Some(offered)) if seen.identity != offered.identity => {
            Err(DirectoryError::IdentityChanged)
        }
        (Some(seen), Some(offered)) if offered.version < seen.version => {
            Err(DirectoryError::RolledBack)
        }
        (None, _) | (Some(_), Some(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoding::encode;
    use super::super::testing::{device_of, person};
    use super::*;

    fn listed(uid: Uid, n: u8) -> DeviceKeys {
        let mut secrets = person(n);
        secrets.identity = person(1).identity;
        let request = secrets.publish_request(uid, device_of(n.into()), false);
        DeviceKeys {
            device: device_of(n.into()),
            kid: secrets.encryption.public().kid().to_owned(),
            encryption_key: request.encryption_key,
            signing_key: request.signing_key,
            signature: request.signature,
        }
    }

    fn uid() -> Uid {
        Uid::from_random(1)
    }

    fn directory() -> KeyDirectory {
        KeyDirectory {
            uid: uid(),
            identity_key: Some(encode(&person(1).identity.public())),
            version: 5,
            devices: vec![listed(uid(), 1), listed(uid(), 2)],
        }
    }

    fn verified(directory: &KeyDirectory) -> VerifiedDirectory {
        VerifiedDirectory::verify(uid(), directory)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn signed_devices_are_believed() {
        let verified = verified(&directory());
        assert_eq!(verified.devices.len(), 2);
        assert!(verified.refused.is_empty());
        assert!(verified.device(device_of(2)).is_some());
    }

    #[test]
    fn a_device_the_identity_did_not_sign_is_dropped() {
        let spoil: [fn(&mut DeviceKeys); 6] = [
            |d| d.signature = encode(&[0; 64]),
            |d| d.signature = String::new(),
            |d| d.signing_key = encode(&person(7).signing.public()),
            |d| d.device = device_of(9),
            |d| d.kid = "0".repeat(32),
            |d| d.encryption_key = listed(uid(), 1).encryption_key,
        ];
        for spoil in spoil {
            let mut directory = directory();
            spoil(&mut directory.devices[1]);
            let verified = verified(&directory);
            assert_eq!((verified.devices.len(), verified.refused.len()), (1, 1));
        }
        let mut twice = directory();
        twice.devices.push(listed(uid(), 1));
        assert_eq!(verified(&twice).refused, [device_of(1)]);
    }

    #[test]
    fn a_device_of_somebody_else_is_dropped() {
        let mut directory = directory();
        directory.devices.push(listed(Uid::from_random(2), 3));
        assert_eq!(verified(&directory).refused, [device_of(3)]);
    }

    #[test]
    fn malformed_directories_are_refused() {
        let verify = |directory: &KeyDirectory| {
            VerifiedDirectory::verify(uid(), directory).map(|d| d.is_some())
        };
        assert_eq!(
            verify(&KeyDirectory {
                uid: Uid::from_random(2),
                ..directory()
            }),
            Err(DirectoryError::WrongPerson)
        );
        let weak = KeyDirectory {
            identity_key: Some(encode(&[0; 32])),
            ..directory()
        };
        assert_eq!(verify(&weak), Err(DirectoryError::Malformed));
        let many = KeyDirectory {
            devices: vec![listed(uid(), 1); MAX_DEVICES + 1],
            ..directory()
        };
        assert_eq!(verify(&many), Err(DirectoryError::TooManyDevices));
        assert_eq!(
            verify(&KeyDirectory {
                identity_key: None,
                ..directory()
            }),
            Ok(false)
        );
    }

    #[test]
    fn what_was_seen_before_must_continue() {
        let offered = verified(&directory());
        let seen = LastSeen {
            identity: offered.identity,
            version: 5,
        };
        assert_eq!(check_continuity(None, Some(&offered)), Ok(()));
        assert_eq!(check_continuity(None, None), Ok(()));
        assert_eq!(check_continuity(Some(seen), Some(&offered)), Ok(()));
        assert_eq!(
            check_continuity(Some(seen), None),
            Err(DirectoryError::IdentityRemoved)
        );
        let newer = LastSeen { version: 6, ..seen };
        assert_eq!(
            check_continuity(Some(newer), Some(&offered)),
            Err(DirectoryError::RolledBack)
        );
        let other = LastSeen {
            identity: [1; 32],
            ..seen
        };
        assert_eq!(
            check_continuity(Some(other), Some(&offered)),
            Err(DirectoryError::IdentityChanged)
        );
    }

    proptest! {
        #[test]
        fn no_directory_makes_the_decoder_panic(text in "[A-Za-z0-9_-]{0,600}", kid in "\\PC{0,40}") {
            let mut directory = directory();
            directory.devices.push(DeviceKeys {
                device: device_of(4), kid, encryption_key: text.clone(), signing_key: text.clone(), signature: text.clone(),
            });
            prop_assert_eq!(verified(&directory).devices.len(), 2);
            directory.identity_key = Some(text);
            let _ = VerifiedDirectory::verify(uid(), &directory);
        }
    }
}
