//! Calls as clients see them: who rings, who answers, what is refused, what stays in the history.

use std::time::Duration;

use melo_protocol::ErrorCode;
use melo_tests::keys::{DeviceKeys, envelope, signing_key};
use melo_tests::{Device, Fields, Server, Socket, assert_shape, befriend, unique};
use serde_json::{Value, json};

async fn pair(server: &Server) -> (Device, Device) {
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    (anna, boris)
}

/// A frame that names its call, with an id of its own.
pub(crate) fn named(kind: &str, call: &str) -> Value {
    json!({"type": kind, "call_id": call, "client_id": unique::client_id()})
}

fn new_call() -> String {
    unique::client_id().to_string()
}

/// Sends a frame that is answered with a state.
pub(crate) async fn ask(socket: &mut Socket, frame: &Value) -> Value {
    socket.send(frame).await;
    let answer = socket.expect_frame("call_state").await;
    assert_eq!(answer["client_id"], frame["client_id"], "{answer}");
    answer
}

pub(crate) async fn expect_state(socket: &mut Socket, state: &str) -> Value {
    let frame = socket.expect_frame("call_state").await;
    assert_eq!(frame["state"], state, "{frame}");
    frame
}

fn offer(call: &str, to: &Device) -> Value {
    let mut offer = named("offer", call);
    offer["target"] = json!(to.uid);
    offer["media"] = json!("video");
    offer["sdp"] = json!("v=0\r\nplain");
    offer
}

async fn ring(from: &mut Socket, to: &Device, call: &str) {
    let answer = ask(from, &offer(call, to)).await;
    assert_eq!(answer["state"], "ringing", "{answer}");
}

