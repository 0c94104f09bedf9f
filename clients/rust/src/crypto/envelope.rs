//! The envelope of suite 1: one message, sealed once, its key wrapped for each device that may read it.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use melo_domain::{DeviceHandle, LogId, Uid};
use melo_protocol::{MAX_ENVELOPE_KEYS, MAX_FRAME_BYTES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::content::{Content, MalformedContent};
use super::encoding::{decode, decode_array, encode};
use super::identity::{SignatureKey, verifies};
use super::padding::{MAX_PADDED, MIN_PADDED, PaddingError, pad, unpad};
use super::rsa_keys::{DecryptionKey, EncryptionKey, RsaKeyError};
use super::sealing::{BadTag, IV_BYTES, TAG_BYTES, open, seal};
use super::{RandomError, random};

/// The only envelope version this crate reads and writes.
pub const VERSION: u8 = 1;
/// `RSA-OAEP-256 + A256GCM + Ed25519`.
pub const SUITE: u16 = 1;

/// Why an envelope could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than a frame may be.
    #[error("the envelope is longer than a message may be")]
    TooLarge,
    /// Not the JSON form of an envelope.
    #[error("the envelope is not of the form of suite 1")]
    Malformed,
    /// Another `v`.
    #[error("the envelope is of a version this client does not know; a newer client is needed")]
    Version,
    /// Another `suite`.
    #[error("the envelope is of a suite this client does not know; a newer client is needed")]
    Suite,
    /// A chat's message where one for two people belongs.
    #[error("the envelope names the key of a chat, and it came in a conversation of two")]
    KeyRef,
    /// A message for two people where a chat's belongs.
    #[error("the envelope does not name a key of the chat it came in")]
    NoKeyRef,
    /// Sealed under another key than the one at hand.
    #[error("the envelope names another key than this one")]
    OtherKey,
    /// The envelope names another device than the one the server says it came from.
    #[error("the envelope was not made by the device it came from")]
    OtherDevice,
    /// Changed on the way, or made for another conversation, sender or id, or by another key.
    #[error("the sender's signature does not hold for this conversation and message")]
    BadSignature,
    /// None of `keys` is for this device, for example because it was linked later.
    #[error("the message was not encrypted for this device")]
    NotForThisDevice,
    /// The wrapped key does not open.
    #[error("the message key does not open with this device's key")]
    KeyUnwrap,
    /// AES-GCM refused.
    #[error("the message is damaged: its authentication tag does not hold")]
    BadTag,
    /// The padding is not the suite's.
    #[error(transparent)]
    Padding(#[from] PaddingError),
    /// The content is not one JSON object of a known form.
    #[error(transparent)]
    Content(#[from] MalformedContent),
    /// No recipients, or more than an envelope may name.
    #[error("an envelope is for 1 to 512 devices")]
    Recipients,
    /// A recipient's key could not be used.
    #[error("a recipient's key could not be used: {0}")]
    RecipientKey(RsaKeyError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<BadTag> for EnvelopeError {
    fn from(_: BadTag) -> Self {
        Self::BadTag
    }
}

/// What an envelope is bound to. The recipient takes all of it but `id` from the event it came in, never
/// from the envelope, so that an envelope moved elsewhere does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The conversation's log.
    pub log: LogId,
    /// The sender.
    pub uid: Uid,
    /// The sender's device.
    pub device: DeviceHandle,
    /// The sender's id of the message (`client_id`).
    pub id: Uuid,
}

impl Context {
    /// The associated data: `"melo/1\n" suite "\n" log "\n" uid "\n" device "\n" id`.
    pub fn aad(&self) -> String {
        let Self {
            log,
            uid,
            device,
            id,
        } = self;
        format!("melo/1\n{SUITE}\n{log}\n{uid}\n{device}\n{id}")
    }
}

/// `"melo-envelope/1\n" || SHA-256(aad) || iv || SHA-256(ciphertext)`: what the sender's device signs.
fn signed_bytes(aad: &str, iv: &[u8; IV_BYTES], ciphertext: &[u8]) -> Vec<u8> {
    let mut message = b"melo-envelope/1\n".to_vec();
    message.extend_from_slice(&Sha256::digest(aad.as_bytes()));
    message.extend_from_slice(iv);
    message.extend_from_slice(&Sha256::digest(ciphertext));
    message
}

/// Pads, seals and signs `content`: the ciphertext and the signature.
pub(super) fn seal_content(
    context: &Context,
    content: &Content,
    signing: &SignatureKey,
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
) -> Result<(Vec<u8>, [u8; 64]), EnvelopeError> {
    let padded = pad(&Zeroizing::new(content.to_json()?))?;
    let aad = context.aad();
    let ciphertext = seal(key, iv, aad.as_bytes(), &padded)?;
    let signature = signing.sign(&signed_bytes(&aad, iv, &ciphertext));
    Ok((ciphertext, signature))
}

/// The sealed members of an envelope as they stand on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealedContent<'a> {
    pub(super) iv: &'a str,
    pub(super) ciphertext: &'a str,
    pub(super) signature: &'a str,
}

/// A ciphertext that the sender's device signed.
#[derive(Debug)]
pub(super) struct Signed {
    aad: String,
    iv: [u8; IV_BYTES],
    ciphertext: Vec<u8>,
}

impl SealedContent<'_> {
    /// Checks form and signature. The signature comes before any key is used: nobody but the sender gets to see
    /// how a key answers.
    pub(super) fn verify(
        self,
        context: &Context,
        signing: &VerifyingKey,
    ) -> Result<Signed, EnvelopeError> {
        let malformed = |_| EnvelopeError::Malformed;
        let iv = decode_array::<IV_BYTES>(self.iv).map_err(malformed)?;
        let signature = decode_array::<64>(self.signature).map_err(malformed)?;
        let ciphertext = decode(self.ciphertext).map_err(malformed)?;
        if !(MIN_PADDED + TAG_BYTES..=MAX_PADDED + TAG_BYTES).contains(&ciphertext.len()) {
            return Err(EnvelopeError::Malformed);
        }
        let aad = context.aad();
        if !verifies(signing, &signed_bytes(&aad, &iv, &ciphertext), &signature) {
            return Err(EnvelopeError::BadSignature);
        }
        Ok(Signed {
            aad,
            iv,
            ciphertext,
        })
    }
}

impl Signed {
    /// Opens it.
    pub(super) fn open(&self, key: &[u8; 32]) -> Result<Content, EnvelopeError> {
        let padded = open(key, &self.iv, self.aad.as_bytes(), &self.ciphertext)?;
        Ok(Content::from_json(unpad(&padded)?)?)
    }
}

/// The JSON text that is relayed as payload.
pub(super) fn wire_text(envelope: &impl Serialize) -> Result<String, EnvelopeError> {
    let text = serde_json::to_string(envelope).map_err(|_| EnvelopeError::Malformed)?;
    // The frame around it needs some room of its own.
    if text.len() > MAX_FRAME_BYTES - 1024 {
        Err(EnvelopeError::TooLarge)
    } else {
        Ok(text)
    }
}

/// Whether `json` says that it is of this version and suite.
pub(super) fn check_versions(json: &str) -> Result<(), EnvelopeError> {
    if json.len() > MAX_FRAME_BYTES {
        return Err(EnvelopeError::TooLarge);
    }
    let versions: Versions = serde_json::from_str(json).map_err(|_| EnvelopeError::Malformed)?;
    if versions.v != VERSION {
        return Err(EnvelopeError::Version);
    }
    if versions.suite != SUITE {
        return Err(EnvelopeError::Suite);
    }
    Ok(())
}

/// An envelope as it stands on the wire. Reading one checks its form, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    v: u8,
    suite: u16,
    device: DeviceHandle,
    id: Uuid,
    iv: String,
    ciphertext: String,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_ref: Option<String>,
    signature: String,
}

