//! A message to a chat: sealed once, under the chat's key that it names (docs/CRYPTO.md, chats).

use ed25519_dalek::VerifyingKey;
use melo_domain::{DeviceHandle, LogId, Uid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chat_key::{ChatKey, KeyRef};
use super::content::Content;
use super::encoding::encode;
use super::envelope::{
    Context, EnvelopeError, SUITE, SealedContent, VERSION, check_versions, seal_content, wire_text,
};
use super::identity::SignatureKey;
use super::random;
use super::sealing::IV_BYTES;

/// A chat's message as it stands on the wire. Reading one checks its form, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEnvelope {
    v: u8,
    suite: u16,
    device: DeviceHandle,
    id: Uuid,
    iv: String,
    ciphertext: String,
    key_ref: KeyRef,
    signature: String,
}

#[derive(Deserialize)]
struct Keys {
    key_ref: Option<serde::de::IgnoredAny>,
}

impl ChatEnvelope {
    /// Seals `content` under `key`.
    pub fn seal(
        context: &Context,
        content: &Content,
        key: &ChatKey,
        signing: &SignatureKey,
    ) -> Result<Self, EnvelopeError> {
        Self::seal_with(context, content, key, signing, &random::bytes()?)
    }

    /// As [`Self::seal`], with the nonce given. For test vectors: a nonce must never be used twice with a key.
    pub(crate) fn seal_with(
        context: &Context,
        content: &Content,
        key: &ChatKey,
        signing: &SignatureKey,
        iv: &[u8; IV_BYTES],
    ) -> Result<Self, EnvelopeError> {
        let (ciphertext, signature) = seal_content(context, content, signing, key.bytes(), iv)?;
        Ok(Self {
            v: VERSION,
            suite: SUITE,
            device: context.device,
            id: context.id,
            iv: encode(iv),
            ciphertext: encode(&ciphertext),
            key_ref: key.key_ref(context.log),
            signature: encode(&signature),
        })
    }

    /// The JSON text that is relayed as payload.
    pub fn to_json(&self) -> Result<String, EnvelopeError> {
        wire_text(self)
    }

    /// Reads the JSON form of a payload that is an object with `v` and `suite`.
    pub fn parse(json: &str) -> Result<Self, EnvelopeError> {
        check_versions(json)?;
        let keys: Keys = serde_json::from_str(json).map_err(|_| EnvelopeError::Malformed)?;
        if keys.key_ref.is_none() {
            return Err(EnvelopeError::NoKeyRef);
        }
        serde_json::from_str(json).map_err(|_| EnvelopeError::Malformed)
    }

    /// The device that says it made this envelope. Believed only once [`Self::open`] succeeded.
    pub fn device(&self) -> DeviceHandle {
        self.device
    }

    /// The sender's id of the message. Believed only once [`Self::open`] succeeded.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The key it says it is sealed under. Believed only once [`Self::open`] succeeded.
    pub fn key_ref(&self) -> KeyRef {
        self.key_ref
    }

