//! Messages between two people on any number of devices.

use melo_protocol::ErrorCode;
use melo_tests::{Fields, Server, assert_shape, befriend, unique};
use reqwest::Method;
use serde_json::{Value, json};

const DELIVERY: &str =
    "message_id:uuid from:uid payload:any log:log seq:number at:time device:hex16";
const QUEUED: &str =
    "message_id:uuid status:text client_id:uuid log:log seq:number at:time from:uid to:uid";

#[tokio::test]
async fn a_message_reaches_every_device_of_both() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (annas_tablet, boriss_laptop) = (anna.user.login_new().await, boris.user.login_new().await);
    let mut sending = anna.settled().await;
    let mut tablet = annas_tablet.settled().await;
    let mut phone = boris.settled().await;
    let mut laptop = boriss_laptop.settled().await;

    let queued = sending.say(&boris.uid, &json!("hello")).await;
    assert_shape(&queued, QUEUED);
    assert_eq!(
        (&queued["from"], &queued["to"]),
        (&json!(anna.uid), &json!(boris.uid))
    );
    assert_eq!((queued.text("log"), queued.number("seq")), (log.clone(), 1));
    assert_eq!(queued.get("chat_id"), None, "a direct message");
    for socket in [&mut phone, &mut laptop, &mut tablet] {
        let delivery = socket.expect_frame("relay_delivery").await;
        assert_shape(&delivery, DELIVERY);
        assert_eq!(delivery["payload"], "hello");
        assert_eq!(delivery["from"], anna.uid);
        assert_eq!(delivery["device"], anna.handle);
        for field in ["message_id", "log", "seq", "at"] {
            assert_eq!(delivery[field], queued[field], "{field}");
        }
        assert_eq!(delivery.get("chat_id"), None);
        assert_eq!(delivery.get("client_id"), None, "the sender's own");
    }
    // And back.
    let queued = laptop.say(&anna.uid, &json!("hello yourself")).await;
    assert_eq!(queued.number("seq"), 2);
    for socket in [&mut sending, &mut tablet, &mut phone] {
        let delivery = socket.expect_frame("relay_delivery").await;
        assert_eq!(delivery["payload"], "hello yourself");
    }
    for socket in [&mut sending, &mut tablet, &mut phone, &mut laptop] {
        assert_eq!(socket.barrier().await, [Value::Null; 0], "once each");
    }
}

#[tokio::test]
async fn payloads_arrive_as_they_were_written() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;

    // The form of existing clients: a string that happens to be JSON.
    let legacy = json!({"ciphertext": "AAAA", "iv": "BBBB", "encrypted_key": "CCCC"}).to_string();
    let payloads = [
        json!(legacy),
        json!(""),
        json!("quotes \" and \\ and \u{0} and \u{2028} and 🙂 and \u{7f}"),
        json!({"any": {"object": [1, 2.5, null, true]}}),
        json!({}),
        json!({"v": 1, "kind": "no suite, so no envelope"}),
        json!("x".repeat(900_000)),
    ];
    for payload in &payloads {
        annas.say(&boris.uid, payload).await;
        let delivery = boriss.expect_frame("relay_delivery").await;
        assert_eq!(delivery["payload"], *payload);
        assert_eq!(
            delivery["payload"].is_string(),
            payload.is_string(),
            "its type stays"
        );
    }
    // Not even the spelling changes: numbers beyond anybody's precision, spaces, order, repeated names.
    let spelled = r#"{"z" : 1.50, "a":123456789012345678901234567890, "z":"\u0041" }"#;
    let target = &boris.uid;
    annas
        .send_text(&format!(
            r#"{{"type":"relay","target":"{target}","payload":{spelled}}}"#
        ))
        .await;
    assert_eq!(annas.expect_frame("msg_status").await["status"], "queued");
    boriss.expect_frame("relay_delivery").await;
    boriss
        .send(&json!({"type": "get_history", "target": anna.uid}))
        .await;
    let history = boriss.expect_frame("history").await;
    assert_eq!(history.list("messages").last(), Some(&json!(spelled)));
    let path = format!("/messages/history/dm/{}?per_page=1", anna.uid);
    assert_eq!(boris.get(&path).await.ok()["messages"], json!([spelled]));
}

