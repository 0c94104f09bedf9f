//! Messages that are sent later: at their time, once, with the rights of that time, or not at all.

use std::collections::HashSet;
use std::time::Duration;

use melo_domain::{Clock, SystemClock};
use melo_protocol::ErrorCode;
use melo_tests::keys::{self, DeviceKeys, envelope};
use melo_tests::{Chat, Device, Fields, Server, assert_shape, befriend, unique};
use serde_json::{Value, json};

/// A time so far from now, RFC 3339.
fn ahead(time: Duration) -> String {
    SystemClock.now().plus(time).to_string()
}

const SOON: Duration = Duration::from_millis(1500);
const LATER: Duration = Duration::from_secs(3600);

async fn schedule(from: &Device, to: &Device, time: Duration, data: Value) -> Value {
    let body = json!({"target_id": to.uid, "when": ahead(time), "data": data});
    let answer = from.post("/schedule/message", &body).await.ok();
    assert_shape(
        &answer,
        "status:text schedule_id:hex16 message_client_id:uuid",
    );
    assert_eq!(answer["status"], "ok");
    answer
}

#[tokio::test]
async fn a_message_is_sent_at_its_time_to_whoever_is_there_and_whoever_comes() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let mut tablet = anna.user.login_new().await.settled().await;
    let scheduled = schedule(&anna, &boris, SOON, json!({"any": "object"})).await;
    let listed = anna.get("/schedule").await.ok();
    let entry = &listed.list("schedules")[0];
    assert_shape(
        entry,
        "schedule_id:hex16 message_client_id:uuid target_id:uid when:time created_at:time device:hex16",
    );
    assert_eq!(entry.get("data"), None, "the list is short");
    assert_eq!(boris.get("/schedule").await.ok()["schedules"], json!([]));
    let path = format!("/schedule/{}", scheduled.text("schedule_id"));
    assert_eq!(anna.get(&path).await.ok()["data"], json!({"any": "object"}));
    boris.get(&path).await.problem(ErrorCode::NotFound);

    let delivery = boriss.expect_frame("relay_delivery").await;
    assert_eq!(delivery["payload"], json!({"any": "object"}));
    assert_eq!(
        (&delivery["from"], &delivery["device"]),
        (&json!(anna.uid), &json!(anna.handle))
    );
    assert_eq!(tablet.expect_frame("relay_delivery").await["seq"], 1);
    let status = annas.expect_frame("msg_status").await;
    assert_eq!(status["client_id"], scheduled["message_client_id"]);
    assert_eq!(
        (&status["seq"], &status["to"]),
        (&json!(1), &json!(boris.uid))
    );
    assert_eq!(anna.get("/schedule").await.ok()["schedules"], json!([]));
    anna.get(&path).await.problem(ErrorCode::NotFound);
    anna.delete(&path).await.problem(ErrorCode::NotFound);
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    let ask = async |body: Value| anna.post("/schedule/message", &body).await;
    for when in [
        "2020-01-01T00:00:00Z",
        "2999-01-01T00:00:00Z",
        "tomorrow",
        "",
    ] {
        let refused = ask(json!({"target_id": boris.uid, "when": when, "data": {}})).await;
        assert_eq!(refused.refused_fields(), ["when"], "{when}");
    }
    let when = ahead(LATER);
    let refused = ask(json!({"when": when, "data": 5})).await;
    assert_eq!(refused.refused_fields(), ["target_id", "data"]);
    let refused = ask(json!({"target_id": clara.uid, "when": when, "data": {}})).await;
    refused.problem(ErrorCode::NotAContact);
    let refused = ask(json!({"chat_id": 5, "when": when, "data": {}})).await;
    refused.problem(ErrorCode::NotAMember);
    let huge = "x".repeat((1 << 20) + 1);
    let refused = ask(json!({"target_id": boris.uid, "when": when, "data": huge})).await;
    refused.problem(ErrorCode::TooLarge);
    // The same call again is the same message; a hundred may wait.
    let body = json!({"target_id": boris.uid, "when": when, "data": "x", "client_id": unique::client_id()});
    let first = ask(body.clone()).await.ok();
    assert_eq!(ask(body).await.ok(), first);
    for _ in 1..100 {
        ask(json!({"target_id": boris.uid, "when": when, "data": "x"}))
            .await
            .ok();
    }
    let refused = ask(json!({"target_id": boris.uid, "when": when, "data": "x"})).await;
    refused.problem(ErrorCode::LimitReached);
    let path = format!("/schedule/{}", first.text("schedule_id"));
    boris.delete(&path).await.problem(ErrorCode::NotFound);
    assert_eq!(anna.delete(&path).await.ok(), json!({"status": "ok"}));
    anna.delete(&path).await.problem(ErrorCode::NotFound);
    ask(json!({"target_id": boris.uid, "when": when, "data": "x"}))
        .await
        .ok();
}

