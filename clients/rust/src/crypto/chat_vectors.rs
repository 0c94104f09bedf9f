//! The chats' part of docs/vectors/suite-1.json.

use melo_domain::{DeviceHandle, LogId, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat_key::{ChatKey, ChatKeyError, KeyEnvelope, KeyRef};
use super::chat_message::ChatEnvelope;
use super::content::Content;
use super::encoding::{decode, decode_array, encode};
use super::envelope::{Context, EnvelopeError};
use super::identity::verifying_key;
use super::rsa_keys::DecryptionKey;
use super::testing::{device_of, log_of};
use super::vectors::{Vectors, vectors, write};

#[derive(Default, Serialize, Deserialize)]
pub(super) struct ChatVectors {
    keys: Vec<KeyVector>,
    refused_keys: Vec<RefusedVector>,
    messages: Vec<MessageVector>,
    refused_messages: Vec<RefusedVector>,
}

/// With `key` given, `key_ref` and `signature` come out the same each time; the wrapped keys do not (OAEP is
/// randomised), they are there to be opened.
#[derive(Serialize, Deserialize)]
struct KeyVector {
    log: LogId,
    uid: Uid,
    device: DeviceHandle,
    id: Uuid,
    aad: String,
    signing: String,
    recipients: Vec<String>,
    key: String,
    key_ref: KeyRef,
    envelope: Value,
}

/// With `key` and `iv` given, the whole envelope comes out the same each time.
#[derive(Serialize, Deserialize)]
struct MessageVector {
    log: LogId,
    uid: Uid,
    device: DeviceHandle,
    id: Uuid,
    aad: String,
    signing: String,
    key: String,
    iv: String,
    content: String,
    envelope: Value,
}

/// `own` is the RSA key of the receiving device for a key envelope, the chat's key for a message.
#[derive(Clone, Serialize, Deserialize)]
struct RefusedVector {
    why: String,
    log: LogId,
    uid: Uid,
    device: DeviceHandle,
    signing: String,
    own: String,
    envelope: Value,
}

fn key_of(text: &str) -> ChatKey {
    ChatKey::from_bytes(decode_array(text).unwrap())
}

#[test]
fn key_envelopes_open_and_are_signed_the_same() {
    let vectors = vectors();
    assert!(!vectors.chats.keys.is_empty());
    for vector in &vectors.chats.keys {
        let context = Context {
            log: vector.log,
            uid: vector.uid,
            device: vector.device,
            id: vector.id,
        };
        assert_eq!(context.aad(), vector.aad);
        let key = key_of(&vector.key);
        assert_eq!(key.key_ref(vector.log), vector.key_ref);
        let signing = vectors.ed25519(&vector.signing);
        let verifying = verifying_key(&signing.public()).unwrap();
        let envelope = KeyEnvelope::parse(&vector.envelope.to_string()).unwrap();
        let recipients: Vec<_> = vector.recipients.iter().map(|n| vectors.rsa(n)).collect();
        for own in &recipients {
            let opened = envelope.open(vector.log, vector.uid, vector.device, &verifying, own);
            assert_eq!(opened.as_ref(), Ok(&key));
        }
        let public = recipients.iter().map(DecryptionKey::public);
        let again = KeyEnvelope::seal(&context, &key, public, &signing).unwrap();
        let again = serde_json::to_value(&again).unwrap();
        for member in ["v", "suite", "device", "id", "key_ref", "signature"] {
            assert_eq!(again[member], vector.envelope[member], "{member}");
        }
    }
}

#[test]
fn messages_open_and_seal_the_same() {
    let vectors = vectors();
    assert!(vectors.chats.messages.len() >= 4);
    for vector in &vectors.chats.messages {
        let context = Context {
            log: vector.log,
            uid: vector.uid,
            device: vector.device,
            id: vector.id,
        };
        assert_eq!(context.aad(), vector.aad);
        let (key, iv) = (key_of(&vector.key), decode_array(&vector.iv).unwrap());
        let signing = vectors.ed25519(&vector.signing);
        let verifying = verifying_key(&signing.public()).unwrap();
        let content = Content::from_json(vector.content.as_bytes()).unwrap();
        let envelope = ChatEnvelope::parse(&vector.envelope.to_string()).unwrap();
        let opened = envelope.open(vector.log, vector.uid, vector.device, &verifying, &key);
        assert_eq!(opened.as_ref(), Ok(&content));
        let again = ChatEnvelope::seal_with(&context, &content, &key, &signing, &iv).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), vector.envelope);
    }
}

