//! What happens to messages after they were sent: edits, deletions, pins, reactions, and histories that show them.

use melo_protocol::ErrorCode;
use melo_tests::keys::{self, DeviceKeys, envelope};
use melo_tests::{Chat, Device, Fields, Server, Socket, assert_shape, befriend, unique};
use serde_json::{Value, json};

/// Sends a frame with a fresh id and waits for its `queued`.
async fn done(socket: &mut Socket, mut frame: Value) -> Value {
    frame["client_id"] = json!(unique::client_id());
    socket.send(&frame).await;
    let status = socket.expect_frame("msg_status").await;
    assert_eq!(status["status"], "queued", "{status}");
    assert_eq!(status["client_id"], frame["client_id"]);
    status
}

async fn history(device: &Device, path: &str) -> Vec<Value> {
    device.get(path).await.ok().list("events").clone()
}

#[tokio::test]
async fn a_message_is_edited_reacted_to_pinned_and_deleted() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let mut tablet = anna.user.login_new().await.settled().await;
    let sent = annas.say(&boris.uid, &json!("frist")).await;
    let id = &sent["message_id"];
    boriss.expect_frame("relay_delivery").await;
    tablet.expect_frame("relay_delivery").await;

    let edit = json!({"type": "edit", "target": boris.uid, "message_id": id, "payload": "first"});
    let edited = done(&mut annas, edit).await;
    assert_eq!(edited.number("seq"), 2);
    for socket in [&mut boriss, &mut tablet] {
        let frame = socket.expect_frame("edit").await;
        assert_shape(
            &frame,
            "type:text event_id:uuid message_id:uuid from:uid device:hex16 payload:text log:log seq:number at:time",
        );
        assert_eq!(
            (&frame["message_id"], &frame["payload"]),
            (id, &json!("first"))
        );
        assert_eq!(frame["event_id"], edited["message_id"]);
        assert_eq!(frame.get("chat_id"), None, "a direct conversation");
    }
    let react = json!({"type": "react", "target": anna.uid, "message_id": id, "reaction": "👍"});
    done(&mut boriss, react).await;
    for socket in [&mut annas, &mut tablet] {
        let frame = socket.expect_frame("react").await;
        assert_eq!(
            (&frame["reaction"], &frame["from"]),
            (&json!("👍"), &json!(boris.uid))
        );
    }
    let pin = json!({"type": "pin", "target": anna.uid, "message_id": id});
    done(&mut boriss, pin).await;
    for socket in [&mut annas, &mut tablet] {
        assert_eq!(socket.expect_frame("pin").await["pinned"], true);
    }

    // How it stands now, for both, and the contract's strings.
    for (device, other) in [(&anna, &boris), (&boris, &anna)] {
        let page = device
            .get(&format!("/messages/history/dm/{}", other.uid))
            .await
            .ok();
        assert_eq!(page["messages"], json!(["first"]));
        assert_eq!(page["total"], 1, "changes are no messages");
        let event = &page.list("events")[0];
        assert_eq!(event["payload"], "frist");
        assert_eq!(event["edited"]["payload"], "first");
        assert_eq!(event["edited"]["event_id"], edited["message_id"]);
        assert_eq!(event["reactions"][&boris.uid]["reaction"], "👍");
        assert_eq!(
            (&event["pinned"], &event["deleted"]),
            (&json!(true), &json!(false))
        );
        let pins = device
            .get(&format!("/messages/pins/dm/{}", other.uid))
            .await
            .ok();
        let pin = &pins.list("pins")[0];
        assert_eq!(
            (&pin["message_id"], &pin["pinned_by"]),
            (id, &json!(boris.uid))
        );
        assert_eq!(pin["edited"]["payload"], "first");
    }
    // The newest reaction of each counts; an empty one takes it back. Unpinning as well.
    let react = json!({"type": "react", "target": anna.uid, "message_id": id, "reaction": ""});
    done(&mut boriss, react).await;
    let unpin = json!({"type": "unpin", "target": boris.uid, "message_id": id});
    annas.expect_frame("react").await;
    done(&mut annas, unpin).await;
    assert_eq!(boriss.expect_frame("pin").await["pinned"], false);
    let path = format!("/messages/history/dm/{}?limit=10", anna.uid);
    let event = &history(&boris, &path).await[0];
    assert_eq!(event.get("reactions"), None);
    assert_eq!(event["pinned"], false);
    let pins = boris
        .get(&format!("/messages/pins/dm/{}", anna.uid))
        .await
        .ok();
    assert_eq!(pins["pins"], json!([]));

    // Deleted for everybody: on disk, too.
    let delete = json!({"type": "delete", "target": boris.uid, "message_id": id});
    done(&mut annas, delete).await;
    let frame = boriss.expect_frame("delete").await;
    assert_eq!(frame["message_id"], *id);
    let page = boris.get(&format!("/history/{}", anna.uid)).await.ok();
    assert_eq!((&page["messages"], &page["total"]), (&json!([]), &json!(0)));
    let event = &history(&boris, &path).await[0];
    assert_eq!(
        (&event["message_id"], &event["deleted"]),
        (id, &json!(true))
    );
    assert_eq!(event["payload"], Value::Null);
    // Somebody who comes back to all of it sees that there was something, and never what.
    boriss.resume(&[(log.clone(), 0)].into()).await;
    let seen = boriss.until("synced").await;
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("frist") && !text.contains("first"), "{text}");
    let seqs: Vec<u64> = seen
        .iter()
        .filter(|f| f["log"] == log.as_str())
        .map(|f| f.number("seq"))
        .collect();
    assert_eq!(seqs, (1..=7).collect::<Vec<u64>>(), "without a gap");
    // And it is gone for good.
    for change in [
        json!({"type": "edit", "target": boris.uid, "message_id": id, "payload": "again"}),
        json!({"type": "react", "target": boris.uid, "message_id": id, "reaction": "x"}),
        json!({"type": "pin", "target": boris.uid, "message_id": id}),
        json!({"type": "delete", "target": boris.uid, "message_id": id}),
    ] {
        annas.send(&change).await;
        annas.expect_error("not_found").await;
    }
}

