//! The key of a chat: one fresh key for all members, wrapped once for each of their devices, under which many
//! messages are sealed (docs/CRYPTO.md, chats).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use melo_domain::{DeviceHandle, LogId, Uid};
use melo_protocol::MAX_ENVELOPE_KEYS;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::encoding::{decode, decode_array, encode};
use super::envelope::{Context, EnvelopeError, SUITE, VERSION, check_versions, wire_text};
use super::identity::{SignatureKey, verifies};
use super::rsa_keys::{DecryptionKey, EncryptionKey, RsaKeyError};
use super::{RandomError, random};

/// Why a key envelope could not be made or is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChatKeyError {
    /// Longer than a frame may be.
    #[error("the key envelope is longer than a frame may be")]
    TooLarge,
    /// Not the JSON form of a key envelope.
    #[error("the key envelope is not of the form of suite 1")]
    Malformed,
    /// Another `v`.
    #[error("the key envelope is of a version this client does not know; a newer client is needed")]
    Version,
    /// Another `suite`.
    #[error("the key envelope is of a suite this client does not know; a newer client is needed")]
    Suite,
    /// It names another device than the one the server says it came from.
    #[error("the key envelope was not made by the device it came from")]
    OtherDevice,
    /// Changed on the way, or made for another chat, sender or id, or by another key.
    #[error("the sender's signature does not hold for this chat and key")]
    BadSignature,
    /// None of `keys` is for this device.
    #[error("the chat's key was not wrapped for this device")]
    NotForThisDevice,
    /// The wrapped key does not open.
    #[error("the chat's key does not open with this device's key")]
    KeyUnwrap,
    /// What was wrapped is not the key that `key_ref` commits to.
    #[error("the wrapped key is not the one that the envelope names")]
    OtherKey,
    /// No recipients, or more than an envelope may name.
    #[error("a key envelope is for 1 to 512 devices")]
    Recipients,
    /// A recipient's key could not be used.
    #[error("a recipient's key could not be used: {0}")]
    RecipientKey(RsaKeyError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<EnvelopeError> for ChatKeyError {
    /// Of the form alone: what an envelope of any kind has in common.
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::TooLarge => Self::TooLarge,
            EnvelopeError::Version => Self::Version,
            EnvelopeError::Suite => Self::Suite,
            _ => Self::Malformed,
        }
    }
}

/// Not the name of a chat's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chat key's name is 43 characters of base64url")]
pub struct InvalidKeyRef;

/// The public name of a chat's key. It commits to the key and the chat, so that whoever is handed the key sees
/// whether it is the one that was named, and anybody who has it may hand it on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyRef([u8; 32]);

impl KeyRef {
    /// SHA-256(`"melo-chat-key/1\n" log "\n" || key`).
    fn of(log: LogId, key: &[u8; 32]) -> Self {
        let digest = Sha256::new()
            .chain_update(format!("melo-chat-key/1\n{log}\n"))
            .chain_update(key)
            .finalize();
        Self(digest.into())
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRef({self})")
    }
}

impl FromStr for KeyRef {
    type Err = InvalidKeyRef;
    fn from_str(s: &str) -> Result<Self, InvalidKeyRef> {
        decode_array(s).map(Self).map_err(|_| InvalidKeyRef)
    }
}

impl Serialize for KeyRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A chat's key. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatKey(Zeroizing<[u8; 32]>);

impl ChatKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its name in the chat whose log is `log`.
    pub fn key_ref(&self, log: LogId) -> KeyRef {
        KeyRef::of(log, &self.0)
    }
}

impl fmt::Debug for ChatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChatKey([REDACTED])")
    }
}

