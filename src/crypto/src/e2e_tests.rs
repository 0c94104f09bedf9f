use std::sync::LazyLock;

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;

use super::*;
use crate::random::SystemRng;

static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| spki(2048));

fn spki(bits: usize) -> Vec<u8> {
    let private = RsaPrivateKey::new(&mut SystemRng, bits).unwrap();
    let der = private.to_public_key().to_public_key_der().unwrap();
    der.as_bytes().to_vec()
}

fn pem(der: &[u8]) -> String {
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

/// Everything a claim is made of, owned so that tests can bend it.
#[derive(Clone)]
struct Parts {
    uid: Uid,
    device: DeviceHandle,
    encryption_key: Vec<u8>,
    signing_key: Vec<u8>,
    identity_key: Vec<u8>,
    signature: Vec<u8>,
}

impl Parts {
    fn verify(&self) -> Result<(), DeviceKeyError> {
        verify_device(DeviceKeyClaim {
            uid: self.uid,
            device: self.device,
            encryption_key: &self.encryption_key,
            signing_key: &self.signing_key,
            identity_key: &self.identity_key,
            signature: &self.signature,
        })
    }

    fn signed_by(mut self, identity: &SigningKey) -> Self {
        self.identity_key = identity.verifying_key().to_bytes().to_vec();
        let statement = device_statement(
            self.uid,
            self.device,
            &self.encryption_key,
            &self.signing_key,
        );
        self.signature = identity.sign(&statement).to_bytes().to_vec();
        self
    }
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    Parts {
        uid: "10000001".parse().unwrap(),
        device: "0123456789abcdef".parse().unwrap(),
        encryption_key: RSA.clone(),
        signing_key: SigningKey::from_bytes(&[1; 32])
            .verifying_key()
            .to_bytes()
            .to_vec(),
        identity_key: Vec::new(),
        signature: Vec::new(),
    }
    .signed_by(&SigningKey::from_bytes(&[2; 32]))
});

#[test]
fn a_signed_device_is_accepted() {
    assert_eq!(PARTS.verify(), Ok(()));
}

#[test]
fn a_statement_for_another_person_or_device_is_refused() {
    let other = Parts {
        uid: "10000002".parse().unwrap(),
        ..PARTS.clone()
    };
    assert_eq!(other.verify(), Err(DeviceKeyError::Signature));
    let other = Parts {
        device: "0123456789abcdee".parse().unwrap(),
        ..PARTS.clone()
    };
    assert_eq!(other.verify(), Err(DeviceKeyError::Signature));
}

#[test]
fn another_identity_does_not_vouch() {
    let identity_key = SigningKey::from_bytes(&[3; 32])
        .verifying_key()
        .to_bytes()
        .to_vec();
    let other = Parts {
        identity_key,
        ..PARTS.clone()
    };
    assert_eq!(other.verify(), Err(DeviceKeyError::Signature));
}

#[test]
fn small_order_and_non_canonical_points_are_refused() {
    let identity = SigningKey::from_bytes(&[2; 32]);
    let mut neutral = [0; 32];
    neutral[0] = 1;
    // 2^255 - 19 + 3: a second encoding of y = 3, which lies on the curve.
    let mut second_form = [0xff; 32];
    second_form[0] = 0xf0;
    second_form[31] = 0x7f;
    for bad in [neutral, [0; 32], second_form] {
        let bent = Parts {
            signing_key: bad.to_vec(),
            ..PARTS.clone()
        }
        .signed_by(&identity);
        assert_eq!(bent.verify(), Err(DeviceKeyError::SigningKey));
        let bent = Parts {
            identity_key: bad.to_vec(),
            ..PARTS.clone()
        };
        assert_eq!(bent.verify(), Err(DeviceKeyError::IdentityKey));
    }
    let mut first_form = [0; 32];
    first_form[0] = 3;
    assert!(
        ed25519(&first_form).is_some(),
        "y = 3 itself is a fine point"
    );
}

#[test]
fn lengths_are_exact() {
    for length in [0, 31, 33, 64] {
        let bent = Parts {
            signing_key: vec![1; length],
            ..PARTS.clone()
        };
        assert_eq!(bent.verify(), Err(DeviceKeyError::SigningKey));
        let bent = Parts {
            identity_key: vec![1; length],
            ..PARTS.clone()
        };
        assert_eq!(bent.verify(), Err(DeviceKeyError::IdentityKey));
    }
    for length in [0, 63, 65] {
        let bent = Parts {
            signature: vec![1; length],
            ..PARTS.clone()
        };
        assert_eq!(bent.verify(), Err(DeviceKeyError::Signature));
    }
}

