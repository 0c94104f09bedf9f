//! Who is there and who is writing, as clients see it.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, Socket, assert_shape, befriend};
use rustix::process::Signal;
use serde_json::{Value, json};

async fn pair(server: &Server) -> (Device, Device) {
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    (anna, boris)
}

/// The only contact of a device, as `/status/contacts` tells.
async fn contact(device: &Device) -> Value {
    let answer = device.get("/status/contacts").await.ok();
    assert_shape(&answer, "contacts:list");
    answer.list("contacts")[0].clone()
}

async fn words(device: &Device, of: &str) -> String {
    let answer = device.get(&format!("/statuses?user_ids={of}")).await.ok();
    assert_shape(&answer["statuses"][of], "status:text typing:bool");
    answer["statuses"][of].text("status")
}

async fn typing(socket: &mut Socket, kind: &str, target: &str) {
    socket.send(&json!({"type": kind, "target": target})).await;
}

#[tokio::test]
async fn contacts_see_one_come_turn_away_and_go() {
    let mut server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let mut boriss = boris.settled().await;
    let me = anna.get("/status/me").await.ok();
    assert_eq!(
        me,
        json!({"user_id": anna.uid, "status": "offline", "last_seen": null, "is_typing_in_chat": null})
    );
    let offline = contact(&boris).await;
    assert_eq!(
        offline,
        json!({"user_id": anna.uid, "status": "offline", "last_seen": null, "is_typing_in_chat": null, "typing": false})
    );
    assert_eq!(words(&boris, &anna.uid).await, "inactive");

    let annas = anna.settled().await;
    let frame = boriss.aside("status_change").await;
    assert_shape(&frame, "user_id:uid status:text timestamp:time");
    assert_eq!(
        (&frame["user_id"], &frame["status"]),
        (&json!(anna.uid), &json!("online"))
    );
    assert_eq!(words(&boris, &anna.uid).await, "online");
    let seen = contact(&boris).await;
    assert_eq!(seen["status"], "online");
    let answer = anna.post("/status/away", &json!({})).await.ok();
    assert_eq!(answer, json!({"status": "ok"}));
    let frame = boriss.aside("status_change").await;
    assert_eq!(frame["status"], "away");
    assert_eq!(contact(&boris).await["status"], "away");
    assert_eq!(anna.get("/status/me").await.ok()["status"], "away");
    let words_of_away = words(&boris, &anna.uid).await;
    assert!(words_of_away.starts_with("was at 20"), "{words_of_away}");
    anna.post("/status/online", &json!({})).await.ok();
    assert_eq!(contact(&boris).await["status"], "online");
    anna.post("/status/offline", &json!({})).await.ok();
    assert_eq!(contact(&boris).await["status"], "offline");
    anna.post("/status/online", &json!({})).await.ok();
    annas.close().await;
    assert_eq!(contact(&boris).await["status"], "offline");
    let words = words(&boris, &anna.uid).await;
    assert!(words.starts_with("was at 20"), "{words}");
    // Past the grace: it is told.
    loop {
        let frame = boriss.aside("status_change").await;
        if frame["status"] == "offline" {
            break;
        }
    }
    // A stop and a start of the server do not lose it.
    drop(boriss);
    server.signal(Signal::TERM);
    server.ended().await;
    server.start_again().await;
    assert_eq!(self::words(&boris, &anna.uid).await, words);
}

#[tokio::test]
async fn statuses_of_those_who_are_nothing_to_one() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let clara = server.anonymous().join("Clara").await;
    let asked = format!("{},{},99999999", boris.uid, clara.uid);
    let answer = anna.get(&format!("/statuses?user_ids={asked}")).await.ok();
    let status = |uid: &str| answer["statuses"][uid]["status"].clone();
    assert_eq!(status(&boris.uid), "inactive");
    assert_eq!(status(&clara.uid), "not_subscribed");
    assert_eq!(status("99999999"), "not_found");
    let empty = anna.get("/statuses?user_ids=").await.ok();
    assert_eq!(empty, json!({"statuses": {}}));
    let answer = anna.get("/statuses?user_ids=1,x").await;
    assert_eq!(answer.refused_fields(), ["user_ids"]);
    for path in ["/status/me", "/status/contacts", "/statuses"] {
        let answer = server.anonymous().get(path).await;
        answer.problem(ErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn writing_reaches_the_other_and_ends() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let clara = server.anonymous().join("Clara").await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    typing(&mut annas, "typing_start", &boris.uid).await;
    let frame = boriss.expect_frame("typing_start").await;
    assert_shape(&frame, "user_id:uid timestamp:time");
    assert_eq!(frame["user_id"], anna.uid);
    assert_eq!(contact(&boris).await["typing"], true);
    boriss.send(&json!({"type": "ping"})).await;
    let pong = boriss.expect_frame("pong").await;
    assert_eq!(
        pong["contacts_status"][&anna.uid],
        json!({"status": "online", "typing": true})
    );
    typing(&mut annas, "typing_stop", &boris.uid).await;
    assert_eq!(
        boriss.expect_frame("typing_stop").await["user_id"],
        anna.uid
    );
    // By REST, to a contact; and then nowhere.
    let body = json!({"target_id": boris.uid});
    anna.post("/status/typing", &body).await.ok();
    boriss.expect_frame("typing_start").await;
    let ok = anna
        .post("/status/typing", &json!({"chat_id": null}))
        .await
        .ok();
    assert_eq!(ok, json!({"status": "ok"}));
    boriss.expect_frame("typing_stop").await;
    // By itself, after ten seconds.
    typing(&mut annas, "typing_start", &boris.uid).await;
    boriss.expect_frame("typing_start").await;
    boriss.expect_frame("typing_stop").await;

    typing(&mut annas, "typing_start", &clara.uid).await;
    annas.expect_error("not_a_contact").await;
    annas.send(&json!({"type": "typing_start"})).await;
    annas.expect_error("validation_failed").await;
    for chat in [json!(77), json!("77")] {
        annas
            .send(&json!({"type": "typing_start", "chat_id": chat}))
            .await;
        annas.expect_error("not_a_member").await;
        let answer = anna.post("/status/typing", &json!({"chat_id": chat})).await;
        answer.problem(ErrorCode::NotAMember);
    }
    annas
        .send(&json!({"type": "typing_start", "chat_id": {"a": 1}}))
        .await;
    annas.expect_error("validation_failed").await;
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn who_blocks_or_hides_is_seen_by_nobody() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let mut boriss = boris.settled().await;
    anna.post("/blocks", &json!({"user_id": boris.uid}))
        .await
        .ok();
    let mut annas = anna.settled().await;
    typing(&mut annas, "typing_start", &boris.uid).await;
    annas.expect_error("blocked").await;
    assert_eq!(contact(&boris).await["status"], "offline");
    assert_eq!(words(&boris, &anna.uid).await, "inactive");
    assert_eq!(contact(&anna).await["status"], "offline");
    anna.delete(&format!("/blocks/{}", boris.uid)).await.ok();
    anna.put("/privacy", &json!({"typing": false, "last_seen": "nobody"}))
        .await
        .ok();
    typing(&mut annas, "typing_start", &boris.uid).await;
    assert_eq!(annas.barrier().await, [Value::Null; 0], "not refused");
    let seen = contact(&boris).await;
    assert_eq!(
        (&seen["status"], &seen["last_seen"], &seen["typing"]),
        (&json!("online"), &Value::Null, &json!(false))
    );
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
}
