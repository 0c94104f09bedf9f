//! `Idempotency-Key`: what creates something is done once, however often it is sent.

use std::time::Duration;

use melo_protocol::ErrorCode;
use melo_tests::{Answer, Call, Chat, Device, Fields, Server, befriend, unique};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

fn call(device: &Device, path: &str, body: &Value, key: Uuid) -> Call {
    let call = device.call(Method::POST, path).json(body);
    call.header("idempotency-key", &key.to_string())
}

async fn post(device: &Device, path: &str, body: &Value, key: Uuid) -> Answer {
    call(device, path, body, key).send().await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

fn choir(n: usize) -> Value {
    json!({"name": format!("Choir {n}"), "type": "chat", "members": []})
}

async fn chats(device: &Device) -> usize {
    let listed = device.get("/chats/list?per_page=100").await.ok();
    listed.list("chats").len()
}

#[tokio::test]
async fn a_call_with_a_key_is_made_once_and_answered_again() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let key = unique::client_id();
    let first = post(&anna, "/chats/create", &choir(1), key).await;
    assert!(!is_replayed(&first));
    for _ in 0..3 {
        let again = post(&anna, "/chats/create", &choir(1), key).await;
        assert!(is_replayed(&again));
        assert_eq!(again.ok(), first.ok());
    }
    assert_eq!(chats(&anna).await, 1);

    // The key is of this call alone, and of this device.
    let other = post(&anna, "/chats/create", &choir(2), key).await;
    other.problem(ErrorCode::IdempotencyKeyReused);
    assert_eq!(other.status, 422);
    let elsewhere = post(&anna, "/invites/create", &choir(1), key).await;
    elsewhere.problem(ErrorCode::IdempotencyKeyReused);
    let boriss = post(&boris, "/chats/create", &choir(1), key).await;
    assert!(!is_replayed(&boriss) && boriss.ok()["chat_id"] != first.ok()["chat_id"]);
    let new = post(&anna, "/chats/create", &choir(1), unique::client_id()).await;
    assert_ne!(new.ok()["chat_id"], first.ok()["chat_id"]);
    anna.post("/chats/create", &choir(1)).await.ok();
    assert_eq!(chats(&anna).await, 3);

    // Nobody else gets the answer by knowing the key.
    let nobody = Device {
        token: "nonsense".to_owned(),
        ..anna.clone()
    };
    let refused = post(&nobody, "/chats/create", &choir(1), key).await;
    refused.problem(ErrorCode::InvalidToken);
    let bad = anna.call(Method::POST, "/chats/create").json(&choir(1));
    let bad = bad.header("idempotency-key", "not a UUID").send().await;
    assert_eq!(bad.refused_fields(), ["Idempotency-Key"]);
}

#[tokio::test]
async fn what_was_refused_leaves_the_key_free() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let key = unique::client_id();
    let bad = json!({"name": "", "type": "chat", "members": []});
    let refused = post(&anna, "/chats/create", &bad, key).await;
    assert_eq!(refused.refused_fields(), ["name"]);
    let malformed = call(&anna, "/chats/create", &json!([]), key).send().await;
    malformed.problem(ErrorCode::Malformed);
    let made = post(&anna, "/chats/create", &choir(1), key).await;
    assert!(!is_replayed(&made));
    made.ok();
}

#[tokio::test]
async fn of_many_at_once_one_creates() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let key = unique::client_id();
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let anna = anna.clone();
        tries.spawn(async move { post(&anna, "/chats/create", &choir(1), key).await });
    }
    let answers = tries.join_all().await;
    let (done, early): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status.is_success());
    let made = done.iter().filter(|answer| !is_replayed(answer)).count();
    assert_eq!(made, 1);
    for answer in &done {
        assert_eq!(answer.ok(), done[0].ok());
    }
    for answer in early {
        answer.problem(ErrorCode::IdempotencyInFlight);
        assert_eq!(answer.status, 409);
    }
    assert_eq!(chats(&anna).await, 1);
}

#[tokio::test]
async fn who_hung_up_before_the_answer_sends_again_and_has_it_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    for n in 0..12 {
        let key = unique::client_id();
        let (path, body) = ("/chats/create", choir(n));
        // Sooner or later in the middle of it; the answer, if there is one, is not read.
        let first = call(&anna, path, &body, key).try_send();
        let within = Duration::from_millis(u64::try_from(n).unwrap() * 3);
        let _ = tokio::time::timeout(within, first).await;
        let answer = loop {
            let answer = post(&anna, path, &body, key).await;
            if answer.status != 409 {
                break answer;
            }
        };
        answer.ok();
        assert_eq!(chats(&anna).await, n + 1);
    }
}

#[tokio::test]
async fn every_call_that_creates_something_takes_a_key() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&anna.uid, "admin");
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let dora = server.anonymous().join("Dora").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[]).await;
    let of_chat = |more: Value| {
        let mut body = more;
        body["chat_id"] = json!(chat.0);
        body
    };
    let code = chat.invite(&anna, json!({})).await;
    let by_request = json!({"by_request": true});
    for (who, path, body) in [
        (&anna, "/invites/create", of_chat(json!({}))),
        (
            &anna,
            "/chats/members/add",
            of_chat(json!({"user_unique_id": boris.uid})),
        ),
        (
            &anna,
            "/chats/members/add",
            of_chat(json!({"user_unique_id": clara.uid})),
        ),
        (&clara, "/chats/invitations/accept", of_chat(json!({}))),
        (&dora, "/invites/join", json!({"code": code})),
        (
            &anna,
            "/chats/bans/add",
            of_chat(json!({"user_unique_id": boris.uid})),
        ),
        (
            &clara,
            "/subscribe",
            json!({"target_id": dora.uid, "csrf_token": clara.csrf}),
        ),
        (
            &dora,
            "/confirm_subscribe",
            json!({"target_id": clara.uid, "csrf_token": dora.csrf}),
        ),
        (
            &anna,
            "/tokens",
            json!({"name": "bot", "scopes": ["chat:read"]}),
        ),
        (
            &anna,
            "/admin/invites",
            json!({"uses": 1, "ttl_minutes": 60}),
        ),
        (
            &anna,
            "/admin/bans",
            json!({"kind": "address", "value": "203.0.113.7"}),
        ),
    ] {
        let key = unique::client_id();
        let first = post(who, path, &body, key).await;
        let again = post(who, path, &body, key).await;
        assert_eq!(again.ok(), first.ok(), "{path}");
        assert!(!is_replayed(&first) && is_replayed(&again), "{path}");
    }
    // Who asks to be let in, and is.
    anna.put(&chat.path(""), &by_request).await.ok();
    let eva = server.anonymous().join("Eva").await;
    let join = json!({"code": code});
    eva.post("/invites/join", &join).await;
    let approve = of_chat(json!({"user_unique_id": eva.uid}));
    let key = unique::client_id();
    let first = post(&anna, "/chats/requests/approve", &approve, key).await;
    let again = post(&anna, "/chats/requests/approve", &approve, key).await;
    assert_eq!(again.ok(), first.ok());
}
