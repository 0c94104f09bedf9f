//! Events over HTTP: the same as over a WebSocket, and as safe against lost connections.

use std::collections::BTreeMap;
use std::time::Duration;

use melo_domain::Timestamp;
use melo_protocol::ErrorCode;
use melo_tests::unique::{self, Dice};
use melo_tests::{Call, Device, Events, Fields, Server, Socket, assert_shape, befriend};
use reqwest::{Client, Method};
use serde_json::{Value, json};

fn call(client: &Client, device: &Device, path: &str) -> Call {
    Call::new(client, device.site().http_port, Method::GET, path).token(&device.token)
}

async fn stream(device: &Device) -> Events {
    device.call(Method::GET, "/events").stream().await.unwrap()
}

/// Goes on after this event.
async fn stream_after(device: &Device, last: &str) -> Events {
    let call = device.call(Method::GET, "/events");
    call.header("last-event-id", last).stream().await.unwrap()
}

/// Opens a stream, takes what was missed, and acknowledges it.
async fn settled(device: &Device) -> Events {
    let mut events = stream(device).await;
    let missed = events.until_synced().await;
    acknowledge(device, &missed).await;
    events
}

async fn acknowledge(device: &Device, frames: &[Value]) -> Value {
    let cursors: BTreeMap<String, u64> = frames
        .iter()
        .map(|frame| (frame.text("log"), frame.number("seq")))
        .collect();
    let answer = device
        .post("/events/ack", &json!({ "cursors": cursors }))
        .await;
    answer.ok()
}

async fn send(from: &Device, to: &Device, text: &str) -> u64 {
    let id = unique::client_id();
    let answer = from.post_message(&to.uid, &json!(text), id).await;
    answer.ok().number("seq")
}

fn texts(frames: &[Value]) -> Vec<String> {
    let messages = frames.iter().filter(|f| f["type"] == "relay_delivery");
    messages.map(|frame| frame.text("payload")).collect()
}

#[tokio::test]
async fn a_stream_carries_what_a_websocket_carries() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let boriss_laptop = boris.user.login_new().await;
    befriend(&anna, &boris).await;
    let mut socket = boriss_laptop.settled().await;
    let mut events = stream(&boris).await;
    let first = events.any().await.unwrap();
    assert_eq!(first.name, "heartbeat");
    assert_shape(&first.data, "type:text timestamp:time");
    assert!(first.id.is_empty(), "a sign of life moves nothing");
    let missed = events.until_synced().await;
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0]["type"], "subscription_request");
    // Line ends between the tokens of a payload are kept apart from those of the stream.
    let body = format!(
        "{{\"target_id\":\"{}\",\"data\":{{\"a\":\r\n\n 1}}}}",
        boris.uid
    );
    let call = anna.call(Method::POST, "/messages/send");
    call.body("application/json", body).send().await.ok();
    for n in 1..=3 {
        send(&anna, &boris, &n.to_string()).await;
    }
    for _ in 0..4 {
        let live = events.expect("relay_delivery").await;
        assert_eq!(live, socket.expect_frame("relay_delivery").await);
    }
    // What this device sends itself is answered by the call; another device gets it.
    send(&boris, &anna, "own").await;
    assert_eq!(
        socket.expect_frame("relay_delivery").await["payload"],
        "own"
    );
    send(&anna, &boris, "last").await;
    assert_eq!(events.expect("relay_delivery").await["payload"], "last");
    let mut again = stream_after(&boris, &events.last_id).await;
    assert_eq!(again.until_synced().await, [Value::Null; 0]);
}

#[tokio::test]
async fn signs_of_life_go_on_while_nothing_happens() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut events = stream(&anna).await;
    let mut beats = Vec::new();
    while beats.len() < 2 {
        let event = events.any().await.expect("a stream that stays open");
        if event.name == "heartbeat" {
            assert_shape(&event.data, "type:text timestamp:time");
            assert!(event.id.is_empty(), "a sign of life moves nothing");
            let at = event.data["timestamp"].clone();
            beats.push(serde_json::from_value::<Timestamp>(at).unwrap());
        }
    }
    let apart = beats[1].since(beats[0]);
    let (least, most) = (Duration::from_secs(29), Duration::from_secs(35));
    assert!((least..most).contains(&apart), "{beats:?}");
}

