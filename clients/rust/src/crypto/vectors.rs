//! docs/vectors/suite-1.json: made once by this crate, opened here and by every other client. `regenerate`
//! writes the file anew, with new RSA keys; that is for a change of the suite, not for every day.

use std::collections::BTreeMap;
use std::path::PathBuf;

use melo_domain::Uid;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::backup::{open_identity, seal_identity};
use super::chat_vectors::ChatVectors;
use super::content::Content;
use super::directory::VerifiedDirectory;
use super::encoding::{decode, decode_array, encode};
use super::envelope::{Context, Envelope, EnvelopeError};
use super::identity::{DeviceSecrets, SignatureKey, device_statement, verifying_key};
use super::legacy::{open_text, seal_text_with};
use super::padding::{pad, unpad};
use super::passphrase::Kdf;
use super::rsa_keys::{DecryptionKey, EncryptionKey, kid_of};
use super::safety_number::SafetyNumber;
use super::testing::{device_of, log_of};

#[derive(Serialize, Deserialize)]
pub(super) struct Vectors {
    about: String,
    suite: u16,
    rsa: BTreeMap<String, RsaVector>,
    ed25519: BTreeMap<String, SignatureVector>,
    padding: Vec<PaddingVector>,
    device_statements: Vec<StatementVector>,
    safety_numbers: Vec<SafetyVector>,
    envelopes: Vec<EnvelopeVector>,
    refused_envelopes: Vec<RefusedVector>,
    legacy: Vec<LegacyVector>,
    backups: Vec<BackupVector>,
    #[serde(default)]
    pub(super) chats: ChatVectors,
}

/// `kid` is the name of `spki` in an envelope's `keys`.
#[derive(Serialize, Deserialize)]
struct RsaVector {
    pkcs8: String,
    spki: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct SignatureVector {
    seed: String,
    public: String,
}

#[derive(Serialize, Deserialize)]
struct PaddingVector {
    content: String,
    padded: String,
}

#[derive(Serialize, Deserialize)]
struct StatementVector {
    uid: Uid,
    device: melo_domain::DeviceHandle,
    rsa: String,
    signing: String,
    identity: String,
    statement: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
struct SafetyVector {
    one: String,
    other: String,
    digits: String,
    shown: String,
}

/// With `key` and `iv` given, `ciphertext` and `signature` of the envelope come out the same each time; the
/// wrapped keys do not (OAEP is randomised), they are there to be opened.
#[derive(Serialize, Deserialize)]
struct EnvelopeVector {
    log: melo_domain::LogId,
    uid: Uid,
    device: melo_domain::DeviceHandle,
    id: Uuid,
    aad: String,
    signing: String,
    recipients: Vec<String>,
    key: String,
    iv: String,
    content: String,
    envelope: Value,
}

#[derive(Serialize, Deserialize)]
struct RefusedVector {
    why: String,
    log: melo_domain::LogId,
    uid: Uid,
    device: melo_domain::DeviceHandle,
    signing: String,
    own: String,
    envelope: Value,
}

#[derive(Serialize, Deserialize)]
struct LegacyVector {
    text: String,
    recipient: String,
    key: String,
    iv: String,
    payload: String,
}

#[derive(Serialize, Deserialize)]
struct BackupVector {
    uid: Uid,
    passphrase: String,
    identity: String,
    backup: String,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors/suite-1.json")
}

pub(super) fn vectors() -> Vectors {
    serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap()
}

pub(super) fn write(vectors: &Vectors) {
    let text = serde_json::to_string_pretty(vectors).unwrap() + "\n";
    std::fs::write(path(), text).unwrap();
}

impl Vectors {
    pub(super) fn rsa(&self, name: &str) -> DecryptionKey {
        DecryptionKey::from_pkcs8_der(&decode(&self.rsa[name].pkcs8).unwrap()).unwrap()
    }

