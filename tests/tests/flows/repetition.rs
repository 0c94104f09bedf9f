//! What was stored and whose answer was lost gets that answer when it comes again, whatever has changed since.

use melo_protocol::ErrorCode;
use melo_tests::{Chat, Device, Server, Socket, befriend, unique};
use serde_json::{Value, json};
use uuid::Uuid;

/// Sends a frame and gives what it was answered with.
async fn ask(socket: &mut Socket, frame: &Value) -> Value {
    socket.send(frame).await;
    socket.expect_frame("msg_status").await
}

fn to_chat(chat: Chat, text: &str, id: Uuid) -> Value {
    json!({"type": "relay", "chat_id": chat.0, "payload": text, "client_id": id})
}

async fn three() -> (Server, Device, Device, Device) {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let vera = server.anonymous().join("Vera").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &vera).await;
    (server, anna, boris, vera)
}

#[tokio::test]
async fn a_message_of_somebody_who_was_taken_out_since() {
    let (_server, anna, boris, vera) = three().await;
    let chat = Chat::group(&anna, &[&boris, &vera]).await;
    let mut boriss = boris.settled().await;
    let (message, edit) = (unique::client_id(), unique::client_id());
    let frame = to_chat(chat, "the last word", message);
    let first = ask(&mut boriss, &frame).await;
    let change = json!({
        "type": "edit", "chat_id": chat.0, "message_id": first["message_id"], "payload": "the very last word",
        "client_id": edit,
    });
    let changed = ask(&mut boriss, &change).await;
    chat.post(&anna, "/chats/members/remove", &boris).await.ok();
    drop(boriss);

    let (mut boriss, _) = boris.catch_up().await;
    assert_eq!(ask(&mut boriss, &frame).await, first);
    assert_eq!(ask(&mut boriss, &change).await, changed);
    let body = json!({"chat_id": chat.0, "data": "the last word", "client_id": message});
    let over_rest = boris.post("/messages/send", &body).await.ok();
    assert_eq!(over_rest["message_id"], first["message_id"]);
    assert_eq!(over_rest["seq"], first["seq"]);
    assert!(
        over_rest.get("recipients").is_none(),
        "how many there are is theirs: {over_rest}"
    );

    // Something new is refused, and so is the same id for another conversation.
    boriss
        .send(&to_chat(chat, "more", unique::client_id()))
        .await;
    boriss.expect_error("not_a_member").await;
    let other = Chat::group(&anna, &[&vera]).await;
    boriss.send(&to_chat(other, "elsewhere", message)).await;
    boriss.expect_error("not_a_member").await;
    let aside =
        json!({"type": "relay", "target": vera.uid, "payload": "aside", "client_id": message});
    boriss.send(&aside).await;
    boriss.expect_error("not_a_contact").await;
    let (_, missed) = vera.catch_up().await;
    let words = missed
        .iter()
        .filter(|frame| frame["type"] == "relay_delivery");
    assert_eq!(words.count(), 1, "delivered once");
}

#[tokio::test]
async fn a_message_to_somebody_who_is_no_contact_any_more() {
    let (_server, anna, boris, _) = three().await;
    let mut boriss = boris.settled().await;
    let frame = json!({"type": "relay", "target": anna.uid, "payload": "hi", "client_id": unique::client_id()});
    let first = ask(&mut boriss, &frame).await;
    anna.post("/blocks", &json!({"user_id": boris.uid}))
        .await
        .ok();
    assert_eq!(ask(&mut boriss, &frame).await, first);
    boriss.relay(&anna.uid, &json!("more")).await;
    boriss.expect_error("not_a_contact").await;
}

#[tokio::test]
async fn a_message_in_slow_mode() {
    let (_server, anna, boris, _) = three().await;
    let chat = Chat::group(&anna, &[&boris]).await;
    chat.ask(&anna, "/chats/set_slow_mode", json!({"seconds": 60}))
        .await
        .ok();
    let mut boriss = boris.settled().await;
    let frame = to_chat(chat, "slowly", unique::client_id());
    let first = ask(&mut boriss, &frame).await;
    assert_eq!(ask(&mut boriss, &frame).await, first);
    let body = json!({"chat_id": chat.0, "data": "faster"});
    let refused = boris.post("/messages/send", &body).await;
    refused.problem(ErrorCode::SlowMode);
}