#[tokio::test]
async fn a_call_rings_everywhere_is_answered_once_and_stays_in_the_history() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let tablet = boris.user.login_new().await;
    let mut annas = anna.settled().await;
    let mut phone = boris.settled().await;
    let mut tablets = tablet.settled().await;
    let call = new_call();
    let answer = ask(&mut annas, &offer(&call, &boris)).await;
    assert_shape(
        &answer,
        "state:text from:uid to:uid call_id:text device:hex16 media:text at:time rings_until:time client_id:text",
    );
    assert_eq!(
        (&answer["state"], &answer["media"]),
        (&json!("ringing"), &json!("video"))
    );
    for socket in [&mut phone, &mut tablets] {
        let rung = socket.expect_frame("offer").await;
        assert_shape(
            &rung,
            "from:uid call_id:text device:hex16 at:time verified:bool media:text sdp:text",
        );
        assert_eq!(rung["sdp"], "v=0\r\nplain");
        assert_eq!(
            (&rung["from"], &rung["device"]),
            (&json!(anna.uid), &json!(anna.handle))
        );
        assert_eq!(rung["verified"], false);
    }
    // Both answer at the same moment.
    let (one, other) = (named("call_accept", &call), named("call_accept", &call));
    tokio::join!(phone.send(&one), tablets.send(&other));
    let mut answers = vec![phone.frame().await, tablets.frame().await];
    let winner =
        usize::from(answers[1]["type"] == "call_state" && answers[1]["state"] == "answered");
    assert_eq!(answers[winner]["state"], "answered", "{answers:?}");
    let mut first = answers.remove(1 - winner);
    let (winner, loser, winning) = if winner == 0 {
        (&mut phone, &mut tablets, &boris)
    } else {
        (&mut tablets, &mut phone, &tablet)
    };
    // The loser is told, and its own answer is refused; in either order.
    let mut second = loser.frame().await;
    if first["type"] == "error" {
        std::mem::swap(&mut first, &mut second);
    }
    assert_eq!(first["state"], "answered_elsewhere", "{first}");
    assert_eq!(first["device"], winning.handle);
    assert_eq!(second["code"], "call_taken", "{second}");
    annas.expect_frame("call_accept").await;
    let answered = expect_state(&mut annas, "answered").await;
    assert_eq!(answered["device"], winning.handle);

    // Descriptions and ways go between the two devices alone, as they were sent.
    winner
        .send(&json!({"type": "answer", "call_id": call, "sdp": "answer"}))
        .await;
    assert_eq!(annas.expect_frame("answer").await["sdp"], "answer");
    let candidate = json!({"candidate": "candidate:1", "sdpMid": "0"});
    annas
        .send(&json!({"type": "ice_candidate", "call_id": call, "candidate": candidate}))
        .await;
    assert_eq!(
        winner.expect_frame("ice_candidate").await["candidate"],
        candidate
    );
    annas
        .send(&json!({"type": "call_signal", "call_id": call, "muted": true, "hold": false}))
        .await;
    assert_eq!(winner.expect_frame("call_signal").await["muted"], true);
    ask(winner, &named("call_connected", &call)).await;
    expect_state(&mut annas, "connected").await;
    // An ICE restart is an offer within the call.
    annas
        .send(&json!({"type": "offer", "call_id": call, "sdp": "restart"}))
        .await;
    assert_eq!(winner.expect_frame("offer").await["sdp"], "restart");
    assert_eq!(
        loser.barrier().await,
        [Value::Null; 0],
        "not in it any more"
    );

    let active = winning.get("/calls/active").await.ok();
    assert_shape(
        &active["call"],
        "call_id:text caller:uid callee:uid state:text media:text started_at:time participants:list frames:list",
    );
    assert_eq!(active["call"]["state"], "connected");
    let ended = ask(&mut annas, &named("call_end", &call)).await;
    assert_eq!(
        (&ended["state"], &ended["reason"]),
        (&json!("ended"), &json!("hung_up"))
    );
    winner.expect_frame("call_end").await;
    expect_state(winner, "ended").await;
    assert_eq!(
        winning.get("/calls/active").await.ok(),
        json!({"call": null})
    );

    // The record, on every device of both, and in the history.
    for socket in [&mut annas, winner, loser] {
        let record = socket.expect_frame("call_record").await;
        assert_shape(
            &record,
            "log:log seq:number at:time call_id:text caller:uid callee:uid state:text reason:text media:text started_at:time duration:number",
        );
        assert_eq!(
            (&record["call_id"], &record["state"]),
            (&json!(call), &json!("ended"))
        );
    }
    let path = format!("/messages/history/dm/{}?limit=10", anna.uid);
    let history = boris.get(&path).await.ok();
    let events = history.list("events");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["call"]["call_id"], json!(call));
    // Existing clients' history has messages only.
    let pages = boris
        .get(&format!("/messages/history/dm/{}", anna.uid))
        .await
        .ok();
    assert_eq!(pages["total"], 0);
    // Late.
    phone.send(&named("call_accept", &call)).await;
    phone.expect_error("call_over").await;
    assert!(
        !server.log().contains("candidate:1"),
        "signalling is in no log"
    );
}

#[tokio::test]
async fn nobody_answers_and_who_was_away_finds_it() {
    let server = Server::with(&[("CALL_RING_SECONDS", "2")]).await;
    let (anna, boris) = pair(&server).await;
    let mut annas = anna.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    let missed = expect_state(&mut annas, "missed").await;
    assert_eq!(missed["call_id"], json!(call));
    let record = annas.expect_frame("call_record").await;
    assert_eq!(
        (&record["state"], &record["duration"]),
        (&json!("missed"), &json!(0))
    );
    // Boris was not there; his log has it.
    let (_boriss, missed) = boris.catch_up().await;
    let records: Vec<&Value> = missed
        .iter()
        .filter(|f| f["type"] == "call_record")
        .collect();
    assert_eq!(records.len(), 1, "{missed:?}");
    assert_eq!(
        (&records[0]["call_id"], &records[0]["caller"]),
        (&json!(call), &json!(anna.uid))
    );
    for device in [&anna, &boris] {
        let other = if device.uid == anna.uid {
            &boris
        } else {
            &anna
        };
        let path = format!("/messages/history/dm/{}?limit=10", other.uid);
        let history = device.get(&path).await.ok();
        assert_eq!(history.list("events")[0]["call"]["state"], "missed");
    }
}

