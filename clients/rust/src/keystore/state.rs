//! What a device remembers.

use std::collections::BTreeMap;

use melo_domain::{DeviceHandle, LogId, Secret, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};

use super::{KnownChat, Outgoing, ReceivedIds};
use crate::crypto::directory::{LastSeen, VerifiedDirectory};
use crate::crypto::encoding::{decode_array, encode};
use crate::crypto::identity::{DeviceSecrets, SignatureKey, verifying_key};
use crate::crypto::rsa_keys::{DecryptionKey, EncryptionKey};
use crate::crypto::{encoding, rsa_keys::RsaKeyError};

/// Everything in the key store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Which server, and how to trust it.
    pub server: Server,
    /// Who this is.
    pub account: Account,
    /// What opens the server's doors.
    pub tokens: Tokens,
    /// This device's private keys.
    pub keys: StoredKeys,
    /// Whether the server has this device's keys.
    pub published: bool,
    /// Whether the server has the key backup.
    pub backed_up: bool,
    /// What is known of each person's keys, one's own account included.
    pub people: BTreeMap<Uid, Person>,
    /// Accepted contacts, as the server last listed them.
    pub contacts: BTreeMap<Uid, KnownContact>,
    /// Requests to become a contact that were not answered yet.
    pub requests: BTreeMap<Uid, IncomingRequest>,
    /// The last event of each log that was handled, without a gap before it.
    pub cursors: BTreeMap<LogId, Seq>,
    /// Messages the server has not acknowledged, in the order they were written.
    pub outbox: Vec<Outgoing>,
    /// Messages received, per log.
    pub received: BTreeMap<LogId, ReceivedIds>,
    /// Groups and channels, and their keys.
    #[serde(default)]
    pub chats: BTreeMap<LogId, KnownChat>,
}

/// Which server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `https://host:port`.
    pub url: String,
    /// `wss://…`, when it does not follow from `url`.
    #[serde(default)]
    pub ws: Option<String>,
    /// The certificates to trust, PEM; without them, the system's.
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// Who this is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub uid: Uid,
    /// The device's public name.
    pub device: DeviceHandle,
    /// The id this installation made for itself: 16 hex digits.
    pub device_id: String,
    /// E.164.
    pub phone: String,
    /// As entered.
    pub name: String,
    /// As entered.
    pub nickname: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({}, [REDACTED])", self.uid)
    }
}

/// Tokens of the last login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// Replaces the password on this device.
    pub device_token: Secret,
    /// For calls.
    pub access_token: Secret,
    /// When the access token is to be renewed, by this machine's clock.
    pub access_renew: Timestamp,
    /// When it stops being good.
    pub access_expires: Timestamp,
    /// For calls that take one.
    pub csrf_token: String,
}

/// Private keys, base64url.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredKeys {
    encryption_pkcs8: Secret,
    signing_seed: Secret,
    identity_seed: Secret,
}

/// Private keys that cannot be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the private keys in the key store cannot be read")]
pub struct UnreadableKeys;

impl StoredKeys {
    /// Takes the keys of a device.
    pub fn store(secrets: &DeviceSecrets) -> Result<Self, RsaKeyError> {
        Ok(Self {
            encryption_pkcs8: Secret::new(encode(&secrets.encryption.to_pkcs8_der()?)),
            signing_seed: Secret::new(encode(&*secrets.signing.seed())),
            identity_seed: Secret::new(encode(&*secrets.identity.seed())),
        })
    }

    /// Gives them back.
    pub fn load(&self) -> Result<DeviceSecrets, UnreadableKeys> {
        let seed = |text: &Secret| {
            let bytes =
                zeroize::Zeroizing::new(decode_array(text.expose()).map_err(|_| UnreadableKeys)?);
            Ok(SignatureKey::from_seed(&bytes))
        };
        let pkcs8 = encoding::decode(self.encryption_pkcs8.expose()).map_err(|_| UnreadableKeys)?;
        Ok(DeviceSecrets {
            encryption: DecryptionKey::from_pkcs8_der(&zeroize::Zeroizing::new(pkcs8))
                .map_err(|_| UnreadableKeys)?,
            signing: seed(&self.signing_seed)?,
            identity: seed(&self.identity_seed)?,
        })
    }
}

/// One accepted contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownContact {
    /// As they entered it.
    pub nickname: String,
    /// The conversation.
    pub log: LogId,
    /// Their RSA key for the existing clients' form, PEM.
    pub public_e2e_key: String,
}

/// Somebody asks to become a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingRequest {
    /// Their phone, unless they keep it to themselves.
    pub phone: Option<String>,
    /// When they asked.
    pub at: Timestamp,
}

/// What is known of a person's keys, from the last directory that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    identity: String,
    version: u64,
    /// Whether the safety number was compared.
    pub verified: bool,
    /// Whether the server said that there is something newer.
    #[serde(default)]
    pub stale: bool,
    devices: BTreeMap<DeviceHandle, KnownDevice>,
}

/// A device of a person, present or former.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    encryption_key: String,
    signing_key: String,
    current: bool,
}

