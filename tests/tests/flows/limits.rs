//! Limits on what one person or address may do.

use std::collections::BTreeMap;

use melo_protocol::{ErrorCode, Problem};
use melo_tests::socket;
use melo_tests::{Fields, PATIENCE, Person, Server, Socket, assert_shape, befriend, unique};
use serde_json::{Value, json};

#[tokio::test]
async fn open_calls_of_one_address_are_counted() {
    let server = Server::with(&[("RATE_LIMIT_CALLS", "4"), ("BLOCK_PERIOD", "90")]).await;
    let somebody = server.anonymous();
    let anna = somebody.join("Anna").await; // two calls
    let body = Person::named("Boris").registration(&unique::device_id());
    somebody.post("/register", &body).await.ok();
    let wrong = json!({"password": "wrong password"});
    anna.user
        .try_login(&anna.user.first_device, &wrong)
        .await
        .problem(ErrorCode::InvalidCredentials);
    for _ in 0..2 {
        let answer = anna
            .user
            .try_login(&anna.user.first_device, &Value::Null)
            .await;
        let problem = answer.problem(ErrorCode::RateLimited);
        // Calls of the window before still count for a part in the next one.
        assert!(
            (90..=240).contains(&problem.retry_after.unwrap()),
            "{problem:?}"
        );
        let body = Person::named("Clara").registration(&unique::device_id());
        somebody
            .post("/register", &body)
            .await
            .problem(ErrorCode::RateLimited);
    }
    // Whoever is in, stays in.
    anna.get("/profile").await.ok();
    somebody.get("/public_key").await.ok();
}

#[tokio::test]
async fn wrong_passwords_are_counted_whether_the_account_exists_or_not() {
    let server = Server::with(&[
        ("FAILED_LOGIN_LIMIT", "3"),
        ("FAILED_LOGIN_BLOCK_PERIOD", "200"),
    ])
    .await;
    let somebody = server.anonymous();
    let anna = somebody.join("Anna").await;
    let boris = somebody.join("Boris").await;
    let login = |identifier: &str, password: &str| {
        let body = json!({"identifier": identifier, "password": password, "device_id": unique::device_id()});
        let somebody = somebody.clone();
        async move { somebody.post("/login", &body).await }
    };
    let right = anna.user.person.password.as_str();
    // A right one in between starts the count anew.
    for round in 0..2 {
        for _ in 0..2 {
            login(&anna.uid, "wrong password")
                .await
                .problem(ErrorCode::InvalidCredentials);
        }
        if round == 0 {
            login(&anna.uid, right).await.ok();
        }
    }
    login(&anna.uid, "wrong password")
        .await
        .problem(ErrorCode::InvalidCredentials);
    for identifier in ["99999999", "nobody@example.org"] {
        for _ in 0..3 {
            login(identifier, "wrong password")
                .await
                .problem(ErrorCode::InvalidCredentials);
        }
    }
    let known = login(&anna.uid, right)
        .await
        .problem(ErrorCode::RateLimited);
    for identifier in ["99999999", "nobody@example.org"] {
        let unknown = login(identifier, right)
            .await
            .problem(ErrorCode::RateLimited);
        let wait = unknown
            .retry_after
            .unwrap()
            .abs_diff(known.retry_after.unwrap());
        assert!(wait <= 60, "{unknown:?} {known:?}");
        assert!((1..=200).contains(&known.retry_after.unwrap()));
    }
    // Nobody else is locked out, and the device token still is what it was.
    login(&boris.uid, &boris.user.person.password).await.ok();
    anna.get("/profile").await.ok();
}

#[tokio::test]
async fn a_person_may_send_so_many_messages() {
    let server = Server::with(&[
        ("WS_RATE_LIMIT_MESSAGES", "5"),
        ("WS_RATE_LIMIT_PERIOD", "3000"),
    ])
    .await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    for n in 1..=5 {
        annas.say(&boris.uid, &json!(n.to_string())).await;
        boriss.expect_frame("relay_delivery").await;
    }
    let refused = async |socket: &mut Socket| {
        let client_id = socket.relay(&boris.uid, &json!("too many")).await;
        let status = socket.expect_frame("msg_status").await;
        assert_shape(
            &status,
            "status:text client_id:uuid at:time from:uid to:uid retry_after:number",
        );
        assert_eq!(status["status"], "rate_limited");
        assert_eq!(status["client_id"], client_id.to_string());
        assert_eq!(
            (&status["from"], &status["to"]),
            (&json!(anna.uid), &json!(boris.uid))
        );
        assert_eq!((status.get("message_id"), status.get("seq")), (None, None));
        assert!(
            (1..=600).contains(&status.number("retry_after")),
            "{status}"
        );
        client_id
    };
    refused(&mut annas).await;
    // Neither a second device nor a new connection has more.
    let mut tablet = anna.user.login_new().await.settled().await;
    refused(&mut tablet).await;
    drop(annas);
    let mut annas = anna.connect().await;
    annas.until("synced").await;
    refused(&mut annas).await;
    // Others are not concerned, and everything but messages goes on.
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
    boriss.say(&anna.uid, &json!("answer")).await;
    annas.expect_frame("relay_delivery").await;

    // Frames of other kinds have a limit of their own, twenty times as high.
    let mut refused = None;
    for _ in 0..100 {
        annas.send(&json!({"type": "ping"})).await;
        let frame = annas.frame().await;
        if frame["type"] == "error" {
            refused = Some(frame);
            break;
        }
    }
    let refused = refused.expect("a limit on frames");
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!(refused["retryable"], true);
    assert!(
        (1..=60).contains(&refused.number("retry_after")),
        "{refused}"
    );
}