#[tokio::test]
async fn only_those_who_may_change_a_message() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&boris, &clara).await;
    let (mut boriss, mut claras) = (boris.settled().await, clara.settled().await);
    let sent = anna
        .post_message(&boris.uid, &json!("mine"), unique::client_id())
        .await
        .ok();
    let id = sent["message_id"].clone();
    boriss.expect_frame("relay_delivery").await;

    // The other may react and pin, and neither edit nor delete.
    let body = |target: &Device, more: Value| {
        let mut body = json!({"target_id": target.uid, "message_id": id});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let edit = body(&anna, json!({"new_data": "hers"}));
    boris
        .post("/messages/edit", &edit)
        .await
        .problem(ErrorCode::Forbidden);
    let plain = body(&anna, json!({}));
    boris
        .post("/messages/delete", &plain)
        .await
        .problem(ErrorCode::Forbidden);
    let react = body(&anna, json!({"reaction": "ok"}));
    boris.post("/messages/react", &react).await.ok();
    boris.post("/messages/pin", &plain).await.ok();
    // A message of another conversation is none of this one.
    let other = body(&boris, json!({"reaction": "ok"}));
    clara
        .post("/messages/react", &other)
        .await
        .problem(ErrorCode::NotFound);
    clara
        .post("/messages/pin", &body(&anna, json!({})))
        .await
        .problem(ErrorCode::NotAContact);
    claras
        .send(&json!({"type": "delete", "target": boris.uid, "message_id": id}))
        .await;
    claras.expect_error("not_found").await;
    // What there is not, and fields that break their rule.
    let far = json!({"target_id": boris.uid, "message_id": id.as_str().unwrap().replace("000000000001", "0000000000ff")});
    anna.post("/messages/delete", &far)
        .await
        .problem(ErrorCode::NotFound);
    let fields = anna
        .post(
            "/messages/edit",
            &json!({"target_id": boris.uid, "message_id": "x"}),
        )
        .await;
    assert_eq!(fields.refused_fields(), ["new_data", "message_id"]);
    let long = body(&boris, json!({"reaction": "x".repeat(65)}));
    assert_eq!(
        anna.post("/messages/react", &long).await.refused_fields(),
        ["reaction"]
    );
    let both = body(&boris, json!({"reaction": "x", "payload": {}}));
    assert_eq!(
        anna.post("/messages/react", &both).await.refused_fields(),
        ["reaction"]
    );
    let huge = body(&boris, json!({"new_data": "x".repeat((1 << 20) + 1)}));
    anna.post("/messages/edit", &huge)
        .await
        .problem(ErrorCode::TooLarge);
    // After a block there is nothing left to change.
    boris
        .post("/blocks", &json!({"user_id": anna.uid}))
        .await
        .ok();
    let edit = body(&boris, json!({"new_data": "too late"}));
    let refused = anna.post("/messages/edit", &edit).await;
    refused.problem(ErrorCode::NotAContact);
}