#[test]
fn refused_key_envelopes_are_refused() {
    let vectors = vectors();
    assert!(vectors.chats.refused_keys.len() >= 8);
    for v in &vectors.chats.refused_keys {
        let verifying = verifying_key(&vectors.ed25519(&v.signing).public()).unwrap();
        let own = vectors.rsa(&v.own);
        let error = KeyEnvelope::parse(&v.envelope.to_string())
            .and_then(|e| e.open(v.log, v.uid, v.device, &verifying, &own))
            .unwrap_err();
        let why = match error {
            ChatKeyError::BadSignature => "bad_signature",
            ChatKeyError::OtherDevice => "other_device",
            ChatKeyError::NotForThisDevice => "not_for_this_device",
            ChatKeyError::KeyUnwrap => "key_unwrap",
            ChatKeyError::OtherKey => "other_key",
            ChatKeyError::Malformed => "malformed",
            ChatKeyError::Version => "version",
            ChatKeyError::Suite => "suite",
            _ => "other",
        };
        assert_eq!(why, v.why);
    }
}

#[test]
fn refused_messages_are_refused() {
    let vectors = vectors();
    assert!(vectors.chats.refused_messages.len() >= 8);
    for v in &vectors.chats.refused_messages {
        let verifying = verifying_key(&vectors.ed25519(&v.signing).public()).unwrap();
        let error = ChatEnvelope::parse(&v.envelope.to_string())
            .and_then(|e| e.open(v.log, v.uid, v.device, &verifying, &key_of(&v.own)))
            .unwrap_err();
        let why = match error {
            EnvelopeError::BadSignature => "bad_signature",
            EnvelopeError::OtherDevice => "other_device",
            EnvelopeError::OtherKey => "other_key",
            EnvelopeError::BadTag => "bad_tag",
            EnvelopeError::NoKeyRef => "no_key_ref",
            EnvelopeError::Malformed => "malformed",
            EnvelopeError::Version => "version",
            EnvelopeError::Suite => "suite",
            _ => "other",
        };
        assert_eq!(why, v.why);
    }
}

fn context(n: u8) -> Context {
    Context {
        log: log_of(1_234_567_890_123),
        uid: Uid::from_random(1),
        device: device_of(0x00aa_bbcc_dd01),
        id: Uuid::from_u128(0x936d_a01f_9abd_4d9d_80c7_02af_85c8_2300 + u128::from(n)),
    }
}

fn key_vector(keys: &Vectors, n: u8) -> KeyVector {
    let (context, key) = (context(n), ChatKey::from_bytes([n; 32]));
    let rsa = [keys.rsa("a"), keys.rsa("b")];
    let public = rsa.iter().map(DecryptionKey::public);
    let envelope = KeyEnvelope::seal(&context, &key, public, &keys.ed25519("signing")).unwrap();
    KeyVector {
        log: context.log,
        uid: context.uid,
        device: context.device,
        id: context.id,
        aad: context.aad(),
        signing: "signing".to_owned(),
        recipients: vec!["a".to_owned(), "b".to_owned()],
        key: encode(key.bytes()),
        key_ref: key.key_ref(context.log),
        envelope: serde_json::to_value(&envelope).unwrap(),
    }
}

fn message_vector(keys: &Vectors, content: &Content, n: u8) -> MessageVector {
    let (context, key, iv) = (context(n), ChatKey::from_bytes([7; 32]), [n; 12]);
    let signing = keys.ed25519("signing");
    let envelope = ChatEnvelope::seal_with(&context, content, &key, &signing, &iv).unwrap();
    MessageVector {
        log: context.log,
        uid: context.uid,
        device: context.device,
        id: context.id,
        aad: context.aad(),
        signing: "signing".to_owned(),
        key: encode(key.bytes()),
        iv: encode(&iv),
        content: String::from_utf8(content.to_json().unwrap()).unwrap(),
        envelope: serde_json::to_value(&envelope).unwrap(),
    }
}

/// `good`, changed, and why it is refused then.
fn changed(good: &RefusedVector, why: &str, change: impl Fn(&mut RefusedVector)) -> RefusedVector {
    let mut vector = good.clone();
    why.clone_into(&mut vector.why);
    change(&mut vector);
    vector
}

