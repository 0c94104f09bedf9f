//! Who may open a WebSocket, and how.

use std::collections::BTreeMap;

use melo_protocol::{ErrorCode, Problem};
use melo_tests::{Device, Fields, Server, Socket, assert_shape, befriend, socket};
use reqwest::Method;
use serde_json::{Value, json};

async fn ticket(device: &Device) -> String {
    let answer = device.post("/ws_ticket", &json!({})).await.ok();
    assert_shape(&answer, "ticket:text expires_in:number");
    assert_eq!(answer["expires_in"], 30);
    answer.text("ticket")
}

/// That this connection is alive and of somebody.
async fn assert_open(socket: &mut Socket) {
    socket.until("synced").await;
    assert_eq!(socket.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_in_the_address() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let site = server.site();
    assert_open(&mut anna.connect().await).await;
    assert_open(&mut Socket::open_at(&site, &format!("/?token={}", anna.token)).await).await;
    assert_open(&mut Socket::open_at(&site, &format!("/ws?token={}", anna.token)).await).await;

    // And on the HTTPS port at /ws.
    let mut request = socket::request(&site, "/ws");
    socket::bear(&mut request, &anna.token);
    let stream = site.tls.connect(site.http_port).await.unwrap();
    assert_open(&mut Socket::handshake_over(stream, request).await.unwrap()).await;

    // The address of a connection with a token never reaches the log.
    assert!(!server.log().contains(&anna.token));
}

#[tokio::test]
async fn without_a_good_token_the_connection_is_closed_with_1008() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let site = server.site();
    let damaged = format!("{}x", anna.token);
    let paths = [
        "/",
        "/ws",
        "/?token=",
        "/?token=nonsense",
        "/?ticket=",
        "/?ticket=nonsense",
        "/?token=%00",
    ];
    for path in paths
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/?token={damaged}")])
    {
        let mut socket = Socket::open_at(&site, &path).await;
        let reason = socket.expect_close(1008).await;
        assert!(!reason.is_empty(), "{path}");
    }
    let mut request = socket::request(&site, "/");
    socket::bear(&mut request, &damaged);
    let mut socket = Socket::handshake(&site, request).await.unwrap();
    socket.expect_close(1008).await;
    let status = server.anonymous().get("/status").await.ok();
    assert_eq!(status["websocket"]["connections"], 0, "none of them counts");
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let site = server.site();

    let first = ticket(&anna).await;
    let mut open = Socket::open_at(&site, &format!("/?ticket={first}")).await;
    open.until("synced").await;
    // It is hers.
    assert_eq!(
        open.say(&boris.uid, &json!("by ticket")).await["from"],
        anna.uid
    );
    let mut again = Socket::open_at(&site, &format!("/?ticket={first}")).await;
    again.expect_close(1008).await;
    assert!(open.barrier().await.is_empty(), "the first one lives on");

    // Many at once: one gets in.
    let contested = ticket(&anna).await;
    let racing: Vec<_> = (0..8)
        .map(|_| {
            let (site, path) = (server.site(), format!("/ws?ticket={contested}"));
            tokio::spawn(async move { Socket::open_at(&site, &path).await.next().await })
        })
        .collect();
    let mut won = 0;
    for socket in racing {
        match socket.await.unwrap() {
            Ok(_) => won += 1,
            Err(closed) => assert_eq!(closed.code, 1008),
        }
    }
    assert_eq!(won, 1);
    let log = server.log();
    assert!(!log.contains(&first) && !log.contains(&contested));
}