#[tokio::test]
async fn rest_and_websocket_are_one_path() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut boriss = boris.settled().await;
    let mut annas = anna.settled().await;
    let mut tablet = anna.user.login_new().await.settled().await;

    let answer = anna
        .post(
            "/messages/send",
            &json!({"target_id": boris.uid, "data": "by REST"}),
        )
        .await
        .ok();
    assert_shape(
        &answer,
        "ok:bool message_id:uuid log:log seq:number at:time",
    );
    assert_eq!(
        (&answer["ok"], answer.text("log"), answer.number("seq")),
        (&json!(true), log, 1)
    );
    for socket in [&mut boriss, &mut tablet] {
        let delivery = socket.expect_frame("relay_delivery").await;
        assert_eq!(delivery["payload"], "by REST");
        assert_eq!(delivery["message_id"], answer["message_id"]);
    }
    // The device that sent it needs no copy.
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
    assert_eq!(
        annas
            .say(&boris.uid, &json!("by WebSocket"))
            .await
            .number("seq"),
        2
    );
}

#[tokio::test]
async fn whom_one_may_write_to() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let mut annas = anna.online().await;

    for (target, code) in [
        (boris.uid.as_str(), ErrorCode::NotAContact),
        ("99999999", ErrorCode::NotAContact),
        (anna.uid.as_str(), ErrorCode::SelfTarget),
    ] {
        let client_id = annas.relay(target, &json!("text")).await;
        let error = annas.expect_error(code.as_str()).await;
        assert_eq!(error["client_id"], client_id.to_string());
        assert_eq!(error["retryable"], false);
        anna.cannot_write_to(target, code).await;
        let history = anna.get(&format!("/messages/history/dm/{target}")).await;
        history.problem(code);
        annas
            .send(&json!({"type": "get_history", "target": target}))
            .await;
        annas.expect_error(code.as_str()).await;
    }
    // A request is not an answer, in neither direction.
    anna.subscribe(&boris.uid, false).await.ok();
    anna.cannot_write_to(&boris.uid, ErrorCode::NotAContact)
        .await;
    boris
        .cannot_write_to(&anna.uid, ErrorCode::NotAContact)
        .await;
    boris.confirm(&anna.uid).await.ok();
    annas.expect_frame("subscription_confirmed").await;
    annas.say(&boris.uid, &json!("now")).await;
}