impl Person {
    /// What a verified directory says. `before` gives the former devices, whose messages stay readable, when
    /// the identity is the same.
    pub fn remember(directory: &VerifiedDirectory, before: Option<&Self>) -> Self {
        let identity = encode(&directory.identity);
        let same = before.filter(|b| b.identity == identity);
        let mut devices = same.map(|b| b.devices.clone()).unwrap_or_default();
        for device in devices.values_mut() {
            device.current = false;
        }
        for device in &directory.devices {
            devices.insert(
                device.device,
                KnownDevice {
                    encryption_key: encode(device.encryption.der()),
                    signing_key: encode(device.signing.as_bytes()),
                    current: true,
                },
            );
        }
        Self {
            identity,
            version: directory.version,
            verified: same.is_some_and(|b| b.verified),
            stale: false,
            devices,
        }
    }

    /// Whether a device that was current before is not any more.
    pub fn lost_devices_since(&self, before: &Self) -> bool {
        let is_current = |name: &DeviceHandle| self.devices.get(name).is_some_and(|d| d.current);
        let mut former = before.devices.iter().filter(|(_, d)| d.current);
        former.any(|(name, was)| {
            let same = self.devices.get(name);
            !is_current(name) || same.is_some_and(|d| d.encryption_key != was.encryption_key)
        })
    }

    /// For holding the next directory against.
    pub fn last_seen(&self) -> Option<LastSeen> {
        Some(LastSeen {
            identity: self.identity()?,
            version: self.version,
        })
    }

    /// The identity key.
    pub fn identity(&self) -> Option<[u8; 32]> {
        decode_array(&self.identity).ok()
    }

    /// The directory's version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The keys that a message for this person is wrapped for.
    pub fn recipients(&self) -> Vec<EncryptionKey> {
        let current = self.devices.values().filter(|d| d.current);
        current
            .filter_map(|d| {
                EncryptionKey::from_der(&encoding::decode(&d.encryption_key).ok()?).ok()
            })
            .collect()
    }

    /// The key that what is for that device alone is wrapped for.
    pub fn recipient(&self, device: DeviceHandle) -> Option<EncryptionKey> {
        let known = self.devices.get(&device).filter(|d| d.current)?;
        EncryptionKey::from_der(&encoding::decode(&known.encryption_key).ok()?).ok()
    }

    /// The key that a message of that device is signed with.
    pub fn signing_key(&self, device: DeviceHandle) -> Option<ed25519_dalek::VerifyingKey> {
        verifying_key(&decode_array(&self.devices.get(&device)?.signing_key).ok()?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::crypto::directory::VerifiedDevice;
    use crate::crypto::testing::{device_of, person};

    /// A state with keys and nothing else of interest.
    pub fn sample() -> State {
        State {
            server: Server {
                url: "https://localhost:8088".to_owned(),
                ws: None,
                ca_pem: None,
            },
            account: Account {
                uid: Uid::from_random(1),
                device: device_of(1),
                device_id: "0011223344556677".to_owned(),
                phone: "+79991234567".to_owned(),
                name: "Anna".to_owned(),
                nickname: "anna".to_owned(),
            },
            tokens: Tokens {
                device_token: Secret::new("d".to_owned()),
                access_token: Secret::new("a".to_owned()),
                access_renew: Timestamp::from_millis(0),
                access_expires: Timestamp::from_millis(0),
                csrf_token: "c".to_owned(),
            },
            keys: StoredKeys::store(&person(1)).unwrap(),
            published: false,
            backed_up: false,
            people: BTreeMap::new(),
            contacts: BTreeMap::new(),
            requests: BTreeMap::new(),
            cursors: BTreeMap::new(),
            outbox: Vec::new(),
            received: BTreeMap::new(),
            chats: BTreeMap::new(),
        }
    }

    fn directory(devices: &[u8], version: u64) -> VerifiedDirectory {
        let device = |n: &u8| VerifiedDevice {
            device: device_of(u64::from(*n)),
            encryption: person(*n).encryption.public().clone(),
            signing: verifying_key(&person(*n).signing.public()).unwrap(),
        };
        VerifiedDirectory {
            uid: Uid::from_random(1),
            identity: person(1).identity.public(),
            version,
            devices: devices.iter().map(device).collect(),
            refused: Vec::new(),
        }
    }

    #[test]
    fn keys_come_back_as_they_were() {
        let state = sample();
        let json = serde_json::to_string(&state).unwrap();
        let again: State = serde_json::from_str(&json).unwrap();
        let secrets = again.keys.load().unwrap();
        assert_eq!(secrets.identity.public(), person(1).identity.public());
        assert_eq!(secrets.encryption.public(), person(1).encryption.public());
        assert!(!format!("{state:?}").contains("999"));
    }

    #[test]
    fn a_former_device_verifies_but_receives_nothing() {
        let both = Person::remember(&directory(&[1, 2], 1), None);
        assert_eq!(both.recipients().len(), 2);
        let one = Person::remember(&directory(&[1], 2), Some(&both));
        assert_eq!(one.recipients().len(), 1);
        assert!(one.signing_key(device_of(2)).is_some());
        assert_eq!(one.last_seen().unwrap().version, 2);
        assert!(one.lost_devices_since(&both) && !both.lost_devices_since(&one));
    }

    #[test]
    fn another_identity_starts_from_nothing() {
        let mut before = Person::remember(&directory(&[1, 2], 1), None);
        before.verified = true;
        assert!(Person::remember(&directory(&[1], 2), Some(&before)).verified);
        let mut other = directory(&[1], 3);
        other.identity = person(3).identity.public();
        let after = Person::remember(&other, Some(&before));
        assert!(!after.verified);
        assert!(after.signing_key(device_of(2)).is_none());
    }
}
