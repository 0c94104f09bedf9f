//! Chats on the live connection, against a server made of frames.

use melo_domain::{ChatId, ChatRole, Clock as _, LogId, MessageId, Seq, SystemClock, Uid};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bench::{Bench, Peer, anna, bench, boris, from_boris, log, next};
use super::changes::Changed;
use super::events::{ChatNews, Event};
use super::live::Events;
use super::messages::{Body, Proof, Refusal};
use crate::crypto::chat_key::{ChatKey, ChatKeyError, KeyEnvelope};
use crate::crypto::chat_message::ChatEnvelope;
use crate::crypto::content::Content;
use crate::crypto::envelope::{Context, EnvelopeError};
use crate::crypto::testing::{device_of, log_of, person};
use crate::keystore::{ChatKind, KnownChat, NewKey, Role, Target};

/// The chat.
fn chat() -> LogId {
    log_of(555)
}

fn key(n: u8) -> ChatKey {
    ChatKey::from_bytes([n; 32])
}

fn at(seq: Seq) -> MessageId {
    MessageId { log: chat(), seq }
}

/// Anna and Boris are in the chat, and Anna's device knows that.
async fn chatting() -> Bench {
    let bench = bench().await;
    let role = Role(ChatRole::Member);
    let mut known = KnownChat::new("Walks".to_owned(), ChatKind::Group, Some(role));
    known.members.extend([(anna(), role), (boris(), role)]);
    bench.client.inner.state().chats.insert(chat(), known);
    bench
}

fn context(id: u128, log: LogId) -> Context {
    Context {
        log,
        uid: boris(),
        device: device_of(2),
        id: Uuid::from_u128(id),
    }
}

/// A frame from Boris's device.
fn frame(kind: &str, seq: Seq, more: &Value) -> Value {
    let mut frame = json!({
        "type": kind, "from": boris(), "device": device_of(2), "log": chat(), "seq": seq, "chat_id": ChatId(chat()),
        "at": SystemClock.now(), "event_id": at(seq), "message_id": at(seq),
    });
    for (name, value) in more.as_object().unwrap() {
        frame[name] = value.clone();
    }
    frame
}

/// Boris hands out a key.
fn handed_out(id: u128, n: u8, seq: Seq, log: LogId) -> Value {
    let anna = person(1);
    let recipients = [anna.encryption.public()];
    let envelope =
        KeyEnvelope::seal(&context(id, log), &key(n), recipients, &person(2).signing).unwrap();
    frame("chat_key", seq, &json!({ "payload": envelope }))
}

fn sealed(id: u128, content: &Content, n: u8) -> ChatEnvelope {
    ChatEnvelope::seal(&context(id, chat()), content, &key(n), &person(2).signing).unwrap()
}

/// Boris writes.
fn written(id: u128, text: &str, n: u8, seq: Seq) -> Value {
    let payload = sealed(id, &Content::Text(text.into()), n);
    frame("relay_delivery", seq, &json!({ "payload": payload }))
}

fn notice(kind: &str, seq: Seq, user: Uid, how: &str) -> Value {
    frame(
        kind,
        seq,
        &json!({"user_id": user, "by": boris(), "how": how, "role": "member"}),
    )
}

fn says(text: &str) -> Body {
    Body::Text {
        written: text.into(),
        proof: Proof::Signed,
    }
}

async fn next_body(events: &mut Events) -> Body {
    match next(events).await {
        Event::Message(message) => {
            assert_eq!((message.chat, message.peer), (Some(chat()), None));
            message.body
        }
        other => panic!("not a message: {other:?}"),
    }
}

async fn next_change(events: &mut Events) -> (MessageId, Changed) {
    match next(events).await {
        Event::Change(change) => (change.message, change.what),
        other => panic!("not a change: {other:?}"),
    }
}

async fn next_news(events: &mut Events) -> ChatNews {
    match next(events).await {
        Event::Chat(event) => event.news,
        other => panic!("no news: {other:?}"),
    }
}

async fn ack_of(peer: &mut Peer, seq: Seq) {
    while peer.read("ack").await["seq"] != seq {}
}

fn usable(bench: &Bench) -> Option<ChatKey> {
    let state = bench.client.inner.state();
    let known = state.chats.get(&chat())?;
    known.usable(SystemClock.now()).map(|(_, key)| key)
}