/// What is refused of either kind.
fn refused_both(good: &RefusedVector) -> Vec<RefusedVector> {
    vec![
        changed(good, "bad_signature", |v| v.log = log_of(99)),
        changed(good, "bad_signature", |v| v.uid = Uid::from_random(2)),
        changed(good, "bad_signature", |v| v.signing = "other".to_owned()),
        changed(good, "bad_signature", |v| {
            v.envelope["id"] = Uuid::from_u128(5).to_string().into();
        }),
        changed(good, "other_device", |v| v.device = device_of(5)),
        changed(good, "malformed", |v| v.envelope["key_ref"] = "AAAA".into()),
        changed(good, "malformed", |v| v.envelope["signature"] = "".into()),
        changed(good, "version", |v| v.envelope["v"] = 2.into()),
        changed(good, "suite", |v| v.envelope["suite"] = 2.into()),
    ]
}

fn refused_keys(keys: &Vectors, good: &KeyVector) -> Vec<RefusedVector> {
    let good = RefusedVector {
        why: String::new(),
        log: good.log,
        uid: good.uid,
        device: good.device,
        signing: good.signing.clone(),
        own: "a".to_owned(),
        envelope: good.envelope.clone(),
    };
    let kid = |name: &str| keys.rsa(name).public().kid().to_owned();
    let other = keys.rsa("a").public().wrap(&[9; 32]).unwrap();
    let mut refused = refused_both(&good);
    refused.extend([
        changed(&good, "bad_signature", |v| {
            v.envelope["key_ref"] = json!(ChatKey::from_bytes([9; 32]).key_ref(v.log));
        }),
        changed(&good, "not_for_this_device", |v| {
            v.envelope["keys"]
                .as_object_mut()
                .unwrap()
                .remove(&kid("a"));
        }),
        changed(&good, "key_unwrap", |v| {
            v.envelope["keys"][kid("a")] = v.envelope["keys"][kid("b")].clone();
        }),
        changed(&good, "other_key", |v| {
            v.envelope["keys"][kid("a")] = encode(&other).into();
        }),
    ]);
    refused
}

fn refused_messages(good: &MessageVector) -> Vec<RefusedVector> {
    let good = RefusedVector {
        why: String::new(),
        log: good.log,
        uid: good.uid,
        device: good.device,
        signing: good.signing.clone(),
        own: good.key.clone(),
        envelope: good.envelope.clone(),
    };
    let flipped = |v: &RefusedVector, member: &str| {
        let mut bytes = decode(v.envelope[member].as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        Value::from(encode(&bytes))
    };
    let other = ChatKey::from_bytes([9; 32]);
    let mut refused = refused_both(&good);
    refused.extend([
        changed(&good, "bad_signature", |v| {
            v.envelope["ciphertext"] = flipped(v, "ciphertext");
        }),
        changed(&good, "bad_signature", |v| {
            v.envelope["iv"] = flipped(v, "iv");
        }),
        changed(&good, "other_key", |v| v.own = encode(other.bytes())),
        changed(&good, "bad_tag", |v| {
            v.own = encode(other.bytes());
            v.envelope["key_ref"] = json!(other.key_ref(v.log));
        }),
        changed(&good, "no_key_ref", |v| {
            v.envelope.as_object_mut().unwrap().remove("key_ref");
        }),
    ]);
    refused
}

/// The chats' part, made anew with the keys that are in `vectors`.
pub(super) fn make(vectors: &Vectors) -> ChatVectors {
    let message = melo_domain::MessageId {
        log: log_of(1_234_567_890_123),
        seq: 41,
    };
    let written = super::content::Written {
        text: "Привет, @Anna! 👋".to_owned(),
        reply_to: Some(message),
        mentions: vec![Uid::from_random(2)],
        forwarded_from: Some(Uid::from_random(3)),
    };
    let contents = [
        Content::Text("hello".into()),
        Content::Text(written),
        Content::Edit {
            message,
            written: "hello again".into(),
        },
        Content::Reaction {
            message,
            reaction: "👍".to_owned(),
        },
        Content::Text("long ".repeat(100).into()),
    ];
    let keys = vec![key_vector(vectors, 1), key_vector(vectors, 2)];
    let messages: Vec<_> = (16..)
        .zip(&contents)
        .map(|(n, content)| message_vector(vectors, content, n))
        .collect();
    ChatVectors {
        refused_keys: refused_keys(vectors, &keys[0]),
        refused_messages: refused_messages(&messages[0]),
        keys,
        messages,
    }
}

#[test]
#[ignore = "writes the chats' part of docs/vectors/suite-1.json anew"]
fn regenerate_chats() {
    let mut vectors = vectors();
    vectors.chats = make(&vectors);
    write(&vectors);
}
