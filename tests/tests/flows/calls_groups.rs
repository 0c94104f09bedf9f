//! Calls of chats: begun, joined, left, and what those in them tell each other.

use melo_protocol::ErrorCode;
use melo_tests::{Chat, Device, Fields, Server, Socket, assert_shape, befriend, unique};
use serde_json::{Value, json};

use crate::calls::{expect_state, named};

async fn roster(socket: &mut Socket, frame: &Value) -> Value {
    socket.send(frame).await;
    let roster = socket.expect_frame("call_roster").await;
    assert_eq!(roster["client_id"], frame["client_id"]);
    roster
}

fn people(roster: &Value) -> Vec<String> {
    roster
        .list("participants")
        .iter()
        .map(|p| p.text("user_id"))
        .collect()
}

#[tokio::test]
async fn members_join_talk_and_leave() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let chat = Chat::group(&anna, &[&boris, &clara]).await;
    let id: Value = serde_json::from_str(&chat.log()).expect("a number");
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut claras = clara.settled().await;
    let call = unique::client_id().to_string();
    let mut start = named("call_start", &call);
    start["chat_id"] = id.clone();
    start["media"] = json!("audio");
    let first = roster(&mut annas, &start).await;
    assert_shape(
        &first,
        "call_id:text chat_id:number topology:text media:text participants:list at:time client_id:text",
    );
    assert_eq!(
        (&first["topology"], people(&first)),
        (&json!("mesh"), vec![anna.uid.clone()])
    );
    for socket in [&mut boriss, &mut claras] {
        let rung = socket.expect_frame("call_start").await;
        assert_eq!((&rung["chat_id"], &rung["call_id"]), (&id, &json!(call)));
    }
    let active = clara
        .get(&format!("/calls/active?chat_id={}", chat.log()))
        .await
        .ok();
    assert_eq!(active["call"]["call_id"], json!(call));
    let second = roster(&mut boriss, &named("call_join", &call)).await;
    assert_eq!(people(&second), [anna.uid.clone(), boris.uid.clone()]);
    annas.expect_frame("call_roster").await;
    // Who begins one meanwhile is in that one.
    let mut other = named("call_start", &unique::client_id().to_string());
    other["chat_id"] = id.clone();
    let third = roster(&mut claras, &other).await;
    assert_eq!(third["call_id"], json!(call));
    for socket in [&mut annas, &mut boriss] {
        assert_eq!(people(&socket.expect_frame("call_roster").await).len(), 3);
    }
    // The newcomer makes the offers, one for each device.
    for (to, socket) in [(&anna, &mut annas), (&boris, &mut boriss)] {
        let offer = json!({"type": "offer", "call_id": call, "target": to.uid, "device": to.handle, "sdp": "v=0"});
        claras.send(&offer).await;
        let heard = socket.expect_frame("offer").await;
        assert_eq!(
            (&heard["from"], &heard["device"]),
            (&json!(clara.uid), &json!(clara.handle))
        );
    }
    annas
        .send(&json!({"type": "call_speaking", "call_id": call, "speaking": true}))
        .await;
    for socket in [&mut boriss, &mut claras] {
        let heard = socket.expect_frame("call_speaking").await;
        assert_eq!(
            (&heard["from"], &heard["speaking"]),
            (&json!(anna.uid), &json!(true))
        );
    }
    annas
        .send(&json!({"type": "offer", "call_id": call, "sdp": "v=0"}))
        .await;
    annas.expect_error("validation_failed").await;
    let astray =
        json!({"type": "offer", "call_id": call, "target": anna.uid, "device": boris.handle});
    claras.send(&astray).await;
    claras.expect_error("not_in_call").await;
    refused_outside(&server, &chat, &call).await;

    let mut leave = named("call_leave", &call);
    annas.send(&leave).await;
    assert_eq!(annas.expect_frame("call_state").await["state"], "ended");
    for socket in [&mut boriss, &mut claras] {
        assert_eq!(people(&socket.expect_frame("call_roster").await).len(), 2);
    }
    annas.send(&leave).await;
    annas.expect_error("not_in_call").await;
    leave = named("call_end", &call);
    boriss.send(&leave).await;
    boriss.expect_frame("call_state").await;
    claras.expect_frame("call_roster").await;
    claras.send(&leave).await;
    for socket in [&mut annas, &mut boriss] {
        expect_state(socket, "ended").await;
        let record = socket.expect_frame("call_record").await;
        assert_eq!(
            (&record["chat_id"], &record["caller"]),
            (&id, &json!(anna.uid))
        );
        assert_eq!(record.list("participants").len(), 3);
    }
    let none = clara
        .get(&format!("/calls/active?chat_id={}", chat.log()))
        .await
        .ok();
    assert_eq!(none, json!({"call": null}));
    let history = anna
        .get(&format!("/messages/history/chat/{}?limit=10", chat.log()))
        .await
        .ok();
    let calls = history
        .list("events")
        .iter()
        .filter(|e| e["call"].is_object())
        .count();
    assert_eq!(calls, 1);
}

async fn refused_outside(server: &Server, chat: &Chat, call: &str) {
    let dora = server.anonymous().join("Dora").await;
    let mut doras = dora.settled().await;
    doras.send(&named("call_join", call)).await;
    doras.expect_error("call_not_found").await;
    let mut start = named("call_start", &unique::client_id().to_string());
    start["chat_id"] = serde_json::from_str(&chat.log()).expect("a number");
    doras.send(&start).await;
    doras.expect_error("not_a_member").await;
    let answer = dora
        .get(&format!("/calls/active?chat_id={}", chat.log()))
        .await;
    answer.problem(ErrorCode::NotAMember);
}

#[tokio::test]
async fn the_ninth_does_not_come_in() {
    let server = Server::start().await;
    let mut people: Vec<Device> = Vec::new();
    for n in 0..9 {
        people.push(server.anonymous().join(&format!("Person {n}")).await);
    }
    let others: Vec<&Device> = people[1..].iter().collect();
    for other in &others {
        befriend(&people[0], other).await;
    }
    let chat = Chat::group(&people[0], &others).await;
    let call = unique::client_id().to_string();
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(person.settled().await);
    }
    let mut start = named("call_start", &call);
    start["chat_id"] = serde_json::from_str(&chat.log()).expect("a number");
    roster(&mut sockets[0], &start).await;
    for socket in &mut sockets[1..8] {
        socket.expect_frame("call_start").await;
        socket.send(&named("call_join", &call)).await;
        socket.until("call_roster").await;
    }
    let ninth = &mut sockets[8];
    ninth.expect_frame("call_start").await;
    ninth.send(&named("call_join", &call)).await;
    ninth.expect_error("limit_reached").await;
    // One leaves, and there is room.
    sockets[3].send(&named("call_leave", &call)).await;
    sockets[3].until("call_state").await;
    sockets[8].send(&named("call_join", &call)).await;
    sockets[8].until("call_roster").await;
}