#[tokio::test]
async fn the_same_change_again_is_the_same_change() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let sent = annas.say(&boris.uid, &json!("text")).await;
    let id = &sent["message_id"];
    let edit_id = unique::client_id();
    let edit = json!({"target_id": boris.uid, "message_id": id, "new_data": "other", "client_id": edit_id});
    let first = anna.post("/messages/edit", &edit).await.ok();
    assert_shape(&first, "ok:bool event_id:uuid log:log seq:number at:time");
    assert_eq!(anna.post("/messages/edit", &edit).await.ok(), first);
    let delete_id = unique::client_id();
    let delete =
        json!({"type": "delete", "target": boris.uid, "message_id": id, "client_id": delete_id});
    annas.send(&delete).await;
    let first_delete = annas.expect_frame("msg_status").await;
    // The message is gone, and the answer to its deletion is not; nor is that to the edit before.
    annas.send(&delete).await;
    let again = annas.expect_frame("msg_status").await;
    assert_eq!(again["message_id"], first_delete["message_id"]);
    assert_eq!(anna.post("/messages/edit", &edit).await.ok(), first);
    let (mut boriss, missed) = boris.catch_up().await;
    let of_them = missed.iter().filter(|f| f["log"] == first["log"]);
    let kinds: Vec<_> = of_them.map(|f| f.text("type")).collect();
    assert_eq!(
        kinds,
        ["delete", "delete", "delete"],
        "message and edit are empty: {missed:?}"
    );
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_sealed_edit_is_for_exactly_the_devices_there_are() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (annas_keys, boriss_keys) = (
        DeviceKeys::new(0, &keys::signing_key()),
        DeviceKeys::new(1, &keys::signing_key()),
    );
    anna.post("/keys", &annas_keys.publication(&anna))
        .await
        .ok();
    boris
        .post("/keys", &boriss_keys.publication(&boris))
        .await
        .ok();
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let (mine, his) = (annas_keys.kid(), boriss_keys.kid());
    let sent = annas
        .say(&boris.uid, &envelope(&anna, &[&mine, &his]))
        .await;
    boriss.expect_frame("relay_delivery").await;
    let id = &sent["message_id"];
    let edit = |payload: Value| json!({"type": "edit", "target": boris.uid, "message_id": id, "payload": payload});
    annas.send(&edit(envelope(&anna, &[&mine]))).await;
    let refused = annas.expect_error("device_mismatch").await;
    assert_eq!(refused["missing"], json!([his]));
    done(&mut annas, edit(envelope(&anna, &[&mine, &his]))).await;
    let frame = boriss.expect_frame("edit").await;
    let cut: Vec<&String> = frame["payload"]["keys"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(cut, [&his], "its own entry alone");
    let react = json!({"type": "react", "target": anna.uid, "message_id": id,
        "payload": envelope(&boris, &[&mine, &his])});
    done(&mut boriss, react).await;
    let frame = annas.expect_frame("react").await;
    assert_eq!(frame["payload"]["keys"].as_object().unwrap().len(), 1);
    let event = &history(&anna, &format!("/history/{}", boris.uid)).await[0];
    for payload in [
        &event["edited"]["payload"],
        &event["reactions"][&boris.uid]["payload"],
    ] {
        let cut: Vec<&String> = payload["keys"].as_object().unwrap().keys().collect();
        assert_eq!(cut, [&mine], "in histories as well");
    }
}

