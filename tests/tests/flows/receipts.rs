//! Acknowledgements and what becomes of them: receipts for the sender, a position for the device.

use std::collections::BTreeMap;

use melo_tests::{Chat, Fields, Server, Socket, assert_shape, befriend};
use serde_json::{Value, json};

const RECEIPT: &str = "message_id:uuid status:text log:log seq:number at:time from:uid to:uid";

async fn expect_receipt(socket: &mut Socket, status: &str, queued: &Value) {
    let receipt = socket.receipt().await;
    assert_shape(&receipt, RECEIPT);
    assert_eq!(receipt["status"], status, "{receipt}");
    for field in ["message_id", "log", "seq", "from", "to"] {
        assert_eq!(receipt[field], queued[field], "{field} of {receipt}");
    }
}

/// That neither a frame nor a receipt is under way.
async fn assert_nothing(socket: &mut Socket) {
    assert_eq!(socket.barrier().await, [Value::Null; 0]);
    assert_eq!(socket.receipts(), [Value::Null; 0]);
}

#[tokio::test]
async fn the_sender_learns_that_it_was_delivered_and_read() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let mut tablet = anna.user.login_new().await.settled().await;

    // One by one, as existing clients do, who name the sender as `other`.
    let first = annas.say(&boris.uid, &json!("one")).await;
    tablet.expect_frame("relay_delivery").await;
    let delivery = boriss.expect_frame("relay_delivery").await;
    for (kind, status) in [("ack_received", "delivered"), ("ack_read", "read")] {
        let ack = json!({"type": kind, "message_id": delivery["message_id"], "other": anna.uid});
        boriss.send(&ack).await;
        expect_receipt(&mut annas, status, &first).await;
        expect_receipt(&mut tablet, status, &first).await;
        // Once more is no news.
        boriss.send(&ack).await;
        for socket in [&mut boriss, &mut annas, &mut tablet] {
            assert_nothing(socket).await;
        }
    }

    // Cumulative: the last one speaks for all before it.
    let mut last = Value::Null;
    for n in 2..=5 {
        last = annas.say(&boris.uid, &json!(format!("{n}"))).await;
        tablet.expect_frame("relay_delivery").await;
        boriss.expect_frame("relay_delivery").await;
    }
    boriss.ack(&log, 5).await;
    expect_receipt(&mut annas, "delivered", &last).await;
    boriss.ack(&log, 3).await;
    // An older position is no error, and no news.
    assert_nothing(&mut boriss).await;
    assert_nothing(&mut annas).await;
    boriss
        .send(&json!({"type": "ack_read", "message_id": last["message_id"]}))
        .await;
    expect_receipt(&mut annas, "read", &last).await;
}

#[tokio::test]
async fn only_what_was_sent_to_a_device_can_be_acknowledged() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let log = befriend(&anna, &boris).await;
    befriend(&boris, &clara).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let mut claras = clara.settled().await;
    let queued = annas.say(&boris.uid, &json!("for Boris")).await;
    boriss.expect_frame("relay_delivery").await;

    // Beyond the end.
    boriss.ack(&log, 2).await;
    boriss.expect_error("validation_failed").await;
    boriss.ack(&log, u64::MAX).await;
    boriss.expect_error("validation_failed").await;
    // Somebody else's conversation, or none at all.
    claras.ack(&log, 1).await;
    claras.expect_error("not_found").await;
    claras
        .send(&json!({"type": "ack_read", "message_id": queued["message_id"], "other": anna.uid}))
        .await;
    claras.expect_error("not_found").await;
    claras.ack("9007199254740991", 1).await;
    claras.expect_error("not_found").await;
    claras.resume(&BTreeMap::from([(log.clone(), 0)])).await;
    assert_eq!(
        claras.until("synced").await,
        [Value::Null; 0],
        "passed over"
    );
    assert_nothing(&mut claras).await;
    // Nobody has received it.
    assert_nothing(&mut annas).await;
}

#[tokio::test]
async fn acknowledged_messages_do_not_come_again() {
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    for n in 1..=6 {
        annas.say(&boris.uid, &json!(n.to_string())).await;
        boriss.expect_frame("relay_delivery").await;
    }
    boriss.ack(&log, 4).await;
    boriss.barrier().await;
    drop(boriss);

    // A connection's first acknowledgement says that it will make them itself, so that answers to pings do
    // not count.
    let catch_up = async || {
        let mut socket = boris.connect().await;
        socket.ack(&log, 0).await;
        let missed = socket.until("synced").await;
        let seqs: Vec<u64> = missed.iter().map(|f| f.number("seq")).collect();
        (socket, seqs)
    };
    let (socket, missed) = catch_up().await;
    assert_eq!(missed, [5, 6]);
    drop(socket);
    // A restart keeps it.
    server.signal(rustix::process::Signal::TERM);
    assert!(server.ended().await.success());
    server.start_again().await;
    let (mut socket, missed) = catch_up().await;
    assert_eq!(missed, [5, 6]);
    socket.ack(&log, 6).await;
    socket.barrier().await;
    drop(socket);
    boris.online().await;

    // Each device has its own position; a new one begins at the end, as nothing before is encrypted for it.
    boris.user.login_new().await.online().await;
}