#[test]
fn rsa_keys_of_other_sizes_are_refused() {
    let identity = SigningKey::from_bytes(&[2; 32]);
    for bits in [1024, 2040] {
        let bent = Parts {
            encryption_key: spki(bits),
            ..PARTS.clone()
        }
        .signed_by(&identity);
        let expected = DeviceKeyError::EncryptionKey(PublicKeyError::WrongSize(bits));
        assert_eq!(bent.verify(), Err(expected));
    }
    let bent = Parts {
        encryption_key: vec![0; 4097],
        ..PARTS.clone()
    };
    assert_eq!(
        bent.verify(),
        Err(DeviceKeyError::EncryptionKey(PublicKeyError::TooLong))
    );
}

#[test]
fn trailing_bytes_after_the_rsa_key_are_refused() {
    let mut der = RSA.clone();
    der.push(0);
    assert_eq!(check_rsa(&der), Err(PublicKeyError::NotRsa));
}

#[test]
fn pem_keeps_its_text_in_whatever_lines() {
    let one_line = pem(&RSA);
    let base64 = STANDARD.encode(&*RSA);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let crlf = format!("{BEGIN}\r\n{}\r\n{END}\r\n", lines.join("\r\n"));
    for text in [one_line.clone(), crlf, one_line.trim().to_owned()] {
        let key = PublicKeyPem::parse(&text).unwrap();
        assert_eq!(key.as_str(), text);
        assert_eq!(key.kid(), kid(&RSA));
    }
}

#[test]
fn what_is_no_rsa_public_key_in_pem_is_refused() {
    let parse = |text: &str| PublicKeyPem::parse(text).unwrap_err();
    let good = pem(&RSA);
    assert_eq!(parse(""), PublicKeyError::NotPem);
    assert_eq!(parse("public-key"), PublicKeyError::NotPem);
    assert_eq!(
        parse(&good.replace("PUBLIC KEY", "RSA PUBLIC KEY")),
        PublicKeyError::NotPem
    );
    assert_eq!(
        parse(&good.replace("-----END", "----END")),
        PublicKeyError::NotPem
    );
    assert_eq!(parse(&format!("{good}{good}")), PublicKeyError::NotPem);
    assert_eq!(
        parse(&good.replacen("MII", "M\u{fffd}I", 1)),
        PublicKeyError::NotPem
    );
    assert_eq!(parse(&good.repeat(10)), PublicKeyError::TooLong);
    assert_eq!(parse(&pem(b"not DER")), PublicKeyError::NotRsa);
    // An Ed25519 key (RFC 8410, section 10.1).
    let ed25519 = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    assert_eq!(
        parse(&format!("{BEGIN}\n{ed25519}\n{END}")),
        PublicKeyError::NotRsa
    );
    assert_eq!(parse(&pem(&spki(1024))), PublicKeyError::WrongSize(1024));
}

#[test]
fn a_key_for_signing_only_is_refused() {
    // The same key under the object id of RSASSA-PSS (RFC 4055), with its parameters left out.
    const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    const PSS: &[u8] = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
    assert_eq!(&RSA[4..19], RSA_ENCRYPTION);
    let length = u16::try_from(RSA.len() - 4 - 2).unwrap().to_be_bytes();
    let der = [&RSA[..2], &length, PSS, &RSA[19..]].concat();
    assert!(RsaPublicKey::try_from(SubjectPublicKeyInfoRef::from_der(&der).unwrap()).is_ok());
    assert_eq!(check_rsa(&der), Err(PublicKeyError::NotRsa));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flipped_bit_is_noticed(field in 0..4_usize, at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bent = PARTS.clone();
        let bytes = match field {
            0 => &mut bent.encryption_key,
            1 => &mut bent.signing_key,
            2 => &mut bent.identity_key,
            _ => &mut bent.signature,
        };
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(bent.verify().is_err());
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,100}") {
        prop_assert!(check_rsa(&bytes).is_err());
        prop_assert!(PublicKeyPem::parse(&text).is_err());
        let text = format!("{BEGIN}{text}{END}");
        prop_assert!(PublicKeyPem::parse(&text).is_err());
    }

    #[test]
    fn a_bent_rsa_key_is_survived(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut der = RSA.clone();
        let index = at.index(der.len());
        der[index] = to;
        let _ = check_rsa(&der);
        prop_assert!(check_rsa(&RSA[..cut.index(RSA.len())]).is_err());
    }
}