#[tokio::test]
async fn browsers_come_from_listed_origins() {
    let listed = "https://chat.example.org";
    let server = Server::with(&[(
        "ALLOWED_ORIGINS",
        "https://chat.example.org,http://localhost:5173",
    )])
    .await;
    let anna = server.anonymous().join("Anna").await;
    let site = server.site();
    let open = async |origin: Option<&str>| {
        let mut request = socket::request(&site, "/");
        socket::bear(&mut request, &anna.token);
        if let Some(origin) = origin {
            socket::set_header(&mut request, "origin", origin);
        }
        Socket::handshake(&site, request).await
    };
    for origin in [
        None,
        Some("null"),
        Some(listed),
        Some("http://localhost:5173"),
        Some("HTTPS://Chat.Example.org"),
    ] {
        let opened = open(origin).await;
        let mut socket = opened.unwrap_or_else(|refused| panic!("{origin:?}: {refused:?}"));
        assert_open(&mut socket).await;
    }
    let strangers = [
        "https://evil.example",
        "http://chat.example.org",
        "https://chat.example.org:444",
        "https://chat.example.org.evil.example",
        "https://evil.chat.example.org",
        "https://localhost:8088",
        "nonsense",
        "",
    ];
    for origin in strangers {
        let refused = open(Some(origin)).await.expect_err(origin);
        assert_eq!(refused.status(), 403, "{origin}");
        let problem: Problem = serde_json::from_slice(refused.body().as_ref().unwrap()).unwrap();
        assert_eq!(problem.code, ErrorCode::OriginRefused);
        assert_eq!(
            refused.headers()["content-type"],
            "application/problem+json"
        );
    }

    // The same list rules over CORS.
    let ask = |origin: &str| {
        server
            .anonymous()
            .call(Method::OPTIONS, "/login")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,authorization,idempotency-key",
            )
    };
    let allowed = ask(listed).send().await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), listed);
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    let stranger = ask("https://evil.example").send().await;
    assert_eq!(stranger.header("access-control-allow-origin"), "");
    let from = |origin: &str| {
        let call = server.anonymous().call(Method::GET, "/public_key");
        call.header("origin", origin)
    };
    assert_eq!(
        from(listed)
            .send()
            .await
            .header("access-control-allow-origin"),
        listed
    );
    assert_eq!(
        from("https://evil.example")
            .send()
            .await
            .header("access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn what_is_no_websocket_handshake_is_a_problem() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    // Without an Upgrade header there is nothing at these paths.
    for path in ["/", "/ws"] {
        anna.get(path).await.problem(ErrorCode::NotFound);
    }
    // With one, it must be a whole handshake.
    let http1 = server.client(reqwest::ClientBuilder::http1_only);
    for (name, value) in [
        ("upgrade", "websocket"),
        ("upgrade", "h2c"),
        ("upgrade", ""),
    ] {
        let call = melo_tests::Call::new(&http1, server.site().ws_port, Method::GET, "/")
            .token(&anna.token)
            .header(name, value);
        call.send().await.problem(ErrorCode::Malformed);
    }
    let wrong_method = melo_tests::Call::new(&http1, server.site().ws_port, Method::POST, "/ws")
        .token(&anna.token)
        .header("upgrade", "websocket");
    wrong_method
        .send()
        .await
        .problem(ErrorCode::MethodNotAllowed);
}

#[tokio::test]
async fn reauth_keeps_the_connection() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let mut annas = anna.online().await;
    annas
        .send(&json!({"type": "reauth", "token": anna.token}))
        .await;
    assert_eq!(
        annas.barrier().await,
        [Value::Null; 0],
        "accepted in silence"
    );
    for (token, code) in [
        ("nonsense", "invalid_token"),
        (boris.token.as_str(), "invalid_token"),
    ] {
        annas.send(&json!({"type": "reauth", "token": token})).await;
        annas.expect_error(code).await;
    }
    // A newer login of the same device will do, another device will not.
    let newer = anna.user.login_first().await;
    annas
        .send(&json!({"type": "reauth", "token": newer.token}))
        .await;
    assert_eq!(annas.barrier().await, [Value::Null; 0]);
    let tablet = anna.user.login_new().await;
    annas
        .send(&json!({"type": "reauth", "token": tablet.token}))
        .await;
    annas.expect_error("invalid_token").await;
    annas.resume(&BTreeMap::new()).await;
    annas.until("synced").await;
}

#[tokio::test]
async fn the_newest_connection_of_a_device_stays() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let mut other = tablet.online().await;
    let mut older = anna.online().await;
    let mut newer = anna.online().await;
    let reason = older.expect_close(4005).await;
    assert!(!reason.is_empty());
    assert_eq!(newer.barrier().await, [Value::Null; 0]);

    // Many at once: one stays, whichever it is.
    let racing: Vec<_> = (0..8)
        .map(|_| {
            let (site, token) = (server.site(), anna.token.clone());
            tokio::spawn(async move { Socket::open(&site, &token).await })
        })
        .collect();
    let mut open = Vec::new();
    for socket in racing {
        open.push(socket.await.unwrap());
    }
    newer.expect_close(4005).await;
    let mut alive = 0;
    for mut socket in open {
        // `synced` comes before the close of one that was open for a moment.
        // One that was closed may still have taken a ping that came in the same moment.
        let mut answered = socket.next().await;
        for _ in 0..2 {
            if answered.is_ok() && socket.try_send(&json!({"type": "ping"})).await.is_ok() {
                answered = socket.next().await;
            }
        }
        alive += usize::from(answered.is_ok());
    }
    assert_eq!(alive, 1);
    assert_eq!(other.barrier().await, [Value::Null; 0]);
}