#[tokio::test]
async fn in_a_chat_roles_decide() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let dora = server.anonymous().join("Dora").await;
    for member in [&boris, &clara, &dora] {
        befriend(&anna, member).await;
    }
    let chat = Chat::group(&anna, &[&boris, &clara]).await;
    chat.set_role(&anna, &boris, "admin").await.ok();
    let from_anna = chat.say(&anna, "the owner's").await.ok()["message_id"].clone();
    let from_clara = chat.say(&clara, "a member's").await.ok()["message_id"].clone();
    let from_boris = chat.say(&boris, "an admin's").await.ok()["message_id"].clone();
    let about = |id: &Value| json!({"message_id": id});

    // A member: reactions, and what is their own.
    for path in ["/messages/pin", "/messages/delete"] {
        let refused = chat.ask(&clara, path, about(&from_boris)).await;
        refused.problem(ErrorCode::Forbidden);
    }
    let react = json!({"message_id": from_anna, "reaction": "!"});
    chat.ask(&clara, "/messages/react", react).await.ok();
    let edit = json!({"message_id": from_clara, "new_data": "better"});
    chat.ask(&clara, "/messages/edit", edit.clone()).await.ok();
    chat.ask(&boris, "/messages/edit", edit)
        .await
        .problem(ErrorCode::Forbidden);
    // An admin: pins, and what members wrote, but not what the owner did.
    chat.ask(&boris, "/messages/pin", about(&from_anna))
        .await
        .ok();
    let refused = chat
        .ask(&boris, "/messages/delete", about(&from_anna))
        .await;
    refused.problem(ErrorCode::Forbidden);
    let pins = clara.get(&chat.path("/pins")).await.ok();
    assert_eq!(pins.list("pins")[0]["message_id"], from_anna);
    let path = format!("/messages/history/chat/{}", chat.0);
    let page = clara.get(&path).await.ok();
    assert_eq!(
        page["messages"],
        json!(["the owner's", "better", "an admin's"])
    );
    chat.ask(&boris, "/messages/delete", about(&from_clara))
        .await
        .ok();
    chat.ask(&anna, "/messages/delete", about(&from_boris))
        .await
        .ok();
    let page = clara.get(&path).await.ok();
    assert_eq!(page["messages"], json!(["the owner's"]));

    // Who comes later sees and changes what came later; who is out, nothing.
    chat.post(&anna, "/chats/members/add", &dora).await.ok();
    let page = dora.get(&path).await.ok();
    assert_eq!((&page["messages"], &page["total"]), (&json!([]), &json!(0)));
    assert_eq!(dora.get(&chat.path("/pins")).await.ok()["pins"], json!([]));
    let react = json!({"message_id": from_anna, "reaction": "?"});
    chat.ask(&dora, "/messages/react", react.clone())
        .await
        .problem(ErrorCode::NotFound);
    chat.say(&anna, "welcome").await.ok();
    assert_eq!(dora.get(&path).await.ok()["messages"], json!(["welcome"]));
    let mut doras = dora.connect().await;
    doras.until("synced").await;
    doras
        .send(&json!({"type": "get_history", "chat_id": chat.0}))
        .await;
    let answer = doras.expect_frame("history").await;
    assert_eq!(
        answer,
        json!({"type": "history", "chat_id": chat.0, "messages": ["welcome"]})
    );
    chat.post(&anna, "/chats/members/remove", &clara).await.ok();
    clara.get(&path).await.problem(ErrorCode::NotAMember);
    clara
        .get(&chat.path("/pins"))
        .await
        .problem(ErrorCode::NotAMember);
    chat.ask(&clara, "/messages/react", react)
        .await
        .problem(ErrorCode::NotAMember);
}