#[tokio::test]
async fn a_client_that_only_answers_pings_is_not_sent_the_same_again() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    // No acknowledgement of anything, only what every WebSocket library does by itself.
    let (mut boriss, missed) = boris.catch_up().await;
    assert_eq!(missed.len(), 1, "the request: {missed:?}");
    let mut last = Value::Null;
    for n in 1..=3 {
        last = annas.say(&boris.uid, &json!(n.to_string())).await;
        boriss.expect_frame("relay_delivery").await;
    }
    // The pong that confirms the last one is on its way when the receipt for it arrives.
    loop {
        boriss.barrier().await;
        let receipt = annas.receipt().await;
        assert_eq!(receipt["status"], "delivered");
        if receipt["seq"] == last["seq"] {
            break;
        }
    }
    assert_nothing(&mut boriss).await;
    drop(boriss);
    boris.online().await;

    // While it was away, everything waits.
    annas.say(&boris.uid, &json!("4")).await;
    annas.say(&boris.uid, &json!("5")).await;
    let (_, missed) = boris.catch_up().await;
    let texts: Vec<_> = missed.iter().map(|f| f.text("payload")).collect();
    assert_eq!(texts, ["4", "5"]);
}

#[tokio::test]
async fn who_acknowledges_by_a_call_is_heard_by_the_same_people() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let log = befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let chat = Chat::group(&anna, &[&boris, &clara]).await;
    // Boris's phone has no connection.
    let (phone, laptop) = (&boris, boris.user.login_new().await);
    let (mut annas, mut claras) = (anna.settled().await, clara.settled().await);
    let mut laptops = laptop.settled().await;
    let relay = json!({"type": "relay", "chat_id": chat.0, "payload": "hello"});
    annas.send(&relay).await;
    let sent = annas.expect_frame("msg_status").await;
    claras.expect_frame("relay_delivery").await;
    laptops.expect_frame("relay_delivery").await;
    let ack = async |what: &str, log: &str, seq: u64| {
        let body = json!({what: {log: seq}});
        phone.post("/events/ack", &body).await.ok();
    };

    let (chat_log, seq) = (chat.log(), sent.number("seq"));
    ack("cursors", &chat_log, seq).await;
    let receipt = annas.receipt().await;
    assert_eq!(receipt["status"], "delivered", "{receipt}");
    ack("read", &chat_log, seq).await;
    let receipt = annas.receipt().await;
    assert_eq!(receipt["status"], "read", "{receipt}");
    assert_eq!(receipt["message_id"], sent["message_id"]);
    assert_eq!(
        (&receipt["chat_id"], &receipt["to"]),
        (&json!(chat.0), &json!(boris.uid))
    );
    for socket in [&mut annas, &mut claras, &mut laptops] {
        let read = socket.expect_frame("messages_read").await;
        assert_eq!(
            (&read["user_id"], &read["chat_id"], &read["seq"]),
            (&json!(boris.uid), &json!(chat.0), &json!(seq))
        );
    }
    // Once more is no news to anybody.
    ack("read", &chat_log, seq).await;

    let one = annas.say(&boris.uid, &json!("one")).await;
    laptops.expect_frame("relay_delivery").await;
    ack("read", &log, one.number("seq")).await;
    expect_receipt(&mut annas, "read", &one).await;
    let read = laptops.expect_frame("messages_read").await;
    assert_eq!(
        (&read["user_id"], &read["peer"], &read["seq"]),
        (&json!(boris.uid), &json!(anna.uid), &one["seq"])
    );
    // What one has written oneself is nobody else's news, but one's other devices need not show it as new.
    let own = laptops.say(&anna.uid, &json!("own")).await;
    annas.expect_frame("relay_delivery").await;
    ack("read", &log, own.number("seq")).await;
    let read = laptops.expect_frame("messages_read").await;
    assert_eq!(read["seq"], own["seq"]);
    for socket in [&mut annas, &mut claras, &mut laptops] {
        assert_nothing(socket).await;
    }
}
