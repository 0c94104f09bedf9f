//! Frames that nobody should send. None of them may hurt the connection, the server, or anybody else.

use melo_protocol::MAX_FRAME_BYTES;
use melo_tests::{Fields, Server, befriend};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Text frames and the code of the error that each is answered with.
fn nasty(target: &str, log: &str) -> Vec<(String, &'static str)> {
    let id = "936da01f-9abd-4d9d-80c7-02af85c822a8";
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let malformed = [
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        "5".to_owned(),
        "\"ping\"".to_owned(),
        "[]".to_owned(),
        "[{\"type\":\"ping\"}]".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        "}".to_owned(),
        "{\"type\"".to_owned(),
        "{\"type\":\"ping\"".to_owned(),
        "{\"type\":\"ping\"}{\"type\":\"ping\"}".to_owned(),
        "{\"type\":\"ping\",}".to_owned(),
        "{'type':'ping'}".to_owned(),
        "{\"type\":null}".to_owned(),
        "{\"type\":5}".to_owned(),
        "{\"type\":[\"ping\"]}".to_owned(),
        "{\"type\":{\"type\":\"ping\"}}".to_owned(),
        "{\"TYPE\":\"ping\"}".to_owned(),
        "{\"type\":\"ping\",\"type\":\"ping\"}".to_owned(),
        "\u{feff}{\"type\":\"ping\"}".to_owned(),
        "{\"type\":\"\\ud800\"}".to_owned(),
        "{\"type\":\"ping\u{0}\"}".to_owned(),
        deep(100_000),
        format!("{{\"type\":\"relay\",\"target\":{target},\"payload\":\"x\"}}"),
        format!("{{\"type\":\"relay\",\"target\":[\"{target}\"],\"payload\":\"x\"}}"),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":\"x\",\"client_id\":5}}"),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":NaN}}"),
        format!("{{\"type\":\"ack\",\"log\":{log},\"seq\":1}}"),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\",\"seq\":-1}}"),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\",\"seq\":1.5}}"),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\",\"seq\":1e400}}"),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\",\"seq\":18446744073709551616}}"),
        "{\"type\":\"ack\",\"log\":\"9007199254740992\",\"seq\":1}".to_owned(),
        "{\"type\":\"ack\",\"log\":\"0\",\"seq\":1}".to_owned(),
        "{\"type\":\"resume\",\"cursors\":[]}".to_owned(),
        "{\"type\":\"resume\",\"cursors\":{\"x\":1}}".to_owned(),
        format!("{{\"type\":\"resume\",\"cursors\":{{\"{log}\":\"1\"}}}}"),
        "{\"type\":\"resume\",\"cursors\":5}".to_owned(),
        "{\"type\":\"reauth\",\"token\":5}".to_owned(),
    ];
    let validation = [
        format!(
            "{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":{}}}",
            deep(50_000)
        ),
        "{\"type\":\"relay\"}".to_owned(),
        "{\"type\":\"relay\",\"target\":null,\"payload\":\"x\"}".to_owned(),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\"}}"),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":null}}"),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":5}}"),
        format!("{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":[\"x\"]}}"),
        format!(
            "{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":\"x\",\"client_id\":\"\"}}"
        ),
        format!(
            "{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":\"x\",\"client_id\":\"{id}x\"}}"
        ),
        "{\"type\":\"relay\",\"target\":\"\",\"payload\":\"x\"}".to_owned(),
        "{\"type\":\"relay\",\"target\":\"1 OR 1=1\",\"payload\":\"x\"}".to_owned(),
        "{\"type\":\"relay\",\"target\":\"１２３４５６７８\",\"payload\":\"x\"}".to_owned(),
        format!("{{\"type\":\"relay\",\"target\":\" {target}\",\"payload\":\"x\"}}"),
        "{\"type\":\"get_history\"}".to_owned(),
        "{\"type\":\"get_history\",\"target\":\"-1\"}".to_owned(),
        "{\"type\":\"ack\"}".to_owned(),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\"}}"),
        format!("{{\"type\":\"ack\",\"log\":\"{log}\",\"seq\":18446744073709551615}}"),
        "{\"type\":\"ack_received\"}".to_owned(),
        "{\"type\":\"ack_read\",\"message_id\":\"srv_12\"}".to_owned(),
        format!("{{\"type\":\"ack_read\",\"message_id\":\"{id}\"}}"),
        "{\"type\":\"resume\"}".to_owned(),
        format!(
            "{{\"type\":\"resume\",\"cursors\":{{{}}}}}",
            (1..=1001)
                .map(|n| format!("\"{n}\":0"))
                .collect::<Vec<_>>()
                .join(",")
        ),
        "{\"type\":\"reauth\"}".to_owned(),
    ];
    let unsupported = [
        "{\"type\":\"\"}".to_owned(),
        "{\"type\":\"PING\"}".to_owned(),
        "{\"type\":\"msg_status\"}".to_owned(),
        "{\"type\":\"relay_delivery\",\"from\":\"10000001\"}".to_owned(),
        format!("{{\"type\":\"{}\"}}", "x".repeat(500_000)),
    ];
    let not_found = [
        "{\"type\":\"ack\",\"log\":\"77\",\"seq\":1}".to_owned(),
        "{\"type\":\"ack_read\",\"message_id\":\"00000000-0001-8000-8000-010000000001\"}"
            .to_owned(),
    ];
    let relayed = [
        format!(
            "{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":\"{}\"}}",
            "x".repeat(MAX_FRAME_BYTES - 200)
        ),
        format!(
            "{{\"type\":\"relay\",\"target\":\"{target}\",\"payload\":{{\"v\":{}}}}}",
            deep(100)
        ),
    ];
    let mut all: Vec<(String, &'static str)> = Vec::new();
    for (frames, code) in [
        (malformed.to_vec(), "malformed"),
        (validation.to_vec(), "validation_failed"),
        (unsupported.to_vec(), "unsupported_type"),
        (not_found.to_vec(), "not_found"),
    ] {
        all.extend(frames.into_iter().map(|frame| (frame, code)));
    }
    all.extend(relayed.into_iter().map(|frame| (frame, "")));
    all
}

