//! The live connection against a server made of frames: what it sends, in which order, and what it gives to the
//! application.

use std::collections::BTreeMap;

use melo_domain::Timestamp;
use serde_json::json;

use super::bench::{NOW, anna, bench, boris, from_boris, log, next, next_body, signed};
use super::events::{Ended, Event};
use super::messages::{Body, Refusal};
use crate::crypto::envelope::EnvelopeError;
use crate::crypto::testing::log_of;

#[tokio::test]
async fn deliveries_are_given_once_and_acknowledged_together() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, cursors) = bench.accept_synced(&[]).await;
    assert_eq!(cursors, json!({}));
    assert!(matches!(next(&mut events).await, Event::Synced));
    peer.deliver(1, &from_boris(1, "one", log())).await;
    assert_eq!(next_body(&mut events).await, signed("one"));
    assert_eq!(peer.read("ack").await["seq"], 1);
    peer.deliver(1, &from_boris(1, "one", log())).await;
    assert_eq!(
        peer.read("ack").await["seq"],
        1,
        "what comes again is acknowledged again"
    );
    peer.deliver(2, &from_boris(2, "two", log())).await;
    assert_eq!(next_body(&mut events).await, signed("two"));
    assert_eq!(peer.read("ack").await["seq"], 2);
    live.close().await;
}

#[tokio::test]
async fn a_cut_connection_resumes_after_what_was_handled() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    peer.deliver(1, &from_boris(1, "one", log())).await;
    peer.read("ack").await;
    drop(peer);
    let (mut peer, cursors) = bench.accept_synced(&[(log(), 1)]).await;
    assert_eq!(cursors, json!(BTreeMap::from([(log(), 1)])));
    peer.deliver(2, &from_boris(2, "two", log())).await;
    peer.read("ack").await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let Event::Message(message) = next(&mut events).await {
            seen.push(message.body);
        }
    }
    assert_eq!(seen, [signed("one"), signed("two")]);
    live.close().await;
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_under_its_id() {
    let bench = bench().await;
    let (live, _events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let client_id = live.send(boris(), "hello").await.unwrap();
    let first = peer.read("relay").await;
    assert_eq!(first["client_id"], json!(client_id));
    drop(peer);
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let again = peer.read("relay").await;
    assert_eq!(
        (&again["client_id"], &again["payload"]),
        (&first["client_id"], &first["payload"])
    );
    peer.queued(&again["client_id"], 1).await;
    assert_eq!(peer.read("ack").await["seq"], 1);
    assert_eq!(bench.client.unsent(), 0);
    live.close().await;
}

#[tokio::test]
async fn what_the_server_has_already_is_not_sent_again() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    live.send(boris(), "first").await.unwrap();
    let first = peer.read("relay").await;
    drop(peer);
    let mut peer = bench.accept().await;
    peer.read("resume").await;
    peer.queued(&first["client_id"], 1).await;
    peer.synced(&[(log(), 1)]).await;
    peer.read("ack").await;
    let second = live.send(boris(), "second").await.unwrap();
    assert_eq!(peer.read("relay").await["client_id"], json!(second));
    let status = loop {
        if let Event::Status { client_id, seq, .. } = next(&mut events).await {
            break (client_id, seq);
        }
    };
    assert_eq!((json!(status.0), status.1), (first["client_id"].clone(), 1));
    live.close().await;
}

#[tokio::test]
async fn an_overtaking_answer_does_not_hide_a_delivery() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[(log(), 4)]).await;
    live.send(boris(), "mine").await.unwrap();
    let mine = peer.read("relay").await;
    peer.queued(&mine["client_id"], 6).await;
    assert_eq!(peer.read("ack").await["seq"], 4, "5 is missing");
    peer.deliver(5, &from_boris(5, "five", log())).await;
    assert_eq!(peer.read("ack").await["seq"], 6);
    assert!(matches!(next(&mut events).await, Event::Synced));
    assert!(matches!(
        next(&mut events).await,
        Event::Status { seq: 6, .. }
    ));
    assert_eq!(next_body(&mut events).await, signed("five"));
    live.close().await;
}

#[tokio::test]
async fn replays_and_foreign_envelopes_are_refused() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    let one = from_boris(1, "one", log());
    peer.deliver(1, &one).await;
    assert_eq!(next_body(&mut events).await, signed("one"));
    peer.deliver(2, &one).await;
    assert_eq!(
        next_body(&mut events).await,
        Body::Refused(Refusal::Replayed)
    );
    peer.deliver(3, &from_boris(3, "elsewhere", log_of(78)))
        .await;
    let foreign = Body::Refused(Refusal::Envelope(EnvelopeError::BadSignature));
    assert_eq!(next_body(&mut events).await, foreign);
    while peer.read("ack").await["seq"] != 3 {}
    live.close().await;
}

#[tokio::test]
async fn a_refusal_takes_the_message_out_of_the_outbox() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    let client_id = live.send(boris(), "hello").await.unwrap();
    peer.read("relay").await;
    let error = melo_protocol::frame::ErrorFrame::new(
        melo_protocol::ErrorCode::NotAContact,
        "no",
        Some(client_id),
    );
    peer.send(error).await;
    assert!(matches!(next(&mut events).await, Event::Synced));
    assert!(
        matches!(next(&mut events).await, Event::SendFailed { client_id: id, .. } if id == client_id)
    );
    assert_eq!(bench.client.unsent(), 0);
    live.close().await;
}

#[tokio::test]
async fn a_rate_limit_does_not_change_the_order() {
    let bench = bench().await;
    let (live, _events) = bench.client.live();
    let (mut peer, _) = bench.accept_synced(&[]).await;
    for text in ["first", "second"] {
        live.send(boris(), text).await.unwrap();
    }
    let first = peer.read("relay").await;
    let refused = json!({
        "type": "msg_status", "status": "rate_limited", "client_id": first["client_id"], "retry_after": 0,
        "at": Timestamp::from_millis(NOW), "from": anna(), "to": boris(),
    });
    peer.send(refused).await;
    assert_eq!(peer.read("relay").await["client_id"], first["client_id"]);
    peer.queued(&first["client_id"], 1).await;
    assert_eq!(peer.read("ack").await["seq"], 1);
    assert_ne!(peer.read("relay").await["client_id"], first["client_id"]);
    live.close().await;
}

#[tokio::test]
async fn close_codes_say_whether_to_come_back() {
    let bench = bench().await;
    let (live, mut events) = bench.client.live();
    let (peer, _) = bench.accept_synced(&[]).await;
    peer.close(4100, "0").await;
    let (peer, _) = bench.accept_synced(&[]).await;
    peer.close(4001, "session revoked").await;
    let ended = loop {
        if let Event::Ended(ended) = next(&mut events).await {
            break ended;
        }
    };
    assert!(matches!(ended, Ended::Refused { code: 4001, .. }));
    assert!(events.next().await.is_none());
    live.close().await;
}