#[tokio::test]
async fn zero_is_no_limit() {
    let server = Server::with(&[
        ("WS_RATE_LIMIT_MESSAGES", "0"),
        ("WS_MAX_CONNECTIONS_PER_IP", "0"),
    ])
    .await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(boris.user.login_new().await.connect().await);
    }
    let mut annas = anna.settled().await;
    for n in 1..=150 {
        annas.say(&boris.uid, &json!(n.to_string())).await;
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let server = Server::with(&[("WS_MAX_CONNECTIONS_PER_IP", "2")]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let one = anna.online().await;
    let mut two = boris.online().await;

    let open = async || {
        let mut request = socket::request(&server.site(), "/");
        socket::bear(&mut request, &boris.token);
        Socket::handshake(&server.site(), request).await
    };
    let refused = open().await.expect_err("two are the most");
    assert_eq!(refused.status(), 429);
    let problem: Problem = serde_json::from_slice(refused.body().as_ref().unwrap()).unwrap();
    assert_eq!(problem.code, ErrorCode::TooManyConnections);
    assert_eq!(
        refused.headers()["retry-after"],
        problem.retry_after.unwrap().to_string().as_str()
    );
    // Those without a good token take no place, and are told so.
    let mut stranger = Socket::open_at(&server.site(), "/?token=nonsense").await;
    stranger.expect_close(1008).await;
    assert_eq!(two.barrier().await, [Value::Null; 0]);

    // A place is free as soon as the server has seen that somebody left.
    one.close().await;
    let again = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(socket) = open().await {
                break socket;
            }
        }
    });
    again.await.expect("a free place").until("synced").await;
}

#[tokio::test]
async fn a_slow_reader_is_sent_away_and_misses_nothing() {
    /// Sent between two looks at the log.
    const ROUND: u64 = 16;
    /// Far above all buffers on the way: a connection's outbox, the library's, the system's.
    const MOST: u64 = 1600;
    const LENGTH: usize = 64 * 1024;
    let server = Server::with(&[("DEBUG_MODE", "true")]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let boriss_laptop = boris.user.login_new().await;
    let log = befriend(&anna, &boris).await;
    boris.settled().await.close().await;
    let mut annas = anna.settled().await;

    let site = server.site();
    let stream = site
        .tls
        .clone()
        .with_receive_buffer(16 * 1024)
        .connect(site.ws_port)
        .await
        .unwrap();
    let mut request = socket::request(&site, "/");
    socket::bear(&mut request, &boris.token);
    let mut slow = Socket::handshake_over(stream, request).await.unwrap();
    slow.until("synced").await;
    let mut quick = boriss_laptop.settled().await;
    let reading = tokio::spawn(async move {
        let mut seq = 0;
        while quick.expect_frame("relay_delivery").await["payload"] != "the end" {
            seq += 1;
        }
        seq
    });

    let text = |n: u64| format!("{n} {}", "x".repeat(LENGTH));
    let mut sent = 0;
    while !server.log().contains("code=4101") {
        assert!(
            sent < MOST,
            "nobody minds the slow reader\n{}",
            server.log()
        );
        for n in sent + 1..=sent + ROUND {
            annas.relay(&boris.uid, &json!(text(n))).await;
        }
        for _ in 0..ROUND {
            assert_eq!(annas.expect_frame("msg_status").await["status"], "queued");
        }
        sent += ROUND;
    }
    annas.say(&boris.uid, &json!("the end")).await;
    assert_eq!(
        reading.await.unwrap(),
        sent,
        "the other device is served as ever"
    );

    let (mut received, closed) = slow.read_to_end().await;
    assert_eq!(
        closed.code,
        4101,
        "{closed:?} after {} of {sent}",
        received.len()
    );
    assert!(
        closed.reason.parse::<u64>().is_ok(),
        "the delay before coming back: {closed:?}"
    );
    let sent = usize::try_from(sent).unwrap();
    assert!(received.len() < sent);

    let mut back = boris.connect().await;
    back.resume(&BTreeMap::from([(log, received.len() as u64)]))
        .await;
    while received.len() <= sent {
        let frame = back.frame().await;
        if frame["type"] == "relay_delivery" && frame.number("seq") > received.len() as u64 {
            received.push(frame);
        }
    }
    for (frame, n) in received.iter().zip(1..) {
        assert_eq!(frame["seq"], n);
        let last = usize::try_from(n).unwrap() > sent;
        assert!(frame["payload"] == text(n) || last, "message {n}");
    }
}
