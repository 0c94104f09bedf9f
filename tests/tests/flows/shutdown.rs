//! The end of a server that is asked to stop.

use std::time::{Duration, Instant};

use melo_tests::{Fields, Server, befriend};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a stop may take (contract).
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_stop_right_after_it_says_that_it_is_ready_ends_well() {
    let mut server = Server::start().await;
    for _ in 0..10 {
        server.signal(Signal::TERM);
        let status = server.ended().await;
        assert_eq!(status.code(), Some(0), "{status}\n{}", server.log());
        server.start_again().await;
    }
}

#[tokio::test]
async fn clients_are_told_to_come_back_and_the_process_ends_well() {
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    let queued = annas.say(&boris.uid, &json!("before")).await;
    boriss.expect_frame("relay_delivery").await;
    // Somebody who reads nothing and closes nothing, and an idle connection that is kept alive.
    let _silent = boris.user.login_new().await.connect().await;
    let mut idle = server
        .site()
        .tls
        .connect(server.site().http_port)
        .await
        .unwrap();
    idle.write_all(b"GET /public_key HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut head = [0; 12];
    idle.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");

    let asked = Instant::now();
    server.signal(Signal::TERM);
    for socket in [&mut annas, &mut boriss] {
        let reason = socket.expect_close(4100).await;
        assert!(
            reason.parse::<u64>().is_ok(),
            "the delay before coming back: {reason}"
        );
    }
    let status = server.ended().await;
    assert!(
        asked.elapsed() < STOP_WITHIN,
        "{:?}\n{}",
        asked.elapsed(),
        server.log()
    );
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(
        server
            .site()
            .tls
            .connect(server.site().http_port)
            .await
            .is_err()
    );

    // Nothing was lost, and nothing is left over that a start would stumble on.
    server.start_again().await;
    let page = boris.get(&format!("/history/{}", anna.uid)).await.ok();
    assert_eq!(page["events"][0]["message_id"], queued["message_id"]);
    let (_, missed) = anna.catch_up().await;
    assert!(
        missed.iter().all(|f| f["type"] == "msg_status"),
        "only her own answers: {missed:?}"
    );
}

#[tokio::test]
async fn a_call_in_progress_is_answered() {
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut annas = anna.online().await;
    let body = json!({
        "identifier": anna.uid, "password": anna.user.person.password, "device_id": anna.user.first_device,
    })
    .to_string();
    let (first, second) = body.split_at(body.len() / 2);
    let mut stream = server
        .site()
        .tls
        .connect(server.site().http_port)
        .await
        .unwrap();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server has begun with it: it asks for the body.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).await.unwrap();

    let asked = Instant::now();
    server.signal(Signal::TERM);
    annas.expect_close(4100).await;
    stream.write_all(second.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"access_token\":"), "{answer}");
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    assert!(asked.elapsed() < STOP_WITHIN, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn messages_under_way_are_answered_or_not_there() {
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    for n in 0..64 {
        annas.relay(&boris.uid, &json!(n.to_string())).await;
    }
    // The first answer shows that the server is in the middle of them.
    let first = annas.expect_frame("msg_status").await;
    server.signal(Signal::TERM);
    let (mut answered, closed) = annas.read_to_end().await;
    assert_eq!(closed.code, 4100);
    answered.insert(0, first);
    assert!(server.ended().await.success());

    server.start_again().await;
    let page = boris
        .get(&format!("/history/{}?per_page=100", anna.uid))
        .await
        .ok();
    let kept: Vec<Value> = page
        .list("events")
        .iter()
        .map(|e| e["message_id"].clone())
        .collect();
    for status in answered.iter().filter(|f| f["status"] == "queued") {
        assert!(kept.contains(&status["message_id"]), "{status}");
    }
    let texts: Vec<String> = page
        .list("events")
        .iter()
        .map(|e| e.text("payload"))
        .collect();
    let expected: Vec<String> = (0..texts.len()).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected, "a beginning of what was sent, in order");
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_directory() {
    let server = Server::start().await;
    let output = tokio::process::Command::new(server.program())
        .arg("serve")
        .env_clear()
        .env("LANG", "C")
        .env("DATA_DIR", server.data_dir())
        .env("KEYS_DIR", server.keys_dir())
        .env("BIND_ADDRESS", "127.0.0.1")
        .env("HTTP_PORT", "1")
        .env("WS_PORT", "2")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(melo_tests::PATIENCE, output)
        .await
        .expect("an end")
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("data"), "{told}");
    server.anonymous().get("/status").await.ok();
}