#[tokio::test]
async fn who_connects_while_it_rings_gets_the_offer() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let mut annas = anna.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    annas
        .send(&json!({"type": "candidate", "call_id": call, "candidate": 1}))
        .await;
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
    let active = boris.get("/calls/active").await.ok();
    assert_eq!(active["call"]["state"], "ringing");
    let frames = active["call"].list("frames");
    assert_eq!(frames[0]["type"], "offer");
    assert_eq!(frames[1]["candidate"], 1);
    // Nobody else sees it.
    let clara = server.anonymous().join("Clara").await;
    assert_eq!(clara.get("/calls/active").await.ok(), json!({"call": null}));
    let anonymous = server.anonymous().get("/calls/active").await;
    anonymous.problem(ErrorCode::InvalidToken);

    let mut boriss = boris.connect().await;
    let before = boriss.until("offer").await;
    assert!(
        before.iter().all(|f| f["type"] != "candidate"),
        "{before:?}"
    );
    boriss.expect_frame("candidate").await;
    boriss.send(&named("call_accept", &call)).await;
    annas.expect_frame("call_accept").await;
    expect_state(&mut annas, "answered").await;
}

#[tokio::test]
async fn a_device_that_is_cut_off_comes_back_or_is_lost() {
    let server = Server::with(&[("CALL_LOST_SECONDS", "6")]).await;
    let (anna, boris) = pair(&server).await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    ask(&mut boriss, &named("call_accept", &call)).await;
    annas.expect_frame("call_accept").await;
    expect_state(&mut annas, "answered").await;
    // Cut off; what is said meanwhile is there when the device is back.
    drop(boriss);
    annas
        .send(&json!({"type": "offer", "call_id": call, "sdp": "restart"}))
        .await;
    let mut boriss = boris.connect().await;
    let missed = boriss.until("synced").await;
    let states = missed.iter().filter(|frame| frame["state"] == "answered");
    assert_eq!(states.count(), 1, "{missed:?}");
    let offers: Vec<&Value> = missed.iter().filter(|f| f["type"] == "offer").collect();
    assert_eq!(offers.last().expect("an offer")["sdp"], "restart");
    // It stays in the call for longer than a silent device would: both answer pings while they wait.
    let span = Duration::from_secs(9);
    let kept = tokio::join!(
        tokio::time::timeout(span, annas.next()),
        tokio::time::timeout(span, boriss.next())
    );
    assert!(kept.0.is_err() && kept.1.is_err(), "{kept:?}");
    drop(boriss);
    let lost = expect_state(&mut annas, "ended").await;
    assert_eq!(lost["reason"], "lost");
    let record = annas.expect_frame("call_record").await;
    assert_eq!(
        (&record["state"], &record["reason"]),
        (&json!("ended"), &json!("lost"))
    );
    // A caller who vanishes does not ring on.
    let mut boriss = boris.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    drop(annas);
    let cancelled = expect_state(&mut boriss, "cancelled").await;
    assert_eq!(cancelled["reason"], "lost");
}