#[tokio::test]
async fn rights_are_judged_when_it_is_sent() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let chat = Chat::group(&clara, &[&anna]).await;
    let mut annas = anna.settled().await;
    let client_id = unique::client_id();
    let body =
        json!({"target_id": boris.uid, "when": ahead(SOON), "data": "x", "client_id": client_id});
    let to_boris = anna.post("/schedule/message", &body).await.ok();
    boris
        .post("/blocks", &json!({"user_id": anna.uid}))
        .await
        .ok();
    let failed = annas.expect_frame("schedule_failed").await;
    assert_shape(
        &failed,
        "schedule_id:hex16 code:text client_id:uuid log:log seq:number at:time",
    );
    assert_eq!(failed["schedule_id"], to_boris["schedule_id"]);
    assert_eq!(
        (&failed["code"], &failed["client_id"]),
        (&json!("not_a_contact"), &json!(client_id))
    );
    // Out of the chat before its time.
    let body = json!({"chat_id": chat.0, "when": ahead(SOON), "data": "x"});
    let to_chat = anna.post("/schedule/message", &body).await.ok();
    chat.post(&clara, "/chats/members/remove", &anna).await.ok();
    let failed = loop {
        let frame = annas.frame().await;
        if frame["type"] == "schedule_failed" {
            break frame;
        }
    };
    assert_eq!(failed["schedule_id"], to_chat["schedule_id"]);
    assert_eq!(failed["code"], "not_a_member");
    // Signed out: from what somebody else may hold, nothing is sent any more.
    let phone = anna.user.login_new().await;
    annas.barrier().await;
    schedule(&phone, &clara, SOON, json!("from a lost phone")).await;
    anna.post("/sessions/revoke_all", &json!({})).await.ok();
    let failed = annas.expect_frame("schedule_failed").await;
    assert_eq!(failed["code"], "session_revoked");
    let page = clara.get(&format!("/history/{}", anna.uid)).await.ok();
    assert_eq!(page["total"], 0);
}

#[tokio::test]
async fn devices_that_were_added_since_do_not_stop_it() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let identity = keys::signing_key();
    let annas_keys = DeviceKeys::new(0, &keys::signing_key());
    let (phone, laptop) = (DeviceKeys::new(1, &identity), DeviceKeys::new(2, &identity));
    anna.post("/keys", &annas_keys.publication(&anna))
        .await
        .ok();
    boris.post("/keys", &phone.publication(&boris)).await.ok();
    let (mine, his) = (annas_keys.kid(), phone.kid());
    let sealed = envelope(&anna, &[&mine, &his]);
    schedule(&anna, &boris, SOON, sealed).await;
    let second = boris.user.login_new().await;
    second
        .post("/keys", &laptop.publication(&second))
        .await
        .ok();
    let (mut first, mut second) = (boris.settled().await, second.settled().await);
    let delivery = first.expect_frame("relay_delivery").await;
    assert_eq!(delivery["payload"]["keys"].as_object().unwrap().len(), 1);
    let delivery = second.expect_frame("relay_delivery").await;
    assert_eq!(
        delivery["payload"]["keys"],
        json!({}),
        "not for this device"
    );
}

#[tokio::test]
async fn each_is_sent_exactly_once_whenever_the_server_is_killed() {
    const MESSAGES: usize = 40;
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    for n in 0..MESSAGES {
        let time = Duration::from_millis(1000 + 100 * n as u64);
        schedule(&anna, &boris, time, json!(n.to_string())).await;
    }
    // It is killed when some have arrived, again and again.
    let mut arrived = HashSet::new();
    for _ in 0..4 {
        let before = arrived.len();
        let (mut socket, missed) = boris.catch_up().await;
        let texts = |f: &Value| Some(f.get("payload")?.to_string());
        arrived.extend(missed.iter().filter_map(texts));
        while arrived.len() < MESSAGES.min(before + 4) {
            arrived.extend(texts(&socket.frame().await));
        }
        server.kill();
        server.start_again().await;
    }
    let log = anna.log_with(&boris.uid).await;
    let mut socket = boris.connect().await;
    socket.until("synced").await;
    socket.resume(&[(log.clone(), 0)].into()).await;
    let mut texts = Vec::new();
    while texts.len() < MESSAGES {
        let frame = socket.frame().await;
        if frame["type"] == "relay_delivery" {
            texts.push(frame["payload"].as_str().unwrap().parse::<usize>().unwrap());
        }
    }
    texts.sort_unstable();
    assert_eq!(texts, (0..MESSAGES).collect::<Vec<_>>(), "each once");
    // And nothing is left, neither to send nor to cancel.
    loop {
        let left = anna.get("/schedule").await.ok();
        if left["schedules"] == json!([]) {
            break;
        }
    }
    let page = anna
        .get(&format!("/history/{}?per_page=1", boris.uid))
        .await
        .ok();
    assert_eq!(page.number("total"), MESSAGES as u64);
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn calling_back_and_sending_at_the_same_moment_is_one_of_the_two() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut waiting = Vec::new();
    for n in 0..30 {
        // Spread around the beats of the second.
        let time = Duration::from_millis(700 + 40 * n);
        waiting.push(schedule(&anna, &boris, time, json!(n.to_string())).await);
    }
    let mut sent = 0;
    let mut cancelled = 0;
    let mut boriss = boris.settled().await;
    boriss.expect_frame("relay_delivery").await;
    for one in &waiting {
        let path = format!("/schedule/{}", one.text("schedule_id"));
        if anna.delete(&path).await.status.is_success() {
            cancelled += 1;
        } else {
            sent += 1;
        }
    }
    assert_eq!(sent + cancelled, 30);
    // What was not called back arrives.
    for _ in 1..sent {
        boriss.expect_frame("relay_delivery").await;
    }
    assert_eq!(anna.get("/schedule").await.ok()["schedules"], json!([]));
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
    let page = anna.get(&format!("/history/{}", boris.uid)).await.ok();
    assert_eq!(page.number("total"), sent);
}
