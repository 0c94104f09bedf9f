//! What a person's devices tell each other, and what members of a chat learn of each other's reading.

use melo_protocol::ErrorCode;
use melo_tests::{Chat, Fields, Server, assert_shape, befriend, unique};
use serde_json::{Value, json};

#[tokio::test]
async fn a_draft_goes_on_on_another_device() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let tablet = anna.user.login_new().await;
    let (mut annas, mut tablets) = (anna.settled().await, tablet.settled().await);
    let mut boriss = boris.settled().await;
    let client_id = unique::client_id();
    annas
        .send(&json!({"type": "draft", "target": boris.uid, "payload": {"sealed": 1}, "client_id": client_id}))
        .await;
    let answer = annas.expect_frame("draft").await;
    assert_shape(
        &answer,
        "target:uid log:log payload:object at:time device:hex16 client_id:uuid",
    );
    let told = tablets.expect_frame("draft").await;
    assert_eq!(
        (&told["payload"], &told["device"]),
        (&json!({"sealed": 1}), &json!(anna.handle))
    );
    assert_eq!(told.get("client_id"), None);
    // The latest wins, over REST as well; each conversation has its own.
    let body = json!({"target_id": boris.uid, "payload": "newer"});
    tablet.post("/drafts", &body).await.ok();
    assert_eq!(annas.expect_frame("draft").await["payload"], "newer");
    chat.ask(&anna, "/drafts", json!({"payload": "for all"}))
        .await
        .ok();
    assert_eq!(tablets.expect_frame("draft").await["chat_id"], chat.0);
    let drafts = anna.get("/drafts").await.ok();
    let mut found: Vec<String> = drafts
        .list("drafts")
        .iter()
        .map(|d| d.text("payload"))
        .collect();
    found.sort();
    assert_eq!(found, ["for all", "newer"]);
    assert_eq!(boris.get("/drafts").await.ok()["drafts"], json!([]));
    assert_eq!(
        boriss.barrier().await,
        [Value::Null; 0],
        "nobody else's business"
    );
    // Taken away.
    tablet
        .post("/drafts", &json!({"target_id": boris.uid, "payload": null}))
        .await
        .ok();
    assert_eq!(annas.expect_frame("draft").await["payload"], Value::Null);
    assert_eq!(anna.get("/drafts").await.ok().list("drafts").len(), 1);

    let clara = server.anonymous().join("Clara").await;
    let body = json!({"target_id": clara.uid, "payload": "x"});
    anna.post("/drafts", &body)
        .await
        .problem(ErrorCode::NotAContact);
    let body = json!({"target_id": boris.uid, "payload": "x".repeat(65_536)});
    anna.post("/drafts", &body)
        .await
        .problem(ErrorCode::TooLarge);
    let body = json!({"target_id": boris.uid, "payload": 5});
    assert_eq!(
        anna.post("/drafts", &body).await.refused_fields(),
        ["payload"]
    );
}

#[tokio::test]
async fn what_was_read_on_one_device_is_read_on_all() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let laptop = boris.user.login_new().await;
    let (mut annas, mut phone, mut laptops) = (
        anna.settled().await,
        boris.settled().await,
        laptop.settled().await,
    );
    let sent = annas.say(&boris.uid, &json!("one")).await;
    phone.expect_frame("relay_delivery").await;
    laptops.expect_frame("relay_delivery").await;
    phone
        .send(&json!({"type": "ack_read", "message_id": sent["message_id"], "other": anna.uid}))
        .await;
    let read = laptops.expect_frame("messages_read").await;
    assert_shape(
        &read,
        "user_id:uid peer:uid last_read_message_id:uuid log:log seq:number timestamp:time",
    );
    assert_eq!(
        (&read["user_id"], &read["peer"]),
        (&json!(boris.uid), &json!(anna.uid))
    );
    assert_eq!(read["last_read_message_id"], sent["message_id"]);
    // It may be told apart that it was delivered before.
    while annas.receipt().await["status"] != "read" {}
    assert_eq!(phone.barrier().await, [Value::Null; 0], "it knows");
    // Over REST, which the device's own connection learns nothing of.
    let sent = annas.say(&boris.uid, &json!("two")).await;
    phone.expect_frame("relay_delivery").await;
    laptops.expect_frame("relay_delivery").await;
    let body = json!({"chat_id": null, "message_id": sent["message_id"]});
    assert_eq!(
        laptop.post("/status/read", &body).await.ok(),
        json!({"status": "ok"})
    );
    assert_eq!(phone.expect_frame("messages_read").await["seq"], 2);
    loop {
        let receipt = annas.receipt().await;
        if receipt["status"] == "read" && receipt["seq"] == 2 {
            break;
        }
    }
    let path = format!("/messages/receipts/dm/{}", boris.uid);
    let receipts = anna.get(&path).await.ok();
    assert_eq!(
        receipts["receipts"],
        json!([{"user_id": boris.uid, "delivered": 2, "read": 2}])
    );
    // Its connection goes on with what it knows, and takes nothing back.
    laptops.ack(&log, 2).await;
    laptops.barrier().await;
    assert_eq!(anna.get(&path).await.ok(), receipts);

    let clara = server.anonymous().join("Clara").await;
    clara
        .post("/status/read", &body)
        .await
        .problem(ErrorCode::NotFound);
    let beyond =
        json!({"message_id": sent.text("message_id").replace("000000000002", "000000000009")});
    laptop
        .post("/status/read", &beyond)
        .await
        .problem(ErrorCode::NotFound);
    let other = json!({"chat_id": 7, "message_id": sent["message_id"]});
    laptop
        .post("/status/read", &other)
        .await
        .problem(ErrorCode::NotFound);
}