#[tokio::test]
async fn a_client_id_is_one_message_however_often_it_is_sent() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut claras = clara.settled().await;

    let id = unique::client_id();
    annas.relay_as(&boris.uid, &json!("once"), id).await;
    let first = annas.expect_frame("msg_status").await;
    // Again by WebSocket, with the same and with another text; by REST; by header; from a new connection.
    for text in ["once", "changed"] {
        annas.relay_as(&boris.uid, &json!(text), id).await;
        assert_eq!(annas.expect_frame("msg_status").await, first);
    }
    let by_body = anna.post_message(&boris.uid, &json!("once"), id).await.ok();
    let by_header = anna
        .call(Method::POST, "/messages/send")
        .header("idempotency-key", &id.to_string())
        .json(&json!({"target_id": boris.uid, "data": "once"}))
        .send()
        .await
        .ok();
    assert_eq!(by_body, by_header);
    for field in ["message_id", "log", "seq", "at"] {
        assert_eq!(by_body[field], first[field], "{field}");
    }
    let mut annas = anna.connect().await;
    annas.until("synced").await;
    annas.relay_as(&boris.uid, &json!("once"), id).await;
    assert_eq!(annas.expect_frame("msg_status").await, first);

    // Twice in one breath.
    let twice = unique::client_id();
    for _ in 0..2 {
        annas.relay_as(&boris.uid, &json!("twice"), twice).await;
    }
    let statuses = [annas.frame().await, annas.frame().await];
    assert_eq!(statuses[0], statuses[1]);
    assert_eq!(statuses[0].number("seq"), 2);

    // In another conversation it is an error.
    annas.relay_as(&clara.uid, &json!("once"), id).await;
    let error = annas.expect_error("client_id_reused").await;
    assert_eq!(error["client_id"], id.to_string());
    let answer = anna.post_message(&clara.uid, &json!("once"), id).await;
    answer.problem(ErrorCode::ClientIdReused);

    // Another device's ids are its own.
    let mut tablet = anna.user.login_new().await.settled().await;
    tablet.relay_as(&boris.uid, &json!("tablet"), id).await;
    assert_eq!(tablet.expect_frame("msg_status").await.number("seq"), 3);

    let deliveries = boriss.deliveries(3).await;
    let payloads: Vec<String> = deliveries.iter().map(|f| f.text("payload")).collect();
    assert_eq!(payloads, ["once", "twice", "tablet"]);
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
    assert_eq!(claras.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn many_at_once_keep_their_order_and_leave_no_gap() {
    const EACH: u64 = 150;
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (annas_tablet, boriss_laptop) = (anna.user.login_new().await, boris.user.login_new().await);
    let mut boriss = boris.settled().await;

    let mut sending = Vec::new();
    for (sender, target) in [
        (&anna, &boris),
        (&annas_tablet, &boris),
        (&boriss_laptop, &anna),
    ] {
        let (sender, target) = (sender.clone(), target.uid.clone());
        sending.push(tokio::spawn(async move {
            let mut socket = sender.connect().await;
            socket.until("synced").await;
            let mut asked = Vec::new();
            for n in 0..EACH {
                asked.push(
                    socket
                        .relay(&target, &json!(format!("{} {n}", sender.handle)))
                        .await,
                );
            }
            let mut answered = Vec::new();
            while answered.len() < asked.len() {
                let frame = socket.frame().await;
                if frame["type"] == "msg_status" && frame["status"] == "queued" {
                    answered.push(frame.text("client_id"));
                }
            }
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            assert_eq!(answered, asked, "answers in the order of the questions");
        }));
    }
    for sender in sending {
        sender.await.unwrap();
    }
    let frames = boriss.deliveries(usize::try_from(3 * EACH).unwrap()).await;
    let seqs: Vec<u64> = frames.iter().map(|f| f.number("seq")).collect();
    assert_eq!(seqs, (1..=3 * EACH).collect::<Vec<_>>());
    for device in [&anna, &annas_tablet, &boriss_laptop] {
        let texts: Vec<String> = frames
            .iter()
            .filter(|f| f["device"] == device.handle)
            .map(|f| f.text("payload"))
            .collect();
        let sent: Vec<String> = (0..EACH)
            .map(|n| format!("{} {n}", device.handle))
            .collect();
        assert_eq!(texts, sent);
    }
}

#[tokio::test]
async fn history_is_read_by_the_page() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let path = |of: &str, query: &str| format!("/messages/history/dm/{of}{query}");
    let empty = boris.get(&path(&anna.uid, "")).await.ok();
    let expected = json!({
        "messages": [], "events": [], "log": log, "page": 1, "per_page": 20, "total": 0, "pages": 0,
    });
    assert_eq!(empty, expected);

    let mut annas = anna.settled().await;
    for n in 1..=24 {
        annas.say(&boris.uid, &json!(format!("message {n}"))).await;
    }
    annas.say(&boris.uid, &json!({"number": 25})).await;

    let texts =
        |from: u64, to: u64| -> Value { (from..=to).map(|n| format!("message {n}")).collect() };
    let newest = boris.get(&path(&anna.uid, "?per_page=10")).await.ok();
    let mut expected = texts(16, 24);
    expected
        .as_array_mut()
        .unwrap()
        .push(json!(r#"{"number":25}"#));
    assert_eq!(newest["messages"], expected, "objects as their JSON text");
    assert_eq!((newest.number("page"), newest.number("per_page")), (1, 10));
    assert_eq!((newest.number("total"), newest.number("pages")), (25, 3));
    for (event, seq) in newest.list("events").iter().zip(16..) {
        assert_shape(
            event,
            "message_id:uuid seq:number at:time from:uid device:hex16 payload:any",
        );
        assert_eq!(
            (event.number("seq"), &event["from"]),
            (seq, &json!(anna.uid))
        );
    }
    assert_eq!(newest.list("events")[9]["payload"], json!({"number": 25}));

    let second = boris
        .get(&path(&anna.uid, "?page=2&per_page=10"))
        .await
        .ok();
    assert_eq!(second["messages"], texts(6, 15));
    let third = boris
        .get(&path(&anna.uid, "?page=3&per_page=10"))
        .await
        .ok();
    assert_eq!(third["messages"], texts(1, 5));
    assert_eq!(
        boris
            .get(&path(&anna.uid, "?page=4&per_page=10"))
            .await
            .ok()["messages"],
        json!([])
    );
    assert_eq!(
        boris.get(&path(&anna.uid, "?per_page=5000")).await.ok()["per_page"],
        100
    );

    // The older name, the other side, the WebSocket: the same.
    let older_name = boris
        .get(&format!("/history/{}?per_page=10", anna.uid))
        .await
        .ok();
    assert_eq!(older_name, newest);
    assert_eq!(
        anna.get(&path(&boris.uid, "?per_page=10")).await.ok(),
        newest
    );
    annas
        .send(&json!({"type": "get_history", "target": boris.uid}))
        .await;
    let frame = annas.expect_frame("history").await;
    let all = boris.get(&path(&anna.uid, "?per_page=100")).await.ok();
    assert_eq!(frame["messages"], all["messages"]);
    assert_eq!(frame["target"], boris.uid);

    assert_eq!(boris.get(&path("abc", "")).await.refused_fields(), ["uid"]);
    boris
        .get(&path(&anna.uid, "?page=x"))
        .await
        .problem(ErrorCode::Malformed);
}

#[tokio::test]
async fn rest_refuses_what_is_no_message() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    for data in [json!(5), json!(null), json!(true), json!(["x"])] {
        let body = json!({"target_id": boris.uid, "data": data});
        assert_eq!(
            anna.post("/messages/send", &body).await.refused_fields(),
            ["data"]
        );
    }
    for missing in ["target_id", "data"] {
        let mut body = json!({"target_id": boris.uid, "data": "text"});
        body.as_object_mut().unwrap().remove(missing);
        assert_eq!(
            anna.post("/messages/send", &body).await.refused_fields(),
            [missing]
        );
    }
    let body = json!({"target_id": "x", "data": "text"});
    assert_eq!(
        anna.post("/messages/send", &body).await.refused_fields(),
        ["target_id"]
    );
    let bad_key = anna
        .call(Method::POST, "/messages/send")
        .header("idempotency-key", "not a UUID")
        .json(&json!({"target_id": boris.uid, "data": "text"}));
    assert_eq!(bad_key.send().await.refused_fields(), ["Idempotency-Key"]);
    let body = json!({"target_id": boris.uid, "data": "text", "client_id": "not a UUID"});
    anna.post("/messages/send", &body)
        .await
        .problem(ErrorCode::Malformed);

    // 1 MiB with its quotes is the longest; a body that is longer still is not even read.
    let longest = "x".repeat((1 << 20) - 2);
    anna.post_message(&boris.uid, &json!(longest), unique::client_id())
        .await
        .ok();
    for longer in [longest.clone() + "x", "x".repeat(3 << 20)] {
        let answer = anna
            .post_message(&boris.uid, &json!(longer), unique::client_id())
            .await;
        answer.problem(ErrorCode::TooLarge);
    }
    let total = anna
        .get(&format!("/history/{}?per_page=1", boris.uid))
        .await
        .ok()
        .number("total");
    assert_eq!(total, 1);
}
