//! The known answers of `docs/vectors/at-rest.json`, made by another implementation.

use std::sync::LazyLock;

use aes_gcm::{Aes256Gcm, KeyInit};
use melo_domain::{Secret, Timestamp};
use serde_json::Value;

use crate::e2e::{DeviceKeyClaim, device_statement, kid, verify_device};
use crate::{
    Column, CsrfTokens, KeyState, Keyring, PasswordCost, PasswordHasher, Purpose, RootKey,
    TokenHash, Verdict, WrappedKey, root_key, sealing,
};

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/vectors/at-rest.json")).unwrap()
});

/// The entries of a list, which must not be empty: a test over nothing proves nothing.
fn list(name: &str) -> &'static [Value] {
    let list = VECTORS[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name}");
    list
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap()
}

fn bytes(value: &'static Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn array<const N: usize>(value: &'static Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn id(value: &'static Value) -> u32 {
    value["id"].as_u64().unwrap().try_into().unwrap()
}

fn purpose(value: &'static Value) -> Purpose {
    Purpose::from_code(value["purpose_code"].as_i64().unwrap().try_into().unwrap()).unwrap()
}

fn column(value: &'static Value) -> Column {
    Column::new(text(&value["table"]), text(&value["column"]))
}

fn root() -> RootKey {
    RootKey::from_base64url(text(&VECTORS["root_key_base64url"])).unwrap()
}

fn keyring() -> Keyring {
    let keys = list("data_keys").iter().map(|key| WrappedKey {
        id: id(key),
        purpose: purpose(key),
        wrapped: bytes(&key["wrapped"]),
        state: KeyState::Current,
        created: Timestamp::from_millis(0),
        seals: 0,
    });
    Keyring::open(&root(), keys.collect()).unwrap()
}

/// The cipher of the vectors' key for a purpose, and its id.
fn cipher(of: Purpose) -> (Aes256Gcm, u32) {
    let key = list("data_keys")
        .iter()
        .find(|key| purpose(key) == of)
        .unwrap();
    (Aes256Gcm::new(&array::<32>(&key["key"]).into()), id(key))
}

#[test]
fn wrapped_data_keys() {
    for key in list("data_keys") {
        let data = root_key::wrapping_data(id(key), purpose(key));
        let nonce = array(&key["nonce"]);
        let wrapped =
            sealing::seal_with_nonce(&root().cipher(), 0, nonce, &data, &bytes(&key["key"]));
        assert_eq!(wrapped.unwrap(), bytes(&key["wrapped"]));
    }
    assert_eq!(
        root().to_base64url().expose(),
        text(&VECTORS["root_key_base64url"])
    );
}

#[test]
fn sealed_columns() {
    let (cipher, key_id) = cipher(Purpose::Column);
    for case in list("sealed_columns") {
        let (row, plain, sealed) = (
            bytes(&case["row"]),
            bytes(&case["plaintext"]),
            bytes(&case["sealed"]),
        );
        let opened = keyring().open_sealed(column(case), &row, &sealed).unwrap();
        assert_eq!(*opened, plain);
        let data = column(case).associated_data(&row);
        let again = sealing::seal_with_nonce(&cipher, key_id, array(&case["nonce"]), &data, &plain);
        assert_eq!(again.unwrap(), sealed);
    }
}

#[test]
fn sealed_ephemeral_entries() {
    for case in list("sealed_ephemeral") {
        let opened = keyring()
            .open_ephemeral(text(&case["name"]), &bytes(&case["sealed"]))
            .unwrap();
        assert_eq!(*opened, bytes(&case["plaintext"]));
    }
}

#[test]
fn keyed_names() {
    let keyring = keyring();
    for case in list("blind_indexes") {
        let index = keyring.blind_index(column(case), text(&case["normalized"]).as_bytes());
        assert_eq!(index.as_bytes(), bytes(&case["index"]));
    }
    for case in list("ephemeral_names") {
        let name = keyring.ephemeral_name(text(&case["kind"]), &bytes(&case["identifying"]));
        assert_eq!(name, text(&case["name"]));
    }
    for case in list("pseudonyms") {
        let pseudonym = keyring.pseudonym(text(&case["identifying"]).as_bytes());
        assert_eq!(pseudonym, text(&case["pseudonym"]));
    }
}

#[test]
fn token_hashes() {
    for case in list("token_hashes") {
        assert_eq!(
            TokenHash::of(text(&case["token"])).as_bytes().to_vec(),
            bytes(&case["hash"])
        );
    }
}

#[test]
fn csrf_tokens() {
    let csrf = &VECTORS["csrf"];
    let tokens = CsrfTokens::new(&Secret::new(text(&csrf["app_secret"]).to_owned()));
    for case in csrf["tokens"].as_array().unwrap() {
        let session = text(&case["session"]).parse().unwrap();
        let expires = case["expires_ms"].as_i64().unwrap();
        let token = text(&case["token"]);
        assert_eq!(
            tokens.issue(session, Timestamp::from_millis(expires)),
            token
        );
        assert!(tokens.verify(session, token, Timestamp::from_millis(expires - 1)));
    }
}

#[test]
fn password() {
    let case = &VECTORS["password"];
    let secret = |name: &str| Secret::new(case[name].as_str().unwrap().to_owned());
    let hasher = PasswordHasher::new(&secret("pepper"), PasswordCost::default()).unwrap();
    assert_eq!(
        hasher.verify(&secret("password"), text(&case["stored"])),
        Ok(Verdict::Right)
    );
    assert_eq!(
        hasher.verify(&secret("pepper"), text(&case["stored"])),
        Ok(Verdict::Wrong)
    );
}

#[test]
fn device_statement_and_signature() {
    let case = &VECTORS["device"];
    let field = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
    let (encryption_key, signing_key) = (field("encryption_key"), field("signing_key"));
    let (uid, device) = (
        text(&case["uid"]).parse().unwrap(),
        text(&case["device"]).parse().unwrap(),
    );
    let statement = device_statement(uid, device, &encryption_key, &signing_key);
    assert_eq!(statement, field("statement"));
    assert_eq!(kid(&encryption_key), text(&case["kid"]));
    let claim = DeviceKeyClaim {
        uid,
        device,
        encryption_key: &encryption_key,
        signing_key: &signing_key,
        identity_key: &field("identity_key"),
        signature: &field("signature"),
    };
    assert_eq!(verify_device(claim), Ok(()));
}