#[tokio::test]
async fn every_malformed_frame_is_answered_and_none_does_harm() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let nasty = nasty(&boris.uid, &log);
    assert!(nasty.len() >= 40);
    for (text, code) in &nasty {
        annas.send_text(text).await;
        let start: String = text.chars().take(120).collect();
        if code.is_empty() {
            // Nothing is wrong with these: they are only as long, or as deep, as can be.
            assert_eq!(annas.expect_frame("msg_status").await["status"], "queued");
            boriss.expect_frame("relay_delivery").await;
            continue;
        }
        let error = annas.frame().await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{start}: {error}"
        );
        let detail = error.text("detail");
        for told in ["SELECT", "panicked", "src/", "serde", "OR 1=1"] {
            assert!(!detail.contains(told), "{start}: {detail}");
        }
    }
    assert_eq!(annas.barrier().await, [Value::Null; 0], "one answer each");
    assert_eq!(
        boriss.barrier().await,
        [Value::Null; 0],
        "and nobody else saw any of it"
    );

    annas.say(&boris.uid, &json!("still here")).await;
    assert_eq!(
        boriss.expect_frame("relay_delivery").await["payload"],
        "still here"
    );
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn an_error_names_the_message_it_is_about() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut annas = anna.online().await;
    let id = "936da01f-9abd-4d9d-80c7-02af85c822a8";
    for frame in [
        json!({"type": "relay", "client_id": id}),
        json!({"type": "relay", "client_id": id, "target": "x", "payload": "x"}),
        json!({"type": "relay", "client_id": id, "target": "99999999", "payload": "x"}),
        json!({"type": "nonsense", "client_id": id}),
    ] {
        annas.send(&frame).await;
        let error = annas.expect_frame("error").await;
        assert_eq!(error["client_id"], id, "{frame}: {error}");
    }
    annas.send(&json!({"type": "nonsense"})).await;
    assert_eq!(annas.expect_frame("error").await.get("client_id"), None);
}

#[tokio::test]
async fn what_is_too_large_ends_the_connection_with_4004() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    // The second is not even read to its end: the server may be gone before all of it is sent.
    for length in [MAX_FRAME_BYTES + 1, 8 * MAX_FRAME_BYTES] {
        let mut annas = anna.online().await;
        let _ = annas.try_send(&json!("x".repeat(length))).await;
        let (frames, closed) = annas.read_to_end().await;
        assert!(frames.is_empty());
        assert_eq!(closed.code, 4004, "{length}: {closed:?}");
    }

    // In pieces, each of which would do.
    let mut annas = anna.online().await;
    let piece = || Data::Text;
    let text = "x".repeat(300_000);
    annas
        .send_message(Message::Frame(Frame::message(
            text.clone(),
            OpCode::Data(piece()),
            false,
        )))
        .await;
    for last in [false, false, true] {
        let frame = Frame::message(text.clone(), OpCode::Data(Data::Continue), last);
        annas.send_message(Message::Frame(frame)).await;
    }
    let (_, closed) = annas.read_to_end().await;
    assert_eq!(closed.code, 4004, "{closed:?}");

    // Pieces that are small enough together are one frame.
    let mut annas = anna.online().await;
    let (head, tail) = (r#"{"type":"#, r#""ping"}"#);
    let frame = Frame::message(head, OpCode::Data(piece()), false);
    annas.send_message(Message::Frame(frame)).await;
    let frame = Frame::message(tail, OpCode::Data(Data::Continue), true);
    annas.send_message(Message::Frame(frame)).await;
    annas.expect_frame("pong").await;
}

#[tokio::test]
async fn what_is_no_text_ends_the_connection_with_4003() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let invalid_utf8: &[u8] = &[0xff, 0xfe, b'{', b'}'];
    let protocol_breaks = [
        Message::Binary(b"{\"type\":\"ping\"}".to_vec().into()),
        Message::Frame(Frame::message(
            invalid_utf8.to_vec(),
            OpCode::Data(Data::Text),
            true,
        )),
        // A continuation of nothing.
        Message::Frame(Frame::message("x", OpCode::Data(Data::Continue), true)),
        Message::Frame(Frame::message("x", OpCode::Data(Data::Reserved(3)), true)),
    ];
    for message in protocol_breaks {
        let mut annas = anna.online().await;
        let what = format!("{message:?}");
        annas.send_message(message).await;
        let (frames, closed) = annas.read_to_end().await;
        assert!(frames.is_empty());
        assert_eq!(closed.code, 4003, "{what}: {closed:?}");
    }
    // The server has survived it.
    anna.online().await;
}
