//! What the server speaks on the wire beneath HTTP.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use melo_protocol::rest::account::PublicKeyAnswer;
use melo_tests::tls::{Tls, certificate, version};
use melo_tests::{PATIENCE, Server, befriend};
use rustix::process::Signal;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a client offers, and what is agreed on then.
const OFFERS: [(&[&SupportedProtocolVersion], ProtocolVersion); 3] = [
    (&[&TLS12], ProtocolVersion::TLSv1_2),
    (&[&TLS13], ProtocolVersion::TLSv1_3),
    (&[&TLS12, &TLS13], ProtocolVersion::TLSv1_3),
];

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_on_both_ports() {
    let server = Server::start().await;
    let site = server.site();
    for port in [site.http_port, site.ws_port] {
        for (offered, agreed) in OFFERS {
            let stream = site.tls.clone().only(offered).connect(port).await.unwrap();
            assert_eq!(version(&stream), agreed);
        }
    }
}

/// A `ClientHello` (RFC 4346, section 7.4.1.2) that offers nothing newer than `version`.
fn old_client_hello(version: [u8; 2]) -> Vec<u8> {
    let mut hello = version.to_vec();
    hello.extend([7; 32]); // random
    hello.push(0); // no session
    hello.extend([0, 4, 0xc0, 0x09, 0x00, 0x2f]); // ECDHE_ECDSA and RSA with AES_128_CBC_SHA
    hello.extend([1, 0]); // no compression
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

#[tokio::test]
async fn older_versions_and_plain_http_are_refused() {
    let server = Server::start().await;
    let site = server.site();
    for port in [site.http_port, site.ws_port] {
        for version in [[3, 1], [3, 2]] {
            let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tcp.write_all(&old_client_hello(version)).await.unwrap();
            let mut answer = Vec::new();
            let reading = tcp.read_to_end(&mut answer);
            let _ = tokio::time::timeout(PATIENCE, reading)
                .await
                .expect("an end");
            // A fatal alert: handshake_failure or protocol_version (RFC 8446, section 6).
            assert_eq!(answer.first(), Some(&21), "{answer:?}");
            assert!(matches!(answer.get(5..), Some([2, 40 | 70])), "{answer:?}");
        }
        for nonsense in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\0\0\0\0", ""] {
            let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tcp.write_all(nonsense.as_bytes()).await.unwrap();
            tcp.shutdown().await.unwrap();
            let mut answer = Vec::new();
            // A reset will do as well as an end.
            let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer))
                .await
                .expect("an end");
            assert!(
                !answer.starts_with(b"HTTP"),
                "nothing is served without TLS"
            );
        }
    }
    let answer = server.anonymous().get("/public_key").await.ok();
    let _: PublicKeyAnswer = serde_json::from_value(answer).unwrap();
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_without_dropping_anybody() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let site = server.site();
    let before = certificate(&site.tls.connect(site.ws_port).await.unwrap());

    let fresh = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(&server.keys_dir().join("tls.crt"), &fresh.cert.pem());
    write(
        &server.keys_dir().join("tls.key"),
        &fresh.signing_key.serialize_pem(),
    );
    server.signal(Signal::HUP);

    let renewed = Tls::trusting(&fresh.cert.pem());
    let since = Instant::now();
    let stream = loop {
        match renewed.connect(site.ws_port).await {
            Ok(stream) => break stream,
            Err(error) => assert!(since.elapsed() < PATIENCE, "{error}\n{}", server.log()),
        }
    };
    assert_ne!(certificate(&stream), before);
    assert_eq!(certificate(&stream), *fresh.cert.der());
    let https = renewed.connect(site.http_port).await.unwrap();
    assert_eq!(certificate(&https), *fresh.cert.der());
    assert!(
        site.tls.connect(site.ws_port).await.is_err(),
        "the old one is no longer shown"
    );

    // The connection from before lives on.
    annas.say(&boris.uid, &json!("still here")).await;
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
}