#[tokio::test]
async fn declined_busy_given_up_and_both_at_once() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&clara, &boris).await;
    let tablet = boris.user.login_new().await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut tablets = tablet.settled().await;
    let mut claras = clara.settled().await;

    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    tablets.expect_frame("offer").await;
    // In a call that rings, another one does not.
    let busy = ask(&mut claras, &offer(&new_call(), &boris)).await;
    assert_eq!(busy["state"], "busy");
    claras.expect_frame("call_record").await;
    boriss.expect_frame("call_record").await;
    tablets.expect_frame("call_record").await;
    let rejected = ask(&mut boriss, &named("call_reject", &call)).await;
    assert_eq!(rejected["state"], "rejected");
    annas.expect_frame("call_reject").await;
    expect_state(&mut annas, "rejected").await;
    expect_state(&mut tablets, "declined_elsewhere").await;
    for socket in [&mut annas, &mut boriss, &mut tablets] {
        assert_eq!(
            socket.expect_frame("call_record").await["state"],
            "rejected"
        );
    }

    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    tablets.expect_frame("offer").await;
    let ended = ask(&mut annas, &named("call_end", &call)).await;
    assert_eq!(ended["state"], "cancelled");
    for socket in [&mut boriss, &mut tablets] {
        socket.expect_frame("call_end").await;
        expect_state(socket, "cancelled").await;
        socket.expect_frame("call_record").await;
    }
    annas.expect_frame("call_record").await;

    // Boris calls while Anna's call rings: he has answered it.
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    let mut back = offer(&new_call(), &anna);
    back["media"] = json!("audio");
    boriss.send(&back).await;
    let met = boriss.frame().await;
    assert_eq!(
        (&met["state"], &met["call_id"]),
        (&json!("answered"), &json!(call)),
        "{met}"
    );
    let answered = expect_state(&mut annas, "answered").await;
    assert_eq!(answered["device"], boris.handle);
    boriss.expect_frame("offer").await;
}

#[tokio::test]
async fn a_call_goes_on_with_the_tablet() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let tablet = boris.user.login_new().await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut tablets = tablet.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    tablets.expect_frame("offer").await;
    ask(&mut boriss, &named("call_accept", &call)).await;
    annas.expect_frame("call_accept").await;
    expect_state(&mut annas, "answered").await;
    expect_state(&mut tablets, "answered_elsewhere").await;
    let taken = ask(&mut tablets, &named("call_transfer", &call)).await;
    assert_eq!(
        (&taken["state"], &taken["device"]),
        (&json!("answered"), &json!(tablet.handle))
    );
    let told = expect_state(&mut annas, "transferred").await;
    assert_eq!(told["device"], tablet.handle);
    expect_state(&mut boriss, "transferred").await;
    tablets
        .send(&json!({"type": "offer", "call_id": call, "sdp": "new"}))
        .await;
    assert_eq!(annas.expect_frame("offer").await["sdp"], "new");
    boriss.send(&named("call_signal", &call)).await;
    boriss.expect_error("call_taken").await;
    let stale =
        json!({"type": "candidate", "call_id": call, "device": boris.handle, "candidate": 1});
    annas.send(&stale).await;
    annas.expect_error("not_in_call").await;
}

#[tokio::test]
async fn what_existing_clients_send_works_unchanged() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let to_boris = |kind: &str| json!({"type": kind, "target": boris.uid});
    let to_anna = |kind: &str| json!({"type": kind, "target": anna.uid});
    let mut start = to_boris("call_start");
    start["call_type"] = json!("video");
    start["seq"] = json!({"anything": [1]});
    annas.send(&start).await;
    let rung = boriss.expect_frame("call_start").await;
    assert_eq!(
        (&rung["call_type"], &rung["from"]),
        (&json!("video"), &json!(anna.uid))
    );
    assert_eq!(
        (&rung["verified"], &rung["seq"]),
        (&json!(false), &json!({"anything": [1]}))
    );
    let mut offer = to_boris("offer");
    offer["sdp"] = json!({"type": "offer", "sdp": "v=0"});
    annas.send(&offer).await;
    assert_eq!(boriss.expect_frame("offer").await["sdp"], offer["sdp"]);
    for kind in ["candidate", "ice_candidate", "call_signal"] {
        annas.send(&to_boris(kind)).await;
        boriss.expect_frame(kind).await;
    }
    boriss.send(&to_anna("call_accept")).await;
    annas.expect_frame("call_accept").await;
    boriss.send(&to_anna("answer")).await;
    annas.expect_frame("answer").await;
    boriss.send(&to_anna("call_connected")).await;
    let state = annas.expect_frame("call_state").await;
    assert_eq!(
        (&state["state"], &state["from"], &state["to"]),
        (&json!("connected"), &json!(boris.uid), &json!(anna.uid))
    );
    annas.send(&to_boris("call_end_state")).await;
    expect_state(&mut boriss, "ended").await;
    boriss.send(&to_anna("call_end_state")).await;
    for socket in [&mut annas, &mut boriss] {
        socket.expect_frame("call_record").await;
        assert_eq!(
            socket.barrier().await,
            [Value::Null; 0],
            "and nothing that they do not know"
        );
    }
    boriss.send(&to_anna("call_reject")).await;
    boriss.expect_error("call_over").await;
}