#[tokio::test]
async fn a_chat_is_read_from_its_first_event_on() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(handed_out(1, 1, 41, chat())).await;
    peer.send(written(2, "hello", 1, 42)).await;
    assert_eq!(next_body(&mut events).await, says("hello"));
    ack_of(&mut peer, 42).await;
    peer.send(written(2, "hello", 1, 42)).await;
    peer.send(written(3, "again", 1, 43)).await;
    assert_eq!(next_body(&mut events).await, says("again"));
    ack_of(&mut peer, 43).await;
    assert_eq!(usable(&bench), Some(key(1)));
    live.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_yet_is_told_and_read_when_its_key_comes() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(written(2, "early", 1, 5)).await;
    assert_eq!(next_body(&mut events).await, Body::Refused(Refusal::NoKey));
    ack_of(&mut peer, 5).await;
    peer.send(handed_out(1, 1, 6, chat())).await;
    let Event::NowReadable(message) = next(&mut events).await else {
        panic!("still not readable");
    };
    assert_eq!((message.id, message.body), (at(5), says("early")));
    live.close().await;
}

#[tokio::test]
async fn keys_are_not_taken_on_trust() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    let refused = |refusal| ChatNews::KeyRefused {
        from: boris(),
        refusal,
    };
    // Made for another chat.
    peer.send(handed_out(1, 1, 1, log_of(556))).await;
    let bad_signature = Refusal::ChatKey(ChatKeyError::BadSignature);
    assert_eq!(next_news(&mut events).await, refused(bad_signature));
    // Said to be from another device than made it.
    let mut moved = handed_out(2, 1, 2, chat());
    moved["from"] = json!(anna());
    moved["device"] = json!(device_of(1));
    peer.send(moved).await;
    let other_device = Refusal::ChatKey(ChatKeyError::OtherDevice);
    let expected = ChatNews::KeyRefused {
        from: anna(),
        refusal: other_device,
    };
    assert_eq!(next_news(&mut events).await, expected);
    // The same once more is a replay.
    peer.send(handed_out(3, 1, 3, chat())).await;
    peer.send(handed_out(3, 1, 4, chat())).await;
    assert_eq!(next_news(&mut events).await, refused(Refusal::Replayed));
    assert_eq!(usable(&bench), Some(key(1)));
    live.close().await;
}

#[tokio::test]
async fn nothing_is_written_under_a_key_from_before_somebody_left() {
    let bench = chatting().await;
    let cora = Uid::from_random(3);
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(handed_out(1, 1, 1, chat())).await;
    peer.send(notice("member_joined", 2, cora, "added")).await;
    assert!(matches!(
        next_news(&mut events).await,
        ChatNews::Joined { user, .. } if user == cora
    ));
    assert_eq!(usable(&bench), Some(key(1)));
    peer.send(notice("member_left", 3, cora, "removed")).await;
    assert!(matches!(
        next_news(&mut events).await,
        ChatNews::Left { user, .. } if user == cora
    ));
    assert_eq!(usable(&bench), None);
    peer.send(written(2, "late", 1, 4)).await;
    assert_eq!(next_body(&mut events).await, says("late"), "still read");
    // The server sends the old key once more: it does not get any younger by that.
    peer.send(handed_out(3, 1, 5, chat())).await;
    peer.send(handed_out(4, 2, 6, chat())).await;
    ack_of(&mut peer, 6).await;
    assert_eq!(usable(&bench), Some(key(2)));
    live.close().await;
}

#[tokio::test]
async fn a_key_of_somebody_outside_is_not_written_under() {
    let bench = chatting().await;
    {
        let mut state = bench.client.inner.state();
        state
            .chats
            .get_mut(&chat())
            .unwrap()
            .members
            .remove(&boris());
    }
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(handed_out(1, 1, 1, chat())).await;
    peer.send(written(2, "hello", 1, 2)).await;
    assert_eq!(next_body(&mut events).await, says("hello"));
    assert_eq!(usable(&bench), None);
    live.close().await;
}

