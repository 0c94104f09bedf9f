//! Keys of a chat follow its members and their devices.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use melo_domain::{Clock, SystemClock};
use melo_protocol::ErrorCode;
use melo_tests::keys::{DeviceKeys, envelope, signing_key};
use melo_tests::{Answer, Chat, Device, Server, befriend, unique};
use serde_json::{Value, json};

/// A key of a chat, by its name.
#[derive(Debug, Clone)]
struct ChatKey(String);

impl ChatKey {
    fn new() -> Self {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&unique::number().to_be_bytes());
        Self(URL_SAFE_NO_PAD.encode(name))
    }

    /// The key, wrapped for these devices.
    async fn share(&self, chat: Chat, by: &Device, kids: &[&str]) -> Answer {
        let mut payload = envelope(by, kids);
        payload["key_ref"] = json!(self.0);
        chat.ask(by, "/chats/keys", json!({ "payload": payload }))
            .await
    }

    /// A message sealed under it.
    async fn say(&self, chat: Chat, by: &Device) -> Answer {
        let mut data = envelope(by, &[]);
        data.as_object_mut().unwrap().remove("keys");
        data["key_ref"] = json!(self.0);
        chat.ask(by, "/messages/send", json!({ "data": data }))
            .await
    }
}

/// Publishes a device's keys, and returns the name of the one for encryption.
async fn publish(device: &Device, rsa: usize, identity: &SigningKey) -> String {
    let keys = DeviceKeys::new(rsa, identity);
    device.post("/keys", &keys.publication(device)).await.ok();
    keys.kid()
}

#[tokio::test]
async fn a_key_is_good_until_somebody_is_gone_and_for_whom_it_reaches() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let identity = signing_key();
    let annas = publish(&anna, 0, &signing_key()).await;
    let boriss = publish(&boris, 1, &signing_key()).await;
    let claras = publish(&clara, 2, &identity).await;
    let chat = Chat::group(&anna, &[&boris]).await;

    let key = ChatKey::new();
    key.say(chat, &anna).await.problem(ErrorCode::StaleKey);
    key.share(chat, &clara, &[&annas])
        .await
        .problem(ErrorCode::NotAMember);
    let refused = key.share(chat, &anna, &[&annas, &claras]).await;
    let extra = refused.problem(ErrorCode::DeviceMismatch).extra;
    assert_eq!(extra, std::slice::from_ref(&claras), "she is not in it");
    key.share(chat, &anna, &[&annas]).await.ok();
    let refused = key.say(chat, &anna).await;
    let missing = refused.problem(ErrorCode::DeviceMismatch).missing;
    assert_eq!(missing, std::slice::from_ref(&boriss));
    key.share(chat, &anna, &[&boriss]).await.ok();
    key.say(chat, &anna).await.ok();
    key.say(chat, &boris).await.ok();

    // A new member's device is missing; with it, the key goes on.
    chat.post(&anna, "/chats/members/add", &clara).await.ok();
    let refused = key.say(chat, &boris).await;
    let missing = refused.problem(ErrorCode::DeviceMismatch).missing;
    assert_eq!(missing, std::slice::from_ref(&claras));
    key.share(chat, &boris, &[&claras]).await.ok();
    key.say(chat, &clara).await.ok();

    // A member gone, and a member's device gone, each end a key.
    let everybody: Vec<&str> = vec![&annas, &boriss, &claras];
    chat.ask(&boris, "/chats/leave", Value::Null).await.ok();
    key.say(chat, &anna).await.problem(ErrorCode::StaleKey);
    let next = ChatKey::new();
    let refused = next.share(chat, &anna, &everybody).await;
    let extra = refused.problem(ErrorCode::DeviceMismatch).extra;
    assert_eq!(extra, std::slice::from_ref(&boriss));
    next.share(chat, &anna, &[&annas, &claras]).await.ok();
    next.say(chat, &anna).await.ok();
    clara.delete(&format!("/keys/{}", clara.handle)).await.ok();
    next.say(chat, &anna).await.problem(ErrorCode::StaleKey);
    let last = ChatKey::new();
    last.share(chat, &anna, &[&annas]).await.ok();
    last.say(chat, &anna).await.ok();
    // Another device asks for more of the key, and does not end it.
    let again = publish(&clara, 3, &identity).await;
    let refused = last.say(chat, &anna).await;
    let missing = refused.problem(ErrorCode::DeviceMismatch).missing;
    assert_eq!(missing, [again]);
}

#[tokio::test]
async fn what_was_scheduled_under_a_key_that_a_removal_ended_is_not_sent() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let annas = publish(&anna, 0, &signing_key()).await;
    let boriss = publish(&boris, 1, &signing_key()).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let key = ChatKey::new();
    key.share(chat, &anna, &[&annas, &boriss]).await.ok();
    let mut socket = anna.settled().await;
    let mut data = envelope(&anna, &[]);
    data.as_object_mut().unwrap().remove("keys");
    data["key_ref"] = json!(key.0);
    let soon = SystemClock.now().plus(Duration::from_millis(1500));
    let body = json!({"data": data, "when": soon.to_string()});
    let scheduled = chat.ask(&anna, "/schedule/message", body).await.ok();
    chat.post(&anna, "/chats/members/remove", &boris).await.ok();
    socket.expect_frame("member_left").await;
    let failed = socket.expect_frame("schedule_failed").await;
    assert_eq!(failed["schedule_id"], scheduled["schedule_id"]);
    assert_eq!(failed["code"], "stale_key");
    let history = anna
        .get(&format!("/messages/history/chat/{}", chat.0))
        .await;
    assert_eq!(history.ok()["total"], 0);
    assert_eq!(anna.get("/schedule").await.ok()["schedules"], json!([]));
}
