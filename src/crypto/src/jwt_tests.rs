use std::sync::LazyLock;

use proptest::prelude::*;
use rsa::pkcs1::LineEnding;
use serde_json::{Value, json};

use super::*;

static PEM: LazyLock<Secret> = LazyLock::new(|| keygen::rsa_private_pem(2048).unwrap());
static KEYS: LazyLock<JwtKeys> =
    LazyLock::new(|| JwtKeys::from_pem(&PEM, "melo", "melo-clients").unwrap());

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn claims() -> AccessClaims {
    AccessClaims::new(
        "10000001".parse().unwrap(),
        SessionId::from_random(2),
        DeviceHandle::from_random(4),
        "all",
        NOW,
        Duration::from_mins(1),
    )
}

fn token() -> String {
    KEYS.issue(&claims()).unwrap().expose().to_owned()
}

/// Signs whatever header and claims with our own key.
fn sign(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &KEYS.signing).unwrap()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[test]
fn issued_tokens_verify_and_say_who_made_them() {
    let claims = claims();
    let token = KEYS.issue(&claims).unwrap();
    let read = KEYS.verify(token.expose(), NOW).unwrap();
    let expected = AccessClaims {
        iss: "melo".into(),
        aud: "melo-clients".into(),
        ..claims
    };
    assert_eq!(read, expected);
    assert_eq!(
        jsonwebtoken::decode_header(token.expose())
            .unwrap()
            .kid
            .as_deref(),
        Some(KEYS.kid())
    );
}

#[test]
fn ids_are_strings_on_the_wire() {
    let token = token();
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "10000001");
    assert_eq!(claims["sid"], "0000000000000001");
    assert_eq!(claims["did"], "0000000000000002");
}

#[test]
fn time_is_the_time_passed_in() {
    let token = token();
    let at = |seconds| KEYS.verify(&token, NOW.plus(Duration::from_secs(seconds)));
    assert!(at(59).is_ok());
    assert_eq!(at(60), Err(JwtError::Expired));
    assert_eq!(at(1_000_000), Err(JwtError::Expired));
    // Long over by the machine's clock, and good at the time given.
    let then = Timestamp::from_millis(1_000_000);
    let old = AccessClaims {
        exp: 1001,
        iat: 1000,
        ..claims()
    };
    let old = KEYS.issue(&old).unwrap();
    assert!(KEYS.verify(old.expose(), then).is_ok());
}

#[test]
fn algorithm_none_is_refused() {
    let body = token().split('.').nth(1).unwrap().to_owned();
    for alg in ["none", "None", "NONE", ""] {
        let header = part(&json!({"alg": alg, "typ": "JWT", "kid": KEYS.kid()}));
        for signature in ["", "AAAA"] {
            let forged = format!("{header}.{body}.{signature}");
            assert_eq!(
                KEYS.verify(&forged, NOW),
                Err(JwtError::WrongAlgorithm),
                "{alg}"
            );
        }
    }
    // A header that lies about `none`: the empty signature is still checked.
    let header = part(&json!({"alg": "RS256", "kid": KEYS.kid()}));
    assert_eq!(
        KEYS.verify(&format!("{header}.{body}."), NOW),
        Err(JwtError::BadSignature)
    );
}

#[test]
fn the_public_key_as_an_hmac_secret_is_refused() {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(KEYS.kid().to_owned());
    let claims = AccessClaims {
        iss: "melo".into(),
        aud: "melo-clients".into(),
        ..claims()
    };
    for secret in [
        KEYS.public_pem().as_bytes(),
        KEYS.public_pem().trim().as_bytes(),
    ] {
        let forged =
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(KEYS.verify(&forged, NOW), Err(JwtError::WrongAlgorithm));
    }
}

#[test]
fn other_rsa_algorithms_under_our_own_key_are_refused() {
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let mut header = Header::new(algorithm);
        header.kid = Some(KEYS.kid().to_owned());
        let claims = serde_json::to_value(claims()).unwrap();
        assert_eq!(
            KEYS.verify(&sign(&header, &claims), NOW),
            Err(JwtError::WrongAlgorithm)
        );
    }
}

#[test]
fn unknown_missing_and_foreign_keys_are_refused() {
    let body = serde_json::to_value(claims()).unwrap();
    for kid in [None, Some("0".repeat(32))] {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = kid;
        assert_eq!(
            KEYS.verify(&sign(&header, &body), NOW),
            Err(JwtError::UnknownKey)
        );
    }
    let foreign = keygen::rsa_private_pem(2048).unwrap();
    let foreign = JwtKeys::from_pem(&foreign, "melo", "melo-clients").unwrap();
    let token = foreign.issue(&claims()).unwrap();
    assert_eq!(KEYS.verify(token.expose(), NOW), Err(JwtError::UnknownKey));
    // The same, claiming our key id.
    let forged = jsonwebtoken::encode(&KEYS.header, &body, &foreign.signing).unwrap();
    assert_eq!(KEYS.verify(&forged, NOW), Err(JwtError::BadSignature));
}