    pub(super) fn ed25519(&self, name: &str) -> SignatureKey {
        SignatureKey::from_seed(&decode_array(&self.ed25519[name].seed).unwrap())
    }
}

#[test]
fn keys_and_their_ids() {
    let vectors = vectors();
    assert_eq!(vectors.suite, super::envelope::SUITE);
    for (name, vector) in &vectors.rsa {
        let spki = decode(&vector.spki).unwrap();
        assert_eq!(kid_of(&spki), vector.kid);
        assert_eq!(EncryptionKey::from_der(&spki).unwrap().kid(), vector.kid);
        assert_eq!(vectors.rsa(name).public().der(), spki);
    }
    for (name, vector) in &vectors.ed25519 {
        assert_eq!(encode(&vectors.ed25519(name).public()), vector.public);
    }
}

#[test]
fn paddings() {
    let vectors = vectors();
    assert!(!vectors.padding.is_empty());
    for vector in vectors.padding {
        let (content, padded) = (
            decode(&vector.content).unwrap(),
            decode(&vector.padded).unwrap(),
        );
        assert_eq!(*pad(&content).unwrap(), padded);
        assert_eq!(unpad(&padded).unwrap(), content);
    }
}

#[test]
fn device_statements() {
    let vectors = vectors();
    assert!(!vectors.device_statements.is_empty());
    for vector in &vectors.device_statements {
        let secrets = DeviceSecrets {
            encryption: vectors.rsa(&vector.rsa),
            signing: vectors.ed25519(&vector.signing),
            identity: vectors.ed25519(&vector.identity),
        };
        let der = secrets.encryption.public().der();
        let statement = device_statement(vector.uid, vector.device, der, &secrets.signing.public());
        assert_eq!(encode(&statement), vector.statement);
        let request = secrets.publish_request(vector.uid, vector.device, false);
        assert_eq!(request.signature, vector.signature);
        let directory = melo_protocol::rest::keys::KeyDirectory {
            uid: vector.uid,
            identity_key: Some(request.identity_key),
            version: 1,
            devices: vec![melo_protocol::rest::keys::DeviceKeys {
                device: vector.device,
                kid: secrets.encryption.public().kid().to_owned(),
                encryption_key: request.encryption_key,
                signing_key: request.signing_key,
                signature: vector.signature.clone(),
            }],
        };
        let verified = VerifiedDirectory::verify(vector.uid, &directory)
            .unwrap()
            .unwrap();
        assert_eq!(verified.devices.len(), 1);
    }
}

#[test]
fn safety_numbers() {
    let vectors = vectors();
    assert!(!vectors.safety_numbers.is_empty());
    for vector in vectors.safety_numbers {
        let (one, other) = (
            decode_array(&vector.one).unwrap(),
            decode_array(&vector.other).unwrap(),
        );
        for number in [
            SafetyNumber::of(&one, &other),
            SafetyNumber::of(&other, &one),
        ] {
            assert_eq!(number.digits(), vector.digits);
            assert_eq!(number.to_string(), vector.shown);
        }
    }
}

#[test]
fn envelopes_open_and_seal_the_same() {
    let vectors = vectors();
    assert!(!vectors.envelopes.is_empty());
    for vector in &vectors.envelopes {
        let context = Context {
            log: vector.log,
            uid: vector.uid,
            device: vector.device,
            id: vector.id,
        };
        assert_eq!(context.aad(), vector.aad);
        let signing = vectors.ed25519(&vector.signing);
        let verifying = verifying_key(&signing.public()).unwrap();
        let content = Content::from_json(vector.content.as_bytes()).unwrap();
        let envelope = Envelope::parse(&vector.envelope.to_string()).unwrap();
        let recipients: Vec<_> = vector
            .recipients
            .iter()
            .map(|name| vectors.rsa(name))
            .collect();
        for own in &recipients {
            let opened = envelope.open(vector.log, vector.uid, vector.device, &verifying, own);
            assert_eq!(opened.as_ref(), Ok(&content));
        }
        let (key, iv) = (
            decode_array(&vector.key).unwrap(),
            decode_array(&vector.iv).unwrap(),
        );
        let public = recipients.iter().map(DecryptionKey::public);
        let again = Envelope::seal_with(&context, &content, public, &signing, &key, &iv).unwrap();
        let again = serde_json::to_value(&again).unwrap();
        for member in [
            "v",
            "suite",
            "device",
            "id",
            "iv",
            "ciphertext",
            "signature",
        ] {
            assert_eq!(again[member], vector.envelope[member], "{member}");
        }
    }
}

#[test]
fn refused_envelopes_are_refused() {
    let vectors = vectors();
    assert!(vectors.refused_envelopes.len() >= 5);
    for vector in &vectors.refused_envelopes {
        let verifying = verifying_key(&vectors.ed25519(&vector.signing).public()).unwrap();
        let own = vectors.rsa(&vector.own);
        let error = Envelope::parse(&vector.envelope.to_string())
            .and_then(|e| e.open(vector.log, vector.uid, vector.device, &verifying, &own))
            .unwrap_err();
        assert_eq!(why(error), vector.why);
    }
}

/// The names of refusals in the file.
fn why(error: EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::BadSignature => "bad_signature",
        EnvelopeError::OtherDevice => "other_device",
        EnvelopeError::NotForThisDevice => "not_for_this_device",
        EnvelopeError::KeyUnwrap => "key_unwrap",
        EnvelopeError::Malformed => "malformed",
        EnvelopeError::Version => "version",
        EnvelopeError::Suite => "suite",
        _ => "other",
    }
}

#[test]
fn legacy_payloads() {
    let vectors = vectors();
    assert!(!vectors.legacy.is_empty());
    for vector in &vectors.legacy {
        let own = vectors.rsa(&vector.recipient);
        assert_eq!(open_text(&vector.payload, &own).as_ref(), Ok(&vector.text));
        let (key, iv) = (
            decode_array(&vector.key).unwrap(),
            decode_array(&vector.iv).unwrap(),
        );
        let again: Value =
            serde_json::from_str(&seal_text_with(&vector.text, own.public(), &key, &iv).unwrap())
                .unwrap();
        let given: Value = serde_json::from_str(&vector.payload).unwrap();
        assert_eq!(
            (&again["ciphertext"], &again["iv"]),
            (&given["ciphertext"], &given["iv"])
        );
    }
}

#[test]
fn backups_open() {
    let vectors = vectors();
    assert!(!vectors.backups.is_empty());
    for vector in &vectors.backups {
        let identity = open_identity(vector.uid, &vector.backup, &vector.passphrase).unwrap();
        assert_eq!(
            identity.public(),
            vectors.ed25519(&vector.identity).public()
        );
    }
}

fn envelope_vector(keys: &Vectors, text: &str, n: u8) -> EnvelopeVector {
    let context = Context {
        log: log_of(1_234_567_890_123),
        uid: Uid::from_random(1),
        device: device_of(0x00aa_bbcc_dd01),
        id: Uuid::from_u128(0x936d_a01f_9abd_4d9d_80c7_02af_85c8_2200 + u128::from(n)),
    };
    let content = Content::Text(text.into());
    let recipients = ["a".to_owned(), "b".to_owned()];
    let rsa: Vec<_> = recipients.iter().map(|name| keys.rsa(name)).collect();
    let (key, iv) = ([n; 32], [n; 12]);
    let public = rsa.iter().map(DecryptionKey::public);
    let envelope = Envelope::seal_with(
        &context,
        &content,
        public,
        &keys.ed25519("signing"),
        &key,
        &iv,
    )
    .unwrap();
    EnvelopeVector {
        log: context.log,
        uid: context.uid,
        device: context.device,
        id: context.id,
        aad: context.aad(),
        signing: "signing".to_owned(),
        recipients: recipients.to_vec(),
        key: encode(&key),
        iv: encode(&iv),
        content: String::from_utf8(content.to_json().unwrap()).unwrap(),
        envelope: serde_json::to_value(&envelope).unwrap(),
    }
}

fn refused_vectors(keys: &Vectors, good: &EnvelopeVector) -> Vec<RefusedVector> {
    let refused = |why: &str, change: &dyn Fn(&mut RefusedVector)| {
        let mut vector = RefusedVector {
            why: why.to_owned(),
            log: good.log,
            uid: good.uid,
            device: good.device,
            signing: "signing".to_owned(),
            own: "a".to_owned(),
            envelope: good.envelope.clone(),
        };
        change(&mut vector);
        vector
    };
    let flipped = |member: &str| {
        let mut bytes = decode(good.envelope[member].as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        Value::from(encode(&bytes))
    };
    let (kid_a, kid_b) = (keys.rsa["a"].kid.as_str(), keys.rsa["b"].kid.as_str());
    vec![
        refused("bad_signature", &|v| v.log = log_of(99)),
        refused("bad_signature", &|v| v.uid = Uid::from_random(2)),
        refused("bad_signature", &|v| v.signing = "other".to_owned()),
        refused("bad_signature", &|v| {
            v.envelope["ciphertext"] = flipped("ciphertext");
        }),
        refused("bad_signature", &|v| v.envelope["iv"] = flipped("iv")),
        refused("bad_signature", &|v| {
            v.envelope["id"] = Uuid::from_u128(5).to_string().into();
        }),
        refused("other_device", &|v| v.device = device_of(5)),
        refused("not_for_this_device", &|v| {
            v.envelope["keys"].as_object_mut().unwrap().remove(kid_a);
        }),
        refused("key_unwrap", &|v| {
            v.envelope["keys"][kid_a] = good.envelope["keys"][kid_b].clone();
        }),
        refused("malformed", &|v| v.envelope["ciphertext"] = "AAAA".into()),
        refused("malformed", &|v| v.envelope["keys"] = "x".into()),
        refused("version", &|v| v.envelope["v"] = 2.into()),
        refused("suite", &|v| v.envelope["suite"] = 2.into()),
    ]
}

#[allow(clippy::too_many_lines)] // one list
#[test]
#[ignore = "writes docs/vectors/suite-1.json anew"]
fn regenerate() {
    let mut vectors = Vectors {
        about: "Test vectors of end-to-end suite 1 (docs/CRYPTO.md). Binary values are base64url without padding. \
                These keys are published: use them for nothing else."
            .to_owned(),
        suite: 1,
        rsa: BTreeMap::new(),
        ed25519: BTreeMap::new(),
        padding: Vec::new(),
        device_statements: Vec::new(),
        safety_numbers: Vec::new(),
        envelopes: Vec::new(),
        refused_envelopes: Vec::new(),
        legacy: Vec::new(),
        backups: Vec::new(),
        chats: ChatVectors::default(),
    };
    for name in ["a", "b"] {
        let key = DecryptionKey::generate().unwrap();
        vectors.rsa.insert(
            name.to_owned(),
            RsaVector {
                pkcs8: encode(&key.to_pkcs8_der().unwrap()),
                spki: encode(key.public().der()),
                kid: key.public().kid().to_owned(),
            },
        );
    }
    for (name, seed) in [
        ("identity", [1; 32]),
        ("signing", [2; 32]),
        ("other", [3; 32]),
    ] {
        let public = encode(&SignatureKey::from_seed(&seed).public());
        vectors.ed25519.insert(
            name.to_owned(),
            SignatureVector {
                seed: encode(&seed),
                public,
            },
        );
    }
    for length in [0, 1, 255, 256, 600] {
        let content = vec![0x61; length];
        vectors.padding.push(PaddingVector {
            content: encode(&content),
            padded: encode(&pad(&content).unwrap()),
        });
    }
    let (uid, device) = (Uid::from_random(1), device_of(0x00aa_bbcc_dd01));
    let secrets = DeviceSecrets {
        encryption: vectors.rsa("a"),
        signing: vectors.ed25519("signing"),
        identity: vectors.ed25519("identity"),
    };
    let statement = device_statement(
        uid,
        device,
        secrets.encryption.public().der(),
        &secrets.signing.public(),
    );
    vectors.device_statements.push(StatementVector {
        uid,
        device,
        rsa: "a".to_owned(),
        signing: "signing".to_owned(),
        identity: "identity".to_owned(),
        statement: encode(&statement),
        signature: encode(&secrets.identity.sign(&statement)),
    });
    let (one, other) = (secrets.identity.public(), vectors.ed25519("other").public());
    let number = SafetyNumber::of(&one, &other);
    vectors.safety_numbers.push(SafetyVector {
        one: encode(&one),
        other: encode(&other),
        digits: number.digits().to_owned(),
        shown: number.to_string(),
    });
    vectors
        .envelopes
        .push(envelope_vector(&vectors, "hello", 1));
    vectors
        .envelopes
        .push(envelope_vector(&vectors, "Привет, мир! 👋", 2));
    vectors
        .envelopes
        .push(envelope_vector(&vectors, &"long ".repeat(100), 3));
    vectors.refused_envelopes = refused_vectors(&vectors, &vectors.envelopes[0]);
    let rsa_a = vectors.rsa("a");
    vectors.legacy.push(LegacyVector {
        text: "Привет".to_owned(),
        recipient: "a".to_owned(),
        key: encode(&[4; 32]),
        iv: encode(&[4; 12]),
        payload: seal_text_with("Привет", rsa_a.public(), &[4; 32], &[4; 12]).unwrap(),
    });
    for kdf in [Kdf::LEAST, Kdf::Pbkdf2 { rounds: 600_000 }] {
        vectors.backups.push(BackupVector {
            uid,
            passphrase: "correct horse battery staple".to_owned(),
            identity: "identity".to_owned(),
            backup: seal_identity(uid, &secrets.identity, "correct horse battery staple", kdf)
                .unwrap(),
        });
    }
    vectors.chats = super::chat_vectors::make(&vectors);
    write(&vectors);
}