#[tokio::test]
async fn what_is_sealed_is_cut_for_each_device() {
    let server = Server::start().await;
    let (anna, boris) = pair(&server).await;
    let tablet = boris.user.login_new().await;
    let identity = signing_key();
    let (one, two) = (DeviceKeys::new(0, &identity), DeviceKeys::new(1, &identity));
    boris.post("/keys", &one.publication(&boris)).await.ok();
    tablet.post("/keys", &two.publication(&tablet)).await.ok();
    let own = DeviceKeys::new(2, &signing_key());
    anna.post("/keys", &own.publication(&anna)).await.ok();
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut tablets = tablet.settled().await;
    let (first, second) = (one.kid(), two.kid());
    let call = new_call();
    let sealed = |kids: &[&str]| {
        let mut frame = offer(&call, &boris);
        frame.as_object_mut().expect("an object").remove("sdp");
        frame["payload"] = envelope(&anna, kids);
        frame
    };
    // A device that is forgotten would not ring.
    annas.send(&sealed(&[&first])).await;
    let refused = annas.expect_error("device_mismatch").await;
    assert_eq!(refused["missing"], json!([second]));
    let stranger = "f".repeat(32);
    annas.send(&sealed(&[&first, &second, &stranger])).await;
    let refused = annas.expect_error("device_mismatch").await;
    assert_eq!(refused["extra"], json!([stranger]));
    assert_eq!(
        ask(&mut annas, &sealed(&[&first, &second])).await["state"],
        "ringing"
    );
    for (socket, kid) in [(&mut boriss, &first), (&mut tablets, &second)] {
        let rung = socket.expect_frame("offer").await;
        let keys = rung["payload"]["keys"].as_object().expect("keys");
        assert_eq!(keys.keys().collect::<Vec<_>>(), [kid]);
        assert!(
            rung.get("verified").is_none(),
            "that is for the devices to find"
        );
    }
    // One who connects later gets its own part too.
    drop(tablets);
    let mut tablets = tablet.connect().await;
    tablets.until("offer").await;
    let active = tablet.get("/calls/active").await.ok();
    let keys = active["call"]["frames"][0]["payload"]["keys"]
        .as_object()
        .expect("keys")
        .clone();
    assert_eq!(keys.keys().collect::<Vec<_>>(), [&second]);
    // Back to the caller's device alone.
    let mut accept = named("call_accept", &call);
    accept["payload"] = envelope(&boris, &[&own.kid()]);
    ask(&mut boriss, &accept).await;
    let accepted = annas.expect_frame("call_accept").await;
    assert_eq!(
        accepted["payload"]["keys"].as_object().expect("keys").len(),
        1
    );
}