#[tokio::test]
async fn members_of_a_chat_learn_who_has_received_and_read() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let dora = server.anonymous().join("Dora").await;
    for member in [&boris, &clara, &dora] {
        befriend(&anna, member).await;
    }
    let chat = Chat::group(&anna, &[&boris, &clara, &dora]).await;
    dora.put("/privacy", &json!({"read_receipts": false}))
        .await
        .ok();
    let mut annas = anna.settled().await;
    let (mut boriss, mut claras, mut doras) = (
        boris.settled().await,
        clara.settled().await,
        dora.settled().await,
    );
    let relay = json!({"type": "relay", "chat_id": chat.0, "payload": "hello"});
    annas.send(&relay).await;
    let sent = annas.expect_frame("msg_status").await;
    for socket in [&mut boriss, &mut claras, &mut doras] {
        socket.expect_frame("relay_delivery").await;
    }
    // One reads, one has it, one keeps it to herself.
    boriss
        .send(&json!({"type": "ack_read", "message_id": sent["message_id"]}))
        .await;
    let read = annas.receipt().await;
    assert_eq!(
        (&read["status"], &read["to"]),
        (&json!("read"), &json!(boris.uid))
    );
    assert_eq!(
        (&read["chat_id"], &read["message_id"]),
        (&json!(chat.0), &sent["message_id"])
    );
    for socket in [&mut annas, &mut claras] {
        let frame = socket.expect_frame("messages_read").await;
        assert_shape(
            &frame,
            "user_id:uid chat_id:number last_read_message_id:uuid seq:number timestamp:time",
        );
        assert_eq!(
            (&frame["user_id"], &frame["chat_id"]),
            (&json!(boris.uid), &json!(chat.0))
        );
    }
    claras.ack(&chat.log(), sent.number("seq")).await;
    let delivered = annas.receipt().await;
    assert_eq!(
        (&delivered["status"], &delivered["to"]),
        (&json!("delivered"), &json!(clara.uid))
    );
    doras
        .send(&json!({"type": "ack_read", "message_id": sent["message_id"]}))
        .await;
    let delivered = annas.receipt().await;
    assert_eq!(
        (&delivered["status"], &delivered["to"]),
        (&json!("delivered"), &json!(dora.uid))
    );
    assert_eq!(
        doras.barrier().await,
        [Value::Null; 0],
        "who does not tell is not told"
    );

    let seq = sent.number("seq");
    let receipts = anna.get(&chat.path("/receipts")).await.ok();
    assert_shape(&receipts, "receipts:list next:null");
    let of = |whom: &str| {
        let list = receipts.list("receipts");
        list.iter().find(|r| r["user_id"] == whom).unwrap().clone()
    };
    assert_eq!(receipts.list("receipts").len(), 3);
    assert_eq!(
        of(&boris.uid),
        json!({"user_id": boris.uid, "delivered": seq, "read": seq})
    );
    assert_eq!(of(&clara.uid)["delivered"], seq);
    assert_eq!(of(&dora.uid)["read"], Value::Null);
    let mut walked = Vec::new();
    let mut path = chat.path("/receipts?limit=2");
    loop {
        let page = anna.get(&path).await.ok();
        walked.extend(page.list("receipts").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = chat.path(&format!("/receipts?limit=2&after={next}"));
    }
    assert_eq!(&walked, receipts.list("receipts"));
    // Between two of whom one has blocked the other there are none.
    boris
        .post("/blocks", &json!({"user_id": anna.uid}))
        .await
        .ok();
    let blocked = anna.get(&chat.path("/receipts")).await.ok();
    let entry = json!({"user_id": boris.uid, "delivered": null, "read": null});
    assert!(blocked.list("receipts").contains(&entry), "{blocked}");
    let stranger = server.anonymous().join("Emil").await;
    stranger
        .get(&chat.path("/receipts"))
        .await
        .problem(ErrorCode::NotAMember);
}

#[tokio::test]
async fn either_of_two_says_how_long_messages_live() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let path = |other: &str| format!("/messages/disappearing/dm/{other}");
    let answer = boris
        .put(&path(&anna.uid), &json!({"seconds": 3600}))
        .await
        .ok();
    assert_eq!(answer, json!({"ok": true, "disappearing_seconds": 3600}));
    for socket in [&mut annas, &mut boriss] {
        let frame = socket.expect_frame("chat_changed").await;
        assert_shape(&frame, "by:uid changes:object log:log seq:number at:time");
        assert_eq!(frame["changes"], json!({"disappearing_seconds": 3600}));
        assert_eq!(frame["by"], boris.uid);
    }
    // Once more is no news.
    boris
        .put(&path(&anna.uid), &json!({"seconds": 3600}))
        .await
        .ok();
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
    anna.put(&path(&boris.uid), &json!({"seconds": 0}))
        .await
        .ok();
    assert_eq!(
        boriss.expect_frame("chat_changed").await["changes"]["disappearing_seconds"],
        0
    );
    let refused = anna.put(&path(&boris.uid), &json!({"seconds": 5})).await;
    assert_eq!(refused.refused_fields(), ["seconds"]);
    let clara = server.anonymous().join("Clara").await;
    let refused = clara.put(&path(&anna.uid), &json!({"seconds": 60})).await;
    refused.problem(ErrorCode::NotAContact);
}