    /// Checks the signature and opens the message. `log`, `uid` and `device` come from the event, `signing` is that
    /// device's key from the sender's verified directory, `key` the chat's key that the message names.
    pub fn open(
        &self,
        log: LogId,
        uid: Uid,
        device: DeviceHandle,
        signing: &VerifyingKey,
        key: &ChatKey,
    ) -> Result<Content, EnvelopeError> {
        if device != self.device {
            return Err(EnvelopeError::OtherDevice);
        }
        let context = Context {
            log,
            uid,
            device,
            id: self.id,
        };
        let content = SealedContent {
            iv: &self.iv,
            ciphertext: &self.ciphertext,
            signature: &self.signature,
        };
        let signed = content.verify(&context, signing)?;
        if key.key_ref(log) != self.key_ref {
            return Err(EnvelopeError::OtherKey);
        }
        signed.open(key.bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::encoding::decode;
    use super::super::identity::verifying_key;
    use super::super::padding::MIN_PADDED;
    use super::super::sealing::TAG_BYTES;
    use super::super::testing::{device_of, log_of, person};
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

    fn hello() -> Content {
        Content::Text("hello".into())
    }

    fn sealed() -> ChatEnvelope {
        ChatEnvelope::seal(&context(), &hello(), &key(), &person(1).signing).unwrap()
    }

    fn open_as(
        envelope: &ChatEnvelope,
        at: Context,
        key: &ChatKey,
    ) -> Result<Content, EnvelopeError> {
        let signing = verifying_key(&person(1).signing.public()).unwrap();
        envelope.open(at.log, at.uid, at.device, &signing, key)
    }

    fn with(member: &str, value: Value) -> Result<ChatEnvelope, EnvelopeError> {
        let mut json = serde_json::to_value(sealed()).unwrap();
        json[member] = value;
        ChatEnvelope::parse(&json.to_string())
    }

    #[test]
    fn whoever_has_the_key_opens_it() {
        let envelope = ChatEnvelope::parse(&sealed().to_json().unwrap()).unwrap();
        assert_eq!(envelope.key_ref(), key().key_ref(log_of(1)));
        assert_eq!(open_as(&envelope, context(), &key()), Ok(hello()));
        assert_eq!(
            open_as(&envelope, context(), &ChatKey::from_bytes([6; 32])),
            Err(EnvelopeError::OtherKey)
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
                open_as(&sealed(), other, &key()),
                Err(EnvelopeError::BadSignature)
            );
        }
        let other_device = Context {
            device: device_of(2),
            ..base
        };
        assert_eq!(
            open_as(&sealed(), other_device, &key()),
            Err(EnvelopeError::OtherDevice)
        );
        let other_id = with("id", json!(Uuid::from_u128(8).to_string())).unwrap();
        assert_eq!(
            open_as(&other_id, base, &key()),
            Err(EnvelopeError::BadSignature)
        );
        let stranger = verifying_key(&person(2).signing.public()).unwrap();
        let opened = sealed().open(base.log, base.uid, base.device, &stranger, &key());
        assert_eq!(opened, Err(EnvelopeError::BadSignature));
    }

    #[test]
    fn changed_bytes_are_noticed() {
        for member in ["iv", "ciphertext", "signature"] {
            let json = serde_json::to_value(sealed()).unwrap();
            let mut bytes = decode(json[member].as_str().unwrap()).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            let envelope = with(member, json!(encode(&bytes))).unwrap();
            assert_eq!(
                open_as(&envelope, context(), &key()),
                Err(EnvelopeError::BadSignature),
                "{member}"
            );
        }
    }

    #[test]
    fn another_key_named_does_not_open_it() {
        let other = ChatKey::from_bytes([6; 32]);
        let renamed = with("key_ref", json!(other.key_ref(log_of(1)))).unwrap();
        assert_eq!(
            open_as(&renamed, context(), &other),
            Err(EnvelopeError::BadTag),
            "under the key that it names now, the tag does not hold"
        );
        assert_eq!(
            open_as(&renamed, context(), &key()),
            Err(EnvelopeError::OtherKey)
        );
    }

    #[test]
    fn what_is_no_message_of_a_chat_is_refused() {
        let text = sealed().to_json().unwrap();
        for end in 0..text.len() {
            assert_eq!(
                ChatEnvelope::parse(&text[..end]),
                Err(EnvelopeError::Malformed)
            );
        }
        assert_eq!(with("v", json!(2)), Err(EnvelopeError::Version));
        assert_eq!(with("suite", json!(2)), Err(EnvelopeError::Suite));
        assert_eq!(with("key_ref", json!(null)), Err(EnvelopeError::NoKeyRef));
        for (member, value) in [("key_ref", json!("x")), ("id", json!(5))] {
            assert_eq!(with(member, value), Err(EnvelopeError::Malformed));
        }
        for (member, value) in [("ciphertext", "AAAA"), ("iv", "AAAA"), ("signature", "")] {
            let envelope = with(member, json!(value)).unwrap();
            assert_eq!(
                open_as(&envelope, context(), &key()),
                Err(EnvelopeError::Malformed),
                "{member}"
            );
        }
    }

    #[test]
    fn lengths_are_hidden_as_in_direct_messages() {
        let json = serde_json::to_value(sealed()).unwrap();
        let ciphertext = decode(json["ciphertext"].as_str().unwrap()).unwrap();
        assert_eq!(ciphertext.len(), MIN_PADDED + TAG_BYTES);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = ChatEnvelope::parse(&text);
        }

        #[test]
        fn no_member_makes_the_reader_panic(
            member in proptest::sample::select(vec!["v", "suite", "device", "id", "iv", "ciphertext", "key_ref", "signature"]),
            value in prop_oneof![
                "[A-Za-z0-9_-]{0,400}".prop_map(Value::from),
                any::<i64>().prop_map(Value::from),
            ],
        ) {
            if let Ok(envelope) = with(member, value)
                && let Ok(content) = open_as(&envelope, context(), &key())
            {
                prop_assert_eq!(content, hello());
            }
        }
    }
}