#[test]
fn issuer_audience_and_missing_claims() {
    let good = serde_json::to_value(AccessClaims {
        iss: "melo".into(),
        aud: "melo-clients".into(),
        ..claims()
    });
    let good = good.unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        KEYS.verify(&sign(&KEYS.header, &claims), NOW)
    };
    assert!(with("scope", json!("other")).is_ok());
    assert_eq!(with("aud", json!("others")), Err(JwtError::WrongAudience));
    assert_eq!(with("iss", json!("others")), Err(JwtError::WrongIssuer));
    for name in [
        "sub", "jti", "exp", "iat", "iss", "aud", "sid", "did", "scope",
    ] {
        assert_eq!(with(name, Value::Null), Err(JwtError::Malformed), "{name}");
    }
    assert_eq!(with("sub", json!("1")), Err(JwtError::Malformed));
    assert_eq!(with("exp", json!("1900000000")), Err(JwtError::Malformed));
    assert_eq!(with("exp", json!(-1)), Err(JwtError::Malformed));
}

#[test]
fn critical_extensions_are_refused() {
    let mut header = KEYS.header.clone();
    header.crit = Some(vec!["b64".into()]);
    let claims = serde_json::to_value(claims()).unwrap();
    assert_eq!(
        KEYS.verify(&sign(&header, &claims), NOW),
        Err(JwtError::Malformed)
    );
}

#[test]
fn over_long_tokens_are_not_looked_at() {
    let long = AccessClaims {
        scope: "x".repeat(4096),
        ..claims()
    };
    let long = KEYS.issue(&long).unwrap();
    assert_eq!(KEYS.verify(long.expose(), NOW), Err(JwtError::TooLong));
    assert_eq!(KEYS.verify(&"a".repeat(4097), NOW), Err(JwtError::TooLong));
    assert_eq!(
        KEYS.verify(&"a".repeat(4096), NOW),
        Err(JwtError::Malformed)
    );
}

#[test]
fn keys_that_cannot_sign_are_refused() {
    let new = |pem: &str| JwtKeys::from_pem(&Secret::new(pem.to_owned()), "i", "a").err();
    assert_eq!(new(""), Some(JwtKeyError::NotAnRsaKey));
    assert_eq!(new(KEYS.public_pem()), Some(JwtKeyError::NotAnRsaKey));
    let short = rsa::RsaPrivateKey::new(&mut random::SystemRng, 1024).unwrap();
    let short = short.to_pkcs1_pem(LineEnding::LF).unwrap();
    assert_eq!(new(&short), Some(JwtKeyError::WrongSize(1024)));
}

#[test]
fn a_pkcs1_key_is_the_same_key() {
    let private = keygen::parse_private(&PEM).unwrap();
    let pkcs1 = private.to_pkcs1_pem(LineEnding::LF).unwrap();
    let keys = JwtKeys::from_pem(&Secret::new(pkcs1.to_string()), "melo", "melo-clients").unwrap();
    assert_eq!(keys.kid(), KEYS.kid());
    assert!(keys.verify(&token(), NOW).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9._-]") {
        static TOKEN: LazyLock<String> = LazyLock::new(token);
        let at = at.index(TOKEN.len());
        let mut changed = TOKEN.clone();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(KEYS.verify(&changed, NOW).is_ok(), changed == *TOKEN);
    }

    #[test]
    fn any_text_is_survived(text in ".{0,200}", json in ".{0,60}") {
        prop_assert!(KEYS.verify(&text, NOW).is_err());
        let header = URL_SAFE_NO_PAD.encode(json);
        let text = format!("{header}.{header}.{header}");
        prop_assert!(KEYS.verify(&text, NOW).is_err());
    }
}

#[test]
fn tokens_of_a_retired_key_verify_and_no_more_are_made() {
    let next = keygen::rsa_private_pem(2048).unwrap();
    let next = JwtKeys::from_pem(&next, "melo", "melo-clients").unwrap();
    let old = token();
    assert_eq!(next.verify(&old, NOW).unwrap_err(), JwtError::UnknownKey);
    let next = next.with_retired(KEYS.public_pem()).unwrap();
    // Twice is once.
    let next = next.with_retired(KEYS.public_pem()).unwrap();
    assert!(next.verify(&old, NOW).is_ok());
    let made = next.issue(&claims()).unwrap();
    assert!(next.verify(made.expose(), NOW).is_ok());
    assert_eq!(
        KEYS.verify(made.expose(), NOW).unwrap_err(),
        JwtError::UnknownKey
    );
    assert!(next.with_retired("nonsense").is_err());
}

#[test]
fn the_key_set_holds_every_key_that_verifies() {
    let next = keygen::rsa_private_pem(2048).unwrap();
    let next = JwtKeys::from_pem(&next, "melo", "melo-clients").unwrap();
    let next = next.with_retired(KEYS.public_pem()).unwrap();
    let set = next.jwks();
    assert_eq!(set.len(), 2);
    assert_eq!(set[0].kid, next.kid());
    assert_eq!(set[1].kid, KEYS.kid());
    // 65537, and 2048 bits in base64url.
    assert_eq!((set[0].e.as_str(), set[0].n.len()), ("AQAB", 342));
    let json = serde_json::to_value(&set[0]).unwrap();
    assert_eq!(
        (json["kty"].as_str(), json["use"].as_str()),
        (Some("RSA"), Some("sig"))
    );
}