#[tokio::test]
async fn coming_back_with_the_last_id_loses_and_repeats_nothing() {
    const MESSAGES: u64 = 400;
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    let mut last = settled(&boris).await.last_id;
    let clients = [
        server.client(reqwest::ClientBuilder::http1_only),
        server.client(|builder| builder),
    ];
    let sending = tokio::spawn({
        let target = boris.uid.clone();
        async move {
            for n in 1..=MESSAGES {
                annas.say(&target, &json!(n.to_string())).await;
            }
            annas
        }
    });
    let mut dice = Dice::new(5);
    let (mut received, mut connections) = (0, 0);
    while received < MESSAGES {
        let client = &clients[connections % 2];
        connections += 1;
        let call = match dice.roll(0..2) {
            0 => call(client, &boris, "/events").header("last-event-id", &last),
            _ => call(client, &boris, &format!("/events?last_event_id={last}")),
        };
        let mut events = call.stream().await.unwrap();
        for _ in 0..dice.roll(5..60) {
            if received == MESSAGES {
                break;
            }
            let frame = events.next().await.unwrap().data;
            if frame["type"] == "relay_delivery" {
                assert_eq!(frame["log"], log);
                assert_eq!(frame.number("seq"), received + 1, "no gap, no repetition");
                received += 1;
            }
        }
        // The rest of what was on its way is thrown away with the connection.
        last = events.last_id;
    }
    let mut annas = sending.await.unwrap();
    assert!(connections > 4);
    // Coming back has confirmed what came before, which its author learns.
    let mut events = stream_after(&boris, &last).await;
    assert_eq!(texts(&events.until_synced().await), [""; 0]);
    loop {
        let receipt = annas.receipt().await;
        assert_eq!(receipt["status"], "delivered");
        if receipt.number("seq") == MESSAGES {
            break;
        }
    }
    // It stands in the device's positions now, for a client that keeps nothing at all.
    drop(events);
    assert_eq!(texts(&boris.catch_up().await.1), [""; 0]);
}

#[tokio::test]
async fn what_nobody_confirmed_comes_again() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let laptop = boris.user.login_new().await;
    drop(settled(&boris).await);
    let mut of_laptop = settled(&laptop).await;
    for n in 1..=3 {
        send(&anna, &boris, &n.to_string()).await;
        of_laptop.expect("relay_delivery").await;
    }
    let mut events = stream(&boris).await;
    let mut middle = String::new();
    for text in ["1", "2", "3"] {
        let event = events.next().await.unwrap();
        assert_eq!(event.data["payload"], text);
        if text == "2" {
            middle = event.id;
        }
    }
    assert_eq!(events.until_synced().await, [Value::Null; 0]);
    let (stream_id, n) = events.last_id.rsplit_once('-').unwrap();
    let beyond = format!("{stream_id}-{}", n.parse::<u64>().unwrap() + 1);
    let unknown = format!("0000000000000001-{n}");
    let long = "7".repeat(5000);
    // Ids that say nothing of this device's streams, and none.
    for last in [
        "",
        "nonsense",
        "-1",
        &beyond,
        &unknown,
        &of_laptop.last_id,
        &long,
    ] {
        let mut again = stream_after(&boris, last).await;
        let repeated = again.until_synced().await;
        assert_eq!(texts(&repeated), ["1", "2", "3"], "{last}");
    }
    // The middle of the stream.
    let mut again = stream_after(&boris, &middle).await;
    assert_eq!(texts(&again.until_synced().await), ["3"]);
    // By a call, as far as it says.
    let stand = acknowledge(&boris, &[json!({"log": log, "seq": 3})]).await;
    assert_eq!(
        stand["cursors"][&log],
        json!({"delivered": 3, "read": 0}),
        "{stand}"
    );
    let mut again = stream(&boris).await;
    assert_eq!(texts(&again.until_synced().await), [""; 0]);
}

#[tokio::test]
async fn positions_are_moved_by_calls_too() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let stranger = server.anonymous().join("Clara").await;
    let log = befriend(&anna, &boris).await;
    let strangers_log = befriend(&anna, &stranger).await;
    let mut annas = anna.settled().await;
    annas.say(&boris.uid, &json!("one")).await;
    annas.say(&boris.uid, &json!("two")).await;
    let body = json!({"cursors": {&log: 1, &strangers_log: 1}, "read": {}});
    let stand = boris.post("/events/ack", &body).await.ok();
    assert_eq!(
        stand,
        json!({"cursors": {&log: {"delivered": 1, "read": 0}}})
    );
    let receipt = annas.receipt().await;
    assert_eq!(receipt["status"], "delivered");
    assert_eq!(receipt["seq"], 1);
    let body = json!({"read": {&log: 900}});
    let stand = boris.post("/events/ack", &body).await.ok();
    assert_eq!(stand["cursors"][&log], json!({"delivered": 2, "read": 2}));
    let receipt = annas.receipt().await;
    assert_eq!(
        (receipt["status"].as_str(), receipt["seq"].as_u64()),
        (Some("read"), Some(2))
    );
    let many: BTreeMap<String, u64> = (1..=1001).map(|n| (n.to_string(), 1)).collect();
    let answer = boris.post("/events/ack", &json!({"cursors": many})).await;
    assert_eq!(answer.refused_fields(), ["cursors"]);
    let answer = boris.post("/events/ack", &json!({"cursors": []})).await;
    answer.problem(ErrorCode::Malformed);
}