#[tokio::test]
async fn a_history_is_walked_from_place_to_place() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let mut ids = Vec::new();
    for n in 1..=7 {
        ids.push(annas.say(&boris.uid, &json!(n.to_string())).await["message_id"].clone());
    }
    // Two edits in between, and one message is gone with its edit.
    for id in &ids[2..4] {
        let edit = json!({"type": "edit", "target": boris.uid, "message_id": id, "payload": "new"});
        done(&mut annas, edit).await;
    }
    let delete = json!({"type": "delete", "target": boris.uid, "message_id": ids[2]});
    done(&mut annas, delete).await;
    let walk = async |query: &str| {
        let path = format!("/messages/history/dm/{}?{query}", anna.uid);
        let answer = boris.get(&path).await.ok();
        assert_shape(&answer, "events:list log:log next:any");
        let seqs: Vec<u64> = answer
            .list("events")
            .iter()
            .map(|e| e.number("seq"))
            .collect();
        (seqs, answer["next"].as_u64())
    };
    let mut back = Vec::new();
    let (mut page, mut next) = walk("limit=3").await;
    loop {
        page.extend(back);
        back = page;
        let Some(before) = next else { break };
        (page, next) = walk(&format!("limit=3&before={before}")).await;
    }
    assert_eq!(back, [1, 2, 3, 4, 5, 6, 7], "the erased edit is no message");
    let mut forth = Vec::new();
    let mut after = Some(0);
    while let Some(place) = after {
        let (page, next) = walk(&format!("after={place}&limit=2")).await;
        forth.extend(page);
        after = next;
    }
    assert_eq!(forth, back);
    let path = format!("/messages/history/dm/{}?before=5&after=1", anna.uid);
    assert_eq!(boris.get(&path).await.refused_fields(), ["before"]);
}

#[tokio::test]
async fn frames_that_only_clients_know_are_passed_on_in_order() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let sticker =
        json!({"type": "sticker", "target": boris.uid, "pack": 7, "from": "99999999", "seq": 77});
    let queued = done(&mut annas, sticker.clone()).await;
    let frame = boriss.expect_frame("sticker").await;
    assert_eq!(
        (&frame["pack"], &frame["from"]),
        (&json!(7), &json!(anna.uid))
    );
    assert_eq!(
        (&frame["seq"], &frame["message_id"]),
        (&queued["seq"], &queued["message_id"])
    );
    let mark = json!({"type": "mark", "chat_id": chat.0, "message_id": "of another", "log": {"any": "thing"}});
    done(&mut annas, mark).await;
    let frame = boriss.expect_frame("mark").await;
    assert_eq!(
        (&frame["chat_id"], &frame["message_id"]),
        (&json!(chat.0), &json!("of another"))
    );
    assert_eq!(frame["log"], chat.log());
    // Offline, too, and once for each id.
    drop(boriss);
    let mut again = sticker;
    again["client_id"] = json!(unique::client_id());
    for _ in 0..2 {
        annas.send(&again).await;
        annas.expect_frame("msg_status").await;
    }
    let (_, missed) = boris.catch_up().await;
    let stickers = missed
        .iter()
        .filter(|f| f["type"] == "sticker" && f["seq"] == 2);
    assert_eq!(stickers.count(), 1, "{missed:?}");
    for (frame, code) in [
        (
            json!({"type": "call_dance", "target": boris.uid}),
            "unsupported_type",
        ),
        (
            json!({"type": "Sticker", "target": boris.uid}),
            "unsupported_type",
        ),
        (json!({"type": "sticker"}), "unsupported_type"),
        (
            json!({"type": "relay_delivery", "target": boris.uid}),
            "unsupported_type",
        ),
        (
            json!({"type": "sticker", "target": anna.uid}),
            "self_target",
        ),
        (
            json!({"type": "sticker", "target": boris.uid, "data": "x".repeat(65_536)}),
            "too_large",
        ),
    ] {
        annas.send(&frame).await;
        annas.expect_error(code).await;
    }
}