#[tokio::test]
async fn refusals_are_named() {
    let server = Server::with(&[("WS_RATE_LIMIT_MESSAGES", "100")]).await;
    let (anna, boris) = pair(&server).await;
    let clara = server.anonymous().join("Clara").await;
    let mut annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    let mut claras = clara.settled().await;
    claras.send(&offer(&new_call(), &boris)).await;
    claras.expect_error("not_a_contact").await;
    annas.send(&offer(&new_call(), &anna)).await;
    annas.expect_error("self_target").await;
    for kind in [
        "call_accept",
        "call_reject",
        "call_end",
        "call_connected",
        "answer",
        "call_join",
        "call_transfer",
    ] {
        let frame = named(kind, &new_call());
        annas.send(&frame).await;
        let refused = annas.expect_error("call_not_found").await;
        assert_eq!(refused["client_id"], frame["client_id"], "{kind}");
    }
    let mut long = offer(&new_call(), &boris);
    long["sdp"] = json!("x".repeat(64 * 1024));
    annas.send(&long).await;
    annas.expect_error("too_large").await;
    annas.send(&json!({"type": "offer"})).await;
    annas.expect_error("validation_failed").await;
    // Blocked: as one who never was a contact, and nobody rings.
    boris
        .post("/blocks", &json!({"user_id": anna.uid}))
        .await
        .ok();
    annas.send(&offer(&new_call(), &boris)).await;
    annas.expect_error("not_a_contact").await;
    boriss.send(&offer(&new_call(), &anna)).await;
    boriss.expect_error("blocked").await;
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
    boris.delete(&format!("/blocks/{}", anna.uid)).await.ok();
    // A flood of candidates is stopped, the call goes on.
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    boriss.expect_frame("offer").await;
    for n in 0..250 {
        annas
            .send(&json!({"type": "candidate", "call_id": call, "candidate": n}))
            .await;
    }
    let refused = annas.barrier().await;
    assert!((40..=60).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|frame| frame["code"] == "rate_limited"));
    let through = boriss.barrier().await;
    assert_eq!(through.len(), 250 - refused.len());
    ask(&mut boriss, &named("call_accept", &call)).await;
}

#[tokio::test]
async fn who_sleeps_is_left_a_wake_up_and_how_it_was_is_counted() {
    let server = Server::with(&[("CALL_RING_SECONDS", "5")]).await;
    let (anna, boris) = pair(&server).await;
    server.promote(&anna.uid, "owner");
    let anna = anna.user.login_first().await;
    let mut annas = anna.settled().await;
    let call = new_call();
    ring(&mut annas, &boris, &call).await;
    let figures = anna.get("/admin/figures").await.ok();
    let jobs = &figures["jobs"];
    assert_eq!(
        jobs["waiting"].as_u64().unwrap_or(0) + jobs["running"].as_u64().unwrap_or(0),
        1
    );
    let early = json!({"call_id": call, "loss": 0.5, "jitter": 12, "rtt": 80});
    let answer = anna.post("/calls/quality", &early).await;
    assert_eq!(answer.refused_fields(), ["call_id"], "it rings");
    expect_state(&mut annas, "missed").await;
    annas.expect_frame("call_record").await;
    let bad = json!({"call_id": call, "loss": 200, "jitter": 12, "rtt": 80});
    assert_eq!(
        anna.post("/calls/quality", &bad).await.refused_fields(),
        ["loss"]
    );
    let report =
        json!({"call_id": call, "loss": 0.5, "jitter": 12, "rtt": 80, "candidate_type": "relay"});
    anna.post("/calls/quality", &report).await.ok();
    let mut frame = named("call_quality", &call);
    for name in ["loss", "jitter", "rtt"] {
        frame[name] = report[name].clone();
    }
    annas.send(&frame).await;
    let noted = annas.expect_frame("call_quality").await;
    assert_eq!(noted["client_id"], frame["client_id"]);
    let clara = server.anonymous().join("Clara").await;
    clara
        .post("/calls/quality", &report)
        .await
        .problem(ErrorCode::CallNotFound);
    let figures = anna.get("/admin/figures").await.ok();
    assert_eq!(
        figures["calls"]["reports"], 1,
        "a device's second report is the first one"
    );
    assert_eq!(figures["calls"]["candidate_types"]["relay"], 1);
    assert_eq!(
        figures["calls"]["rtt"]["counts"],
        json!([0, 0, 1, 0, 0, 0, 0])
    );
    // The wake-up is of no use any more, and goes without being called a failure.
    let gone = tokio::time::timeout(melo_tests::PATIENCE, async {
        loop {
            let jobs = anna.get("/admin/figures").await.ok()["jobs"].clone();
            if jobs == json!({"waiting": 0, "running": 0, "dead": 0}) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    gone.await.expect("no jobs");
}