/// `"melo-chat-key/1\n" || SHA-256(aad) || key_ref`: what the sender's device signs. Not `keys`, of which the server
/// hands each device its own entry alone: what an entry opens to is held by the commitment in `key_ref`.
fn signed_bytes(aad: &str, key_ref: &KeyRef) -> Vec<u8> {
    let mut message = b"melo-chat-key/1\n".to_vec();
    message.extend_from_slice(&Sha256::digest(aad.as_bytes()));
    message.extend_from_slice(&key_ref.0);
    message
}

/// A chat's key, wrapped for devices of its members, as it stands on the wire. Reading one checks its form,
/// nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnvelope {
    v: u8,
    suite: u16,
    device: DeviceHandle,
    id: Uuid,
    key_ref: KeyRef,
    keys: BTreeMap<String, String>,
    signature: String,
}

impl KeyEnvelope {
    /// Wraps `key` for `recipients`, at most 512 of them: a chat with more devices gets several envelopes, each with
    /// an id of its own. Slow with many recipients: not for async threads.
    pub fn seal<'k>(
        context: &Context,
        key: &ChatKey,
        recipients: impl IntoIterator<Item = &'k EncryptionKey>,
        signing: &SignatureKey,
    ) -> Result<Self, ChatKeyError> {
        let mut keys = BTreeMap::new();
        for recipient in recipients {
            let wrapped = recipient
                .wrap(key.bytes())
                .map_err(ChatKeyError::RecipientKey)?;
            keys.insert(recipient.kid().to_owned(), encode(&wrapped));
        }
        if keys.is_empty() || keys.len() > MAX_ENVELOPE_KEYS {
            return Err(ChatKeyError::Recipients);
        }
        let key_ref = key.key_ref(context.log);
        Ok(Self {
            v: VERSION,
            suite: SUITE,
            device: context.device,
            id: context.id,
            key_ref,
            keys,
            signature: encode(&signing.sign(&signed_bytes(&context.aad(), &key_ref))),
        })
    }

    /// The JSON text that is sent as payload.
    pub fn to_json(&self) -> Result<String, ChatKeyError> {
        Ok(wire_text(self)?)
    }

    /// Reads the JSON form.
    pub fn parse(json: &str) -> Result<Self, ChatKeyError> {
        check_versions(json)?;
        let envelope: Self = serde_json::from_str(json).map_err(|_| ChatKeyError::Malformed)?;
        if envelope.keys.len() > MAX_ENVELOPE_KEYS {
            return Err(ChatKeyError::Recipients);
        }
        Ok(envelope)
    }

    /// The device that says it made this envelope. Believed only once [`Self::open`] succeeded.
    pub fn device(&self) -> DeviceHandle {
        self.device
    }

    /// The sender's id of the envelope. Believed only once [`Self::open`] succeeded.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The key's name. Believed only once [`Self::open`] succeeded.
    pub fn key_ref(&self) -> KeyRef {
        self.key_ref
    }

    /// Whether there is an entry for that device.
    pub fn is_for(&self, device: &EncryptionKey) -> bool {
        self.keys.contains_key(device.kid())
    }

    /// Checks the signature, opens this device's entry and holds the key against its name. `log`, `uid` and `device`
    /// come from the event, `signing` is that device's key from the sender's verified directory.
    pub fn open(
        &self,
        log: LogId,
        uid: Uid,
        device: DeviceHandle,
        signing: &VerifyingKey,
        own: &DecryptionKey,
    ) -> Result<ChatKey, ChatKeyError> {
        if device != self.device {
            return Err(ChatKeyError::OtherDevice);
        }
        let malformed = |_| ChatKeyError::Malformed;
        let signature = decode_array::<64>(&self.signature).map_err(malformed)?;
        let context = Context {
            log,
            uid,
            device,
            id: self.id,
        };
        // The signature comes first: nobody but the sender gets to see how the RSA key answers.
        let message = signed_bytes(&context.aad(), &self.key_ref);
        if !verifies(signing, &message, &signature) {
            return Err(ChatKeyError::BadSignature);
        }
        let wrapped = self
            .keys
            .get(own.public().kid())
            .ok_or(ChatKeyError::NotForThisDevice)?;
        let wrapped = decode(wrapped).map_err(malformed)?;
        let key = own
            .unwrap_key(&wrapped)
            .map(ChatKey)
            .map_err(|_| ChatKeyError::KeyUnwrap)?;
        if key.key_ref(log) == self.key_ref {
            Ok(key)
        } else {
            Err(ChatKeyError::OtherKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::identity::verifying_key;
    use super::super::testing::{device_of, log_of, person, rsa_a, rsa_b};
    use super::*;

    fn context() -> Context {
        Context {
            log: log_of(1),
            uid: Uid::from_random(1),
            device: device_of(1),
            id: Uuid::from_u128(7),
        }
    }

    fn key() -> ChatKey {
        ChatKey::from_bytes([5; 32])
    }

    fn sealed() -> KeyEnvelope {
        let both = [rsa_a().public(), rsa_b().public()];
        KeyEnvelope::seal(&context(), &key(), both, &person(1).signing).unwrap()
    }

    fn open_as(
        envelope: &KeyEnvelope,
        at: Context,
        own: &DecryptionKey,
    ) -> Result<ChatKey, ChatKeyError> {
        let signing = verifying_key(&person(1).signing.public()).unwrap();
        envelope.open(at.log, at.uid, at.device, &signing, own)
    }

    fn with(member: &str, value: Value) -> Result<KeyEnvelope, ChatKeyError> {
        let mut json = serde_json::to_value(sealed()).unwrap();
        json[member] = value;
        KeyEnvelope::parse(&json.to_string())
    }

    #[test]
    fn each_member_device_gets_the_key() {
        let envelope = KeyEnvelope::parse(&sealed().to_json().unwrap()).unwrap();
        assert_eq!(envelope.key_ref(), key().key_ref(log_of(1)));
        assert_eq!(envelope.key_ref().to_string().len(), 43);
        for own in [rsa_a(), rsa_b()] {
            assert_eq!(open_as(&envelope, context(), own), Ok(key()));
        }
    }

    #[test]
    fn it_opens_when_the_server_has_cut_it_to_one_entry() {
        let mut json = serde_json::to_value(sealed()).unwrap();
        let keys = json["keys"].as_object_mut().unwrap();
        keys.remove(rsa_b().public().kid());
        let cut = KeyEnvelope::parse(&json.to_string()).unwrap();
        assert_eq!(open_as(&cut, context(), rsa_a()), Ok(key()));
        assert_eq!(
            open_as(&cut, context(), rsa_b()),
            Err(ChatKeyError::NotForThisDevice)
        );
    }

    #[test]
    fn it_is_bound_to_chat_sender_device_and_id() {
        let base = context();
        for other in [
            Context {
                log: log_of(2),
                ..base
            },
            Context {
                uid: Uid::from_random(2),
                ..base
            },
        ] {
            assert_eq!(
                open_as(&sealed(), other, rsa_a()),
                Err(ChatKeyError::BadSignature)
            );
        }
        let other_device = Context {
            device: device_of(2),
            ..base
        };
        assert_eq!(
            open_as(&sealed(), other_device, rsa_a()),
            Err(ChatKeyError::OtherDevice)
        );
        let other_id = with("id", json!(Uuid::from_u128(8).to_string())).unwrap();
        assert_eq!(
            open_as(&other_id, base, rsa_a()),
            Err(ChatKeyError::BadSignature)
        );
        let stranger = verifying_key(&person(2).signing.public()).unwrap();
        let opened = sealed().open(base.log, base.uid, base.device, &stranger, rsa_a());
        assert_eq!(opened, Err(ChatKeyError::BadSignature));
    }

    #[test]
    fn another_key_than_the_one_named_is_refused() {
        let renamed = ChatKey::from_bytes([6; 32]).key_ref(log_of(1));
        let unsigned = with("key_ref", json!(renamed)).unwrap();
        assert_eq!(
            open_as(&unsigned, context(), rsa_a()),
            Err(ChatKeyError::BadSignature)
        );
        // Another key, wrapped for the right device, under a good signature of the first one's name.
        let wrapped = encode(&rsa_a().public().wrap(&[6; 32]).unwrap());
        let swapped = with("keys", json!({rsa_a().public().kid(): wrapped})).unwrap();
        assert_eq!(
            open_as(&swapped, context(), rsa_a()),
            Err(ChatKeyError::OtherKey)
        );
        let misplaced = json!({rsa_a().public().kid(): sealed().keys[rsa_b().public().kid()]});
        assert_eq!(
            open_as(&with("keys", misplaced).unwrap(), context(), rsa_a()),
            Err(ChatKeyError::KeyUnwrap)
        );
    }

    #[test]
    fn a_name_commits_to_the_chat_too() {
        assert_ne!(key().key_ref(log_of(1)), key().key_ref(log_of(2)));
        let name = key().key_ref(log_of(1));
        assert_eq!(name.to_string().parse(), Ok(name));
        for bad in ["", "x", &"A".repeat(42), &"A".repeat(44), &"+".repeat(43)] {
            assert_eq!(bad.parse::<KeyRef>(), Err(InvalidKeyRef), "{bad}");
        }
    }

    #[test]
    fn what_is_no_key_envelope_is_refused() {
        let text = sealed().to_json().unwrap();
        for end in 0..text.len() {
            assert_eq!(
                KeyEnvelope::parse(&text[..end]),
                Err(ChatKeyError::Malformed)
            );
        }
        assert_eq!(with("v", json!(2)), Err(ChatKeyError::Version));
        assert_eq!(with("suite", json!(2)), Err(ChatKeyError::Suite));
        for (member, value) in [
            ("keys", json!([])),
            ("key_ref", json!("x")),
            ("key_ref", json!(null)),
            ("id", json!(5)),
            ("signature", json!(1)),
        ] {
            assert_eq!(
                with(member, value),
                Err(ChatKeyError::Malformed),
                "{member}"
            );
        }
        let many: BTreeMap<_, _> = (0..=MAX_ENVELOPE_KEYS)
            .map(|n| (format!("{n:032x}"), "AA".to_owned()))
            .collect();
        assert_eq!(with("keys", json!(many)), Err(ChatKeyError::Recipients));
        let nobody = KeyEnvelope::seal(&context(), &key(), [], &person(1).signing);
        assert_eq!(nobody, Err(ChatKeyError::Recipients));
        let kid = rsa_a().public().kid();
        for (member, value) in [("signature", json!("AAAA")), ("keys", json!({kid: "*"}))] {
            let envelope = with(member, value).unwrap();
            assert_eq!(
                open_as(&envelope, context(), rsa_a()),
                Err(ChatKeyError::Malformed)
            );
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "ChatKey([REDACTED])");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = KeyEnvelope::parse(&text);
            let _ = text.parse::<KeyRef>();
        }

        #[test]
        fn no_member_makes_the_reader_panic(
            member in proptest::sample::select(vec!["v", "suite", "device", "id", "key_ref", "keys", "signature"]),
            value in prop_oneof![
                "[A-Za-z0-9_-]{0,400}".prop_map(Value::from),
                any::<i64>().prop_map(Value::from),
                proptest::collection::btree_map("[0-9a-f]{0,32}", "[A-Za-z0-9_-]{0,600}", 0..4).prop_map(|m| json!(m)),
                "[A-Za-z0-9_-]{0,600}".prop_map(|w| json!({rsa_a().public().kid(): w})),
            ],
        ) {
            if let Ok(envelope) = with(member, value) {
                // Whatever still opens must be the key that was wrapped.
                if let Ok(opened) = open_as(&envelope, context(), rsa_a()) {
                    prop_assert_eq!(opened, key());
                }
            }
        }
    }
}