#[tokio::test]
async fn a_stream_is_opened_by_header_or_ticket_and_never_by_a_token_in_the_address() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let nobody = server.anonymous();
    let open = async |path: &str| nobody.call(Method::GET, path).stream().await;
    for path in [
        "/events".to_owned(),
        format!("/events?token={}", anna.token),
        "/events?ticket=nonsense".to_owned(),
        "/events?ticket=".to_owned(),
    ] {
        let refused = open(&path).await.unwrap_err();
        refused.problem(ErrorCode::InvalidToken);
    }
    let made = anna.post("/ws_ticket", &json!({})).await.ok();
    let path = format!("/events?ticket={}", made.text("ticket"));
    let mut events = open(&path).await.unwrap();
    events.until_synced().await;
    open(&path)
        .await
        .unwrap_err()
        .problem(ErrorCode::InvalidToken);
    let evil = anna.call(Method::GET, "/events");
    let refused = evil.header("origin", "https://evil.example").stream().await;
    refused.unwrap_err().problem(ErrorCode::OriginRefused);
    let log = server.log();
    assert!(!log.contains(&anna.token) && !log.contains(&made.text("ticket")));

    // A token for reading is enough.
    let body = json!({"name": "reader", "scopes": ["chat:read"]});
    let made = anna.post("/tokens", &body).await.ok();
    let reader = Device {
        token: made.text("token"),
        ..anna.clone()
    };
    stream(&reader).await.until_synced().await;
    let body = json!({"name": "caller", "scopes": ["api:read"]});
    let made = anna.post("/tokens", &body).await.ok();
    let call = nobody.call(Method::GET, "/events");
    let refused = call.token(&made.text("token")).stream().await.unwrap_err();
    refused.problem(ErrorCode::InsufficientScope);
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_stream_at_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut events = stream(&anna).await;
    events.until_synced().await;
    anna.post("/logout", &json!({})).await.ok();
    events.expect_close(4001).await;
    let refused = anna.call(Method::GET, "/events").stream().await;
    refused.unwrap_err().problem(ErrorCode::SessionRevoked);
}

#[tokio::test]
async fn a_stop_of_the_server_ends_streams_with_the_time_to_wait() {
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut events = stream(&anna).await;
    events.until_synced().await;
    server.signal(rustix::process::Signal::TERM);
    events.expect_close(4100).await;
    assert!(server.ended().await.success());
    // Ids of before mean nothing to the new process: nothing is lost by that.
    server.start_again().await;
    let mut again = stream_after(&anna, &events.last_id).await;
    again.until_synced().await;
}

#[tokio::test]
async fn the_newest_connection_of_a_device_stays_whatever_its_kind() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut events = stream(&anna).await;
    events.until_synced().await;
    let mut socket = anna.online().await;
    events.expect_close(4005).await;
    let mut events = stream(&anna).await;
    events.until_synced().await;
    socket.expect_close(4005).await;
    let mut other = stream(&anna.user.login_new().await).await;
    other.until_synced().await;
    let mut newer = stream(&anna).await;
    newer.until_synced().await;
    events.expect_close(4005).await;
    anna.post("/logout", &json!({})).await.ok();
    newer.expect_close(4001).await;
}

#[tokio::test]
async fn streams_count_as_connections() {
    let server = Server::with(&[("WS_MAX_CONNECTIONS_PER_IP", "1")]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let mut events = stream(&anna).await;
    events.until_synced().await;
    let status = server.anonymous().get("/status").await.ok();
    assert_eq!(status["websocket"]["connections"], 1);
    let refused = boris.call(Method::GET, "/events").stream().await;
    refused.unwrap_err().problem(ErrorCode::TooManyConnections);
    let mut request = melo_tests::socket::request(&server.site(), "/");
    melo_tests::socket::bear(&mut request, &boris.token);
    let refused = Socket::handshake(&server.site(), request).await;
    assert_eq!(refused.unwrap_err().status(), 429);
}

#[tokio::test]
async fn a_slow_reader_of_a_stream_is_sent_away_and_misses_nothing() {
    /// Sent between two looks at the log.
    const ROUND: u64 = 16;
    /// Far above all buffers on the way.
    const MOST: u64 = 1600;
    const LENGTH: usize = 64 * 1024;
    let server = Server::with(&[("DEBUG_MODE", "true")]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    drop(settled(&boris).await);
    let mut annas = anna.settled().await;
    let http1 = server.client(reqwest::ClientBuilder::http1_only);
    let mut slow = call(&http1, &boris, "/events").stream().await.unwrap();
    slow.until_synced().await;

    let text = |n: u64| format!("{n} {}", "x".repeat(LENGTH));
    let mut sent = 0;
    while !server.log().contains("code=4101") {
        assert!(sent < MOST, "nobody minds the slow reader");
        for n in sent + 1..=sent + ROUND {
            annas.relay(&boris.uid, &json!(text(n))).await;
        }
        for _ in 0..ROUND {
            assert_eq!(annas.expect_frame("msg_status").await["status"], "queued");
        }
        sent += ROUND;
    }
    let mut received = Vec::new();
    while let Some(event) = slow.next().await {
        if event.name == "close" {
            assert_eq!(event.data["code"], 4101);
            assert_eq!(event.data["reconnect"], true);
            break;
        }
        received.push(event.data);
    }
    assert!((received.len() as u64) < sent);
    let mut back = stream_after(&boris, &slow.last_id).await;
    received.extend(back.until_synced().await);
    let received = texts(&received);
    assert_eq!(received.len() as u64, sent);
    for (found, n) in received.iter().zip(1..) {
        assert!(*found == text(n), "message {n}");
    }
}
