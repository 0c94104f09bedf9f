//! What the provider of text messages reports, and how its calls are told from anybody's.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use melo_protocol::ErrorCode;
use melo_tests::{Answer, Postbox, Server};
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;

const SECRET: &str = "shared with the provider";
const KEY: &str = "signs what the provider says";

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn sign(key: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A report with these headers.
async fn report(
    server: &Server,
    secret: &str,
    timestamp: u64,
    signature: &str,
    body: &str,
) -> Answer {
    server
        .anonymous()
        .call(Method::POST, "/webhooks/sms")
        .header("x-melo-secret", secret)
        .header("x-melo-timestamp", &timestamp.to_string())
        .header("x-melo-signature", signature)
        .body("application/json", body.to_owned())
        .send()
        .await
}

/// A report as the provider makes it.
async fn genuine(server: &Server, timestamp: u64, body: &str) -> Answer {
    let signature = sign(KEY, &timestamp.to_string(), body);
    report(server, SECRET, timestamp, &signature, body).await
}

async fn server(postbox: &Postbox, addresses: &str) -> Server {
    let sms = postbox.sms_url();
    Server::with(&[
        ("SMS_PROVIDER", "http"),
        ("SMS_HTTP_URL", &sms),
        ("SMS_WEBHOOK_ADDRESSES", addresses),
        ("SMS_WEBHOOK_SECRET", SECRET),
        ("SMS_WEBHOOK_KEY", KEY),
    ])
    .await
}

#[tokio::test]
async fn a_genuine_report_is_taken_once() {
    let mut postbox = Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await;
    let server = server(&postbox, "127.0.0.0/8").await;
    let anna = server.anonymous().join("Anna").await;
    let ask = json!({"identifier": anna.uid, "channel": "sms"});
    server
        .anonymous()
        .post("/password/reset/request", &ask)
        .await
        .ok();
    let (_, message) = postbox.sms().await;
    let body = json!({"id": message["id"], "status": "delivered"}).to_string();
    let at = now();
    assert_eq!(
        genuine(&server, at, &body).await.ok(),
        json!({"status": "ok"})
    );
    // The very same call again is somebody who listened.
    genuine(&server, at, &body)
        .await
        .problem(ErrorCode::SignatureInvalid);
    let unknown = json!({"id": "0123456789abcdef", "status": "delivered"}).to_string();
    genuine(&server, at, &unknown)
        .await
        .problem(ErrorCode::NotFound);
    let nonsense = json!({"id": message["id"], "status": "eaten"}).to_string();
    assert_eq!(
        genuine(&server, at, &nonsense).await.refused_fields(),
        ["status"]
    );
    genuine(&server, at, "no JSON")
        .await
        .problem(ErrorCode::Malformed);
}

#[tokio::test]
async fn each_guard_refuses_by_itself() {
    let postbox = Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await;
    let here = server(&postbox, "127.0.0.0/8").await;
    let body = json!({"id": "0123456789abcdef", "status": "sent"}).to_string();
    let at = now();
    let good = sign(KEY, &at.to_string(), &body);
    for (secret, timestamp, signature, sent) in [
        ("another secret", at, good.clone(), body.clone()),
        ("", at, good.clone(), body.clone()),
        (SECRET, at, String::new(), body.clone()),
        (
            SECRET,
            at,
            sign("another key", &at.to_string(), &body),
            body.clone(),
        ),
        // The signature is of that moment and of that body.
        (SECRET, at + 1, good.clone(), body.clone()),
        (SECRET, at, good.clone(), body.replace("sent", "failed")),
        (
            SECRET,
            at - 301,
            sign(KEY, &(at - 301).to_string(), &body),
            body.clone(),
        ),
        (
            SECRET,
            at + 400,
            sign(KEY, &(at + 400).to_string(), &body),
            body.clone(),
        ),
    ] {
        let refused = report(&here, secret, timestamp, &signature, &sent).await;
        refused.problem(ErrorCode::SignatureInvalid);
    }
    let elsewhere = server(&postbox, "192.0.2.0/24").await;
    let refused = genuine(&elsewhere, at, &body).await;
    assert!(
        matches!(refused.status.as_u16(), 401 | 403),
        "{}",
        refused.status
    );
    let unset = Server::start().await;
    genuine(&unset, at, &body)
        .await
        .problem(ErrorCode::NotConfigured);
}