#[tokio::test]
async fn changes_count_only_for_the_message_they_were_made_for() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(handed_out(1, 1, 1, chat())).await;
    peer.send(written(2, "helo", 1, 2)).await;
    assert_eq!(next_body(&mut events).await, says("helo"));
    let (message, written) = (at(2), "hello".into());
    let edit = sealed(3, &Content::Edit { message, written }, 1);
    let send = |kind: &str, seq, message: MessageId, payload: &ChatEnvelope| {
        frame(
            kind,
            seq,
            &json!({"message_id": message, "payload": payload}),
        )
    };
    peer.send(send("edit", 3, at(2), &edit)).await;
    let edited = Changed::Edited(says("hello"));
    assert_eq!(next_change(&mut events).await, (at(2), edited));
    peer.send(send("edit", 4, at(1), &edit)).await;
    let replayed = Changed::Refused(Refusal::Replayed);
    assert_eq!(next_change(&mut events).await, (at(1), replayed));
    let elsewhere = Content::Reaction {
        message: at(1),
        reaction: "👍".to_owned(),
    };
    let elsewhere = sealed(4, &elsewhere, 1);
    peer.send(send("react", 5, at(2), &elsewhere)).await;
    let other = Changed::Refused(Refusal::OtherMessage);
    assert_eq!(next_change(&mut events).await, (at(2), other));
    let message = at(2);
    let reaction = "👍".to_owned();
    let good = sealed(5, &Content::Reaction { message, reaction }, 1);
    peer.send(send("react", 6, at(2), &good)).await;
    let reacted = Changed::Reacted {
        reaction: "👍".to_owned(),
        proof: Proof::Signed,
    };
    assert_eq!(next_change(&mut events).await, (at(2), reacted));
    let pin = json!({"message_id": at(2), "pinned": true});
    peer.send(frame("pin", 7, &pin)).await;
    assert_eq!(
        next_change(&mut events).await,
        (at(2), Changed::Pinned(true))
    );
    peer.send(frame("delete", 8, &json!({"message_id": at(2)})))
        .await;
    assert_eq!(next_change(&mut events).await, (at(2), Changed::Deleted));
    ack_of(&mut peer, 8).await;
    live.close().await;
}

#[tokio::test]
async fn damaged_and_foreign_messages_are_refused() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(handed_out(1, 1, 1, chat())).await;
    let refused = |error| Body::Refused(Refusal::Envelope(error));
    let mut damaged = written(2, "hello", 1, 2);
    damaged["payload"]["iv"] = json!("AAAAAAAAAAAAAAAA");
    peer.send(damaged).await;
    assert_eq!(
        next_body(&mut events).await,
        refused(EnvelopeError::BadSignature)
    );
    let mut moved = written(3, "hello", 1, 3);
    moved["from"] = json!(anna());
    moved["device"] = json!(device_of(1));
    peer.send(moved).await;
    assert_eq!(
        next_body(&mut events).await,
        refused(EnvelopeError::OtherDevice)
    );
    let mut unnamed = written(4, "hello", 1, 4);
    unnamed["payload"]
        .as_object_mut()
        .unwrap()
        .remove("key_ref");
    unnamed["payload"]["keys"] = json!({});
    peer.send(unnamed).await;
    assert_eq!(
        next_body(&mut events).await,
        refused(EnvelopeError::NoKeyRef)
    );
    live.close().await;
}

#[tokio::test]
async fn what_is_written_goes_out_under_the_chats_key() {
    let bench = chatting().await;
    {
        let mut state = bench.client.inner.state();
        let new = NewKey {
            key: key(1),
            seq: 3,
            at: SystemClock.now(),
            trusted: true,
        };
        state.chats.get_mut(&chat()).unwrap().learn(chat(), &new);
    }
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[(chat(), 3)]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    let id = live.send(Target::chat(chat()), "hello").await.unwrap();
    let relay = peer.read("relay").await;
    assert_eq!(relay["chat_id"], json!(ChatId(chat())));
    assert_eq!(relay["target"], Value::Null);
    let envelope = ChatEnvelope::parse(&relay["payload"].to_string()).unwrap();
    assert_eq!(envelope.key_ref(), key(1).key_ref(chat()));
    peer.send(json!({
        "type": "msg_status", "status": "queued", "message_id": at(4), "client_id": id, "log": chat(), "seq": 4,
        "at": SystemClock.now(), "from": anna(), "to": anna(), "chat_id": ChatId(chat()),
    }))
    .await;
    assert!(matches!(
        next(&mut events).await,
        Event::Status { chat: Some(log), seq: 4, .. } if log == chat()
    ));
    ack_of(&mut peer, 4).await;
    let deleted = live.delete(Target::chat(chat()), at(4)).await.unwrap();
    let delete = peer.read("delete").await;
    assert_eq!(delete["client_id"], json!(deleted));
    assert_eq!(delete["message_id"], json!(at(4)));
    assert_eq!(delete["payload"], Value::Null);
    live.close().await;
}

#[tokio::test]
async fn who_is_out_starts_anew_when_they_come_back() {
    let bench = chatting().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[(chat(), 9)]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.send(notice("member_left", 10, anna(), "removed"))
        .await;
    assert!(matches!(
        next_news(&mut events).await,
        ChatNews::Left { user, .. } if user == anna()
    ));
    peer.deliver(1, &from_boris(1, "one", log())).await;
    let ack = peer.read("ack").await;
    assert_eq!(ack["log"], json!(log()), "and nothing of the chat");
    let state = bench.client.inner.state().clone();
    assert!(!state.cursors.contains_key(&chat()));
    assert_eq!(state.chats[&chat()].role, None);
    live.close().await;
}