#[derive(Deserialize)]
struct Versions {
    v: u8,
    suite: u16,
}

impl Envelope {
    /// Seals `content` for `recipients`: every device of the other person, and every device of one's own,
    /// this one included, so that it can read its own history.
    pub fn seal<'k>(
        context: &Context,
        content: &Content,
        recipients: impl IntoIterator<Item = &'k EncryptionKey>,
        signing: &SignatureKey,
    ) -> Result<Self, EnvelopeError> {
        let key = Zeroizing::new(random::bytes::<32>()?);
        Self::seal_with(
            context,
            content,
            recipients,
            signing,
            &key,
            &random::bytes()?,
        )
    }

    /// As [`Self::seal`], with the key and nonce given. For test vectors: a nonce must never be used twice
    /// with a key.
    pub(crate) fn seal_with<'k>(
        context: &Context,
        content: &Content,
        recipients: impl IntoIterator<Item = &'k EncryptionKey>,
        signing: &SignatureKey,
        key: &[u8; 32],
        iv: &[u8; IV_BYTES],
    ) -> Result<Self, EnvelopeError> {
        let (ciphertext, signature) = seal_content(context, content, signing, key, iv)?;
        let mut keys = BTreeMap::new();
        for recipient in recipients {
            let wrapped = recipient.wrap(key).map_err(EnvelopeError::RecipientKey)?;
            keys.insert(recipient.kid().to_owned(), encode(&wrapped));
        }
        if keys.is_empty() || keys.len() > MAX_ENVELOPE_KEYS {
            return Err(EnvelopeError::Recipients);
        }
        Ok(Self {
            v: VERSION,
            suite: SUITE,
            device: context.device,
            id: context.id,
            iv: encode(iv),
            ciphertext: encode(&ciphertext),
            keys,
            key_ref: None,
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
        let envelope: Self = serde_json::from_str(json).map_err(|_| EnvelopeError::Malformed)?;
        if envelope.key_ref.is_some() {
            return Err(EnvelopeError::KeyRef);
        }
        if envelope.keys.len() > MAX_ENVELOPE_KEYS {
            return Err(EnvelopeError::Recipients);
        }
        Ok(envelope)
    }

    /// The device that says it made this envelope. Believed only once [`Self::open`] succeeded.
    pub fn device(&self) -> DeviceHandle {
        self.device
    }

    /// The sender's id of the message. Believed only once [`Self::open`] succeeded.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Checks the signature and opens the envelope. `log`, `uid` and `device` come from the event,
    /// `signing` is that device's key from the sender's verified directory.
    pub fn open(
        &self,
        log: LogId,
        uid: Uid,
        device: DeviceHandle,
        signing: &VerifyingKey,
        own: &DecryptionKey,
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
        let wrapped = self
            .keys
            .get(own.public().kid())
            .ok_or(EnvelopeError::NotForThisDevice)?;
        let wrapped = decode(wrapped).map_err(|_| EnvelopeError::Malformed)?;
        let key = own
            .unwrap_key(&wrapped)
            .map_err(|_| EnvelopeError::KeyUnwrap)?;
        signed.open(&key)
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

    fn hello() -> Content {
        Content::Text("hello".into())
    }

    fn sealed() -> Envelope {
        Envelope::seal(
            &context(),
            &hello(),
            [rsa_a().public(), rsa_b().public()],
            &person(1).signing,
        )
        .unwrap()
    }

    fn open_as(
        envelope: &Envelope,
        at: Context,
        own: &DecryptionKey,
    ) -> Result<Content, EnvelopeError> {
        let signing = verifying_key(&person(1).signing.public()).unwrap();
        envelope.open(at.log, at.uid, at.device, &signing, own)
    }

    /// The envelope with one member replaced.
    fn with(member: &str, value: Value) -> Result<Envelope, EnvelopeError> {
        let mut json = serde_json::to_value(sealed()).unwrap();
        json[member] = value;
        Envelope::parse(&json.to_string())
    }

    #[test]
    fn each_recipient_opens_it() {
        let envelope = Envelope::parse(&sealed().to_json().unwrap()).unwrap();
        for own in [rsa_a(), rsa_b()] {
            assert_eq!(open_as(&envelope, context(), own), Ok(hello()));
        }
    }

    #[test]
    fn another_context_does_not_open_it() {
        let envelope = sealed();
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
                open_as(&envelope, other, rsa_a()),
                Err(EnvelopeError::BadSignature)
            );
        }
        let other_device = Context {
            device: device_of(2),
            ..base
        };
        assert_eq!(
            open_as(&envelope, other_device, rsa_a()),
            Err(EnvelopeError::OtherDevice)
        );
        let other_id = with("id", json!(Uuid::from_u128(8).to_string())).unwrap();
        assert_eq!(
            open_as(&other_id, base, rsa_a()),
            Err(EnvelopeError::BadSignature)
        );
        let claimed = with("device", json!(device_of(2).to_string())).unwrap();
        assert_eq!(
            open_as(&claimed, base, rsa_a()),
            Err(EnvelopeError::OtherDevice)
        );
    }

    #[test]
    fn another_sender_key_does_not_verify_it() {
        let stranger = verifying_key(&person(2).signing.public()).unwrap();
        let at = context();
        let opened = sealed().open(at.log, at.uid, at.device, &stranger, rsa_a());
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
                open_as(&envelope, context(), rsa_a()),
                Err(EnvelopeError::BadSignature),
                "{member}"
            );
        }
    }

    #[test]
    fn a_wrong_tag_under_a_good_signature_is_refused() {
        let at = context();
        let (aad, iv) = (at.aad(), [1; 12]);
        let ciphertext = vec![5; MIN_PADDED + TAG_BYTES];
        let signature = person(1)
            .signing
            .sign(&signed_bytes(&aad, &iv, &ciphertext));
        let wrapped = encode(&rsa_a().public().wrap(&[3; 32]).unwrap());
        let envelope = Envelope {
            iv: encode(&iv),
            ciphertext: encode(&ciphertext),
            signature: encode(&signature),
            keys: BTreeMap::from([(rsa_a().public().kid().to_owned(), wrapped)]),
            ..sealed()
        };
        assert_eq!(open_as(&envelope, at, rsa_a()), Err(EnvelopeError::BadTag));
    }

    #[test]
    fn keys_for_other_devices_do_not_open_it() {
        let only_b =
            Envelope::seal(&context(), &hello(), [rsa_b().public()], &person(1).signing).unwrap();
        assert_eq!(
            open_as(&only_b, context(), rsa_a()),
            Err(EnvelopeError::NotForThisDevice)
        );
        let swapped = Envelope {
            keys: BTreeMap::from([(
                rsa_a().public().kid().to_owned(),
                only_b.keys.values().next().unwrap().clone(),
            )]),
            ..only_b
        };
        assert_eq!(
            open_as(&swapped, context(), rsa_a()),
            Err(EnvelopeError::KeyUnwrap)
        );
    }

    #[test]
    fn truncated_and_oversized_envelopes_are_refused() {
        let text = sealed().to_json().unwrap();
        for end in 0..text.len() {
            assert_eq!(Envelope::parse(&text[..end]), Err(EnvelopeError::Malformed));
        }
        let huge = format!(
            "{{\"v\":1,\"suite\":1,\"x\":\"{}\"}}",
            "a".repeat(MAX_FRAME_BYTES)
        );
        assert_eq!(Envelope::parse(&huge), Err(EnvelopeError::TooLarge));
        let long = Content::Text("a".repeat(MAX_PADDED).into());
        let refused = Envelope::seal(&context(), &long, [rsa_a().public()], &person(1).signing);
        assert_eq!(refused, Err(EnvelopeError::Padding(PaddingError::TooLong)));
        for (member, value) in [("ciphertext", "AAAA"), ("iv", "AAAA"), ("signature", "")] {
            let envelope = with(member, json!(value)).unwrap();
            assert_eq!(
                open_as(&envelope, context(), rsa_a()),
                Err(EnvelopeError::Malformed),
                "{member}"
            );
        }
    }

    #[test]
    fn the_longest_text_fits_into_a_frame() {
        let longest = Content::Text("a".repeat(super::super::padding::MAX_CONTENT - 32).into());
        let envelope =
            Envelope::seal(&context(), &longest, [rsa_a().public()], &person(1).signing).unwrap();
        assert!(envelope.to_json().is_ok());
    }

    #[test]
    fn other_versions_and_suites_are_named() {
        assert_eq!(with("v", json!(2)), Err(EnvelopeError::Version));
        assert_eq!(with("suite", json!(2)), Err(EnvelopeError::Suite));
        assert_eq!(with("key_ref", json!("x")), Err(EnvelopeError::KeyRef));
        assert_eq!(with("id", json!(5)), Err(EnvelopeError::Malformed));
        assert_eq!(with("keys", json!([])), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn an_envelope_is_for_somebody() {
        let nobody = Envelope::seal(&context(), &hello(), [], &person(1).signing);
        assert_eq!(nobody, Err(EnvelopeError::Recipients));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(text in "\\PC{0,200}") {
            let _ = Envelope::parse(&text);
        }

        #[test]
        fn no_member_makes_the_decoder_panic(
            member in proptest::sample::select(vec!["v", "suite", "device", "id", "iv", "ciphertext", "keys", "signature"]),
            value in prop_oneof![
                "[A-Za-z0-9_-]{0,400}".prop_map(Value::from),
                any::<i64>().prop_map(Value::from),
                proptest::collection::btree_map("[0-9a-f]{0,32}", "[A-Za-z0-9_-]{0,600}", 0..4).prop_map(|m| json!(m)),
            ],
        ) {
            if let Ok(envelope) = with(member, value) {
                // Whatever still opens must say what was sealed.
                if let Ok(content) = open_as(&envelope, context(), rsa_a()) {
                    prop_assert_eq!(content, hello());
                }
            }
        }
    }
}
