//! Against the standard's own vectors (RFC 5769), and against bytes that no standard knows.

use melo_domain::Secret;
use proptest::prelude::*;

use crate::*;

/// RFC 5769, section 2.3: an answer with an IPv6 address. The padding is of spaces.
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41\
    80280004c8fb0b4c";
/// RFC 5769, section 2.4: a request with long-term credentials.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015\
    001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700\
    00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn the_standards_request_with_long_term_credentials_is_verified() {
    let bytes = bytes(LONG_TERM);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class, message.method),
        (Class::Request, Method::BINDING)
    );
    assert_eq!(message.text(attribute::USERNAME), Some("マトリックス"));
    assert_eq!(message.text(attribute::REALM), Some("example.org"));
    assert_eq!(
        message.text(attribute::NONCE),
        Some("f//499k954d6OL34oL9FSTvy64sA")
    );
    let key = |password: &str| {
        long_term_key(
            "マトリックス",
            "example.org",
            &Secret::new(password.to_owned()),
        )
    };
    assert_eq!(message.integrity(&key("TheMatrIX")), Integrity::Good);
    assert_eq!(message.integrity(&key("TheMatrix")), Integrity::Bad);
    assert_eq!(message.fingerprint(), None);
}

#[test]
fn the_standards_request_is_written_as_it_stands() {
    let expected = bytes(LONG_TERM);
    let id = Message::parse(&expected).unwrap().id();
    let key = long_term_key(
        "マトリックス",
        "example.org",
        &Secret::new("TheMatrIX".to_owned()),
    );
    let written = Writer::new(Class::Request, Method::BINDING, id)
        .put(attribute::USERNAME, "マトリックス".as_bytes())
        .put(attribute::NONCE, b"f//499k954d6OL34oL9FSTvy64sA")
        .put(attribute::REALM, b"example.org")
        .sign(&key)
        .finish();
    assert_eq!(written, expected);
}

#[test]
fn the_standards_answer_has_its_address_and_fingerprint() {
    let mut bytes = bytes(RESPONSE_V6);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class, message.method),
        (Class::Success, Method::BINDING)
    );
    let address = message.address(attribute::XOR_MAPPED_ADDRESS);
    let expected = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    assert_eq!(address, Some(expected.parse().unwrap()));
    assert_eq!(message.fingerprint(), Some(true));
    bytes[30] ^= 1;
    assert_eq!(Message::parse(&bytes).unwrap().fingerprint(), Some(false));
}

#[test]
fn passwords_are_those_of_coturn() {
    // From: printf %s 1795162530:abc | openssl dgst -sha1 -hmac north -binary | base64
    let secret = Secret::new("north".to_owned());
    let password = shared_secret_password(&secret, "1795162530:abc");
    assert_eq!(password.expose(), "9j4hNcTNRUVajSMg6d4EZYruZMw=");
}

#[test]
fn what_stands_behind_the_signature_does_not_count() {
    let key = long_term_key("a", "b", &Secret::new("c".to_owned()));
    let signed = Writer::new(Class::Request, Method::ALLOCATE, [7; 12])
        .put(attribute::USERNAME, b"a")
        .sign(&key)
        .put(attribute::REALM, b"smuggled")
        .fingerprint()
        .finish();
    let message = Message::parse(&signed).unwrap();
    assert_eq!(message.get(attribute::REALM), None);
    assert_eq!(message.integrity(&key), Integrity::Good);
    assert_eq!(message.fingerprint(), Some(true));
}

#[test]
fn frames_end_where_the_next_begins() {
    for (bytes, length, padded) in [
        (&[0x00, 0x01, 0x00, 0x08][..], 28, 28),
        (&[0x40, 0x00, 0x00, 0x05], 9, 12),
        (&[0x4f, 0xff, 0xff, 0xff], 4 + 65_535, MAX_FRAME),
    ] {
        assert_eq!(frame_length(bytes), Ok(Some(Frame { length, padded })));
    }
    assert_eq!(frame_length(&[]), Ok(None));
    assert_eq!(frame_length(&[0x40, 0, 0]), Ok(None));
    for bad in [
        &[0x80][..],
        &[0xff, 0, 0, 0],
        &[0, 1, 0, 3],
        b"\x16\x03\x01\x00\x80",
    ] {
        let whole = frame_length(bad);
        // A TLS handshake begins like a message, with a length that is none.
        assert!(whole == Err(Malformed) || bad[0] == 0x16, "{bad:?}");
    }
}

#[test]
fn more_attributes_than_anybody_needs_are_not_read() {
    let many = |count| {
        (0..count)
            .fold(
                Writer::new(Class::Request, Method::BINDING, [0; 12]),
                |message, _| message.put(attribute::SOFTWARE, b""),
            )
            .finish()
    };
    assert!(Message::parse(&many(64)).is_ok());
    assert!(Message::parse(&many(65)).is_err());
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    (
        any::<[u8; 2]>(),
        any::<bool>(),
        any::<u16>(),
        any::<[u8; 12]>(),
        body,
    )
        .prop_map(move |(kind, whole, length, id, mut body)| {
            if whole {
                body.truncate(body.len() / 4 * 4);
            }
            let right = u16::try_from(body.len()).unwrap();
            let length = if whole { right } else { length };
            [&kind[..], &length.to_be_bytes(), &cookie, &id, &body].concat()
        })
}

proptest! {
    #[test]
    fn no_bytes_are_too_much(bytes in anything(), cut in 0_usize..300) {
        let key = long_term_key("a", "b", &Secret::new("c".to_owned()));
        let bytes = &bytes[..cut.min(bytes.len())];
        let _ = frame_length(bytes);
        let _ = ChannelData::parse(bytes);
        if let Ok(message) = Message::parse(bytes) {
            let _ = (message.integrity(&key), message.fingerprint(), message.error_code());
            for found in message.attributes() {
                let _ = Address::read(found.value, message.id());
            }
            let _ = message.unknown(&[]);
        }
    }

    #[test]
    fn addresses_survive(v6 in any::<[u8; 16]>(), v4 in any::<[u8; 4]>(), port in any::<u16>(), id in any::<[u8; 12]>()) {
        for ip in [std::net::IpAddr::from(v6), v4.into()] {
            let address = std::net::SocketAddr::new(ip, port);
            let mut value = Vec::new();
            Address(address).write(id, &mut value);
            prop_assert_eq!(Address::read(&value, id), Some(address));
        }
    }
}
