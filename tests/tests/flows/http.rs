//! The edge of REST: what every answer has, and what is refused before any service sees it.

use std::collections::HashSet;

use melo_protocol::ErrorCode;
use melo_tests::{Call, Fields, Server, assert_shape};
use reqwest::{Method, Version};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn errors_of_the_edge_are_problem_documents() {
    let server = Server::start().await;
    let somebody = server.anonymous();
    let anna = somebody.join("Anna").await;

    for path in [
        "/nothing",
        "/login/",
        "/api/v1/login",
        "/%00",
        "/..%2f..%2fetc/passwd",
        "/register/extra",
    ] {
        somebody.get(path).await.problem(ErrorCode::NotFound);
    }
    let long = format!("/{}", "x".repeat(4000));
    let answer = somebody.get(&long).await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.len() < 1000,
        "the path is not repeated at any length"
    );

    for (method, path) in [
        (Method::GET, "/login"),
        (Method::DELETE, "/register"),
        (Method::POST, "/profile"),
        (Method::PUT, "/contacts"),
        (Method::PATCH, "/public_key"),
        (Method::POST, "/status"),
    ] {
        somebody
            .call(method, path)
            .send()
            .await
            .problem(ErrorCode::MethodNotAllowed);
    }

    for (content_type, body) in [
        ("text/plain", "{}"),
        ("application/x-www-form-urlencoded", "identifier=x"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/xml", "<x/>"),
    ] {
        let call = somebody
            .call(Method::POST, "/login")
            .body(content_type, body);
        call.send().await.problem(ErrorCode::UnsupportedMediaType);
    }
    for body in [
        "",
        "{",
        "null",
        "[]",
        "5",
        "\"x\"",
        "{\"identifier\":5}",
        "\u{feff}{}",
        "{\"a\":\u{0}}",
    ] {
        let call = somebody
            .call(Method::POST, "/login")
            .body("application/json", body);
        let problem = call.send().await.problem(ErrorCode::Malformed);
        assert!(!problem.detail.contains("identifier"), "{}", problem.detail);
    }
    let twice = "{\"identifier\":\"x\",\"device_id\":\"x\"}".repeat(2);
    let call = somebody
        .call(Method::POST, "/login")
        .body("application/json", twice);
    call.send().await.problem(ErrorCode::Malformed);
    // Deeper than any parser should follow.
    let deep = "[".repeat(60_000);
    let call = somebody
        .call(Method::POST, "/login")
        .body("application/json", deep);
    call.send().await.problem(ErrorCode::Malformed);
    let invalid_utf8 = somebody
        .call(Method::POST, "/login")
        .body("application/json", vec![b'"', 0xff, b'"']);
    invalid_utf8.send().await.problem(ErrorCode::Malformed);
    // Its type with parameters, or none at all, is fine.
    let login = json!({"identifier": "99999999", "password": "wrong password", "device_id": "0123456789abcdef"});
    let call = somebody
        .call(Method::POST, "/login")
        .body("Application/JSON; charset=utf-8", login.to_string());
    call.send().await.problem(ErrorCode::InvalidCredentials);

    let large = json!({"identifier": "x".repeat(70_000)});
    somebody
        .post("/login", &large)
        .await
        .problem(ErrorCode::TooLarge);
    anna.put("/profile", &json!({"bio": "x".repeat(70_000)}))
        .await
        .problem(ErrorCode::TooLarge);
    // Without an announced length, too.
    let mut chunked = b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..70 {
        chunked.extend(b"400\r\n");
        chunked.extend([b' '; 1024]);
        chunked.extend(b"\r\n");
    }
    let mut stream = server
        .site()
        .tls
        .connect(server.site().http_port)
        .await
        .unwrap();
    stream.write_all(&chunked).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    // The server has survived all of it.
    anna.get("/profile").await.ok();
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn both_http_versions_and_both_ports_serve_the_same() {
    let server = Server::start().await;
    let site = server.site();
    let http1 = server.client(reqwest::ClientBuilder::http1_only);
    let http2 = server.client(reqwest::ClientBuilder::http2_prior_knowledge);
    let mut bodies = HashSet::new();
    let mut ids = HashSet::new();
    for (client, version) in [(&http1, Version::HTTP_11), (&http2, Version::HTTP_2)] {
        for port in [site.http_port, site.ws_port] {
            let answer = Call::new(client, port, Method::GET, "/public_key")
                .send()
                .await;
            assert_eq!(answer.version, version);
            bodies.insert(answer.ok().text("public_key"));
            assert!(
                ids.insert(answer.header("x-request-id").to_owned()),
                "an id of its own"
            );
            let missing = Call::new(client, port, Method::GET, "/nothing")
                .send()
                .await;
            missing.problem(ErrorCode::NotFound);
        }
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let site = server.site();
    let one = anna.online().await;
    let _two = anna.user.login_new().await.online().await;
    let status = server.anonymous().get("/status").await.ok();
    assert_shape(
        &status,
        "status:text version:text services:object websocket:object http_port:number ws_port:number",
    );
    assert_eq!(status["status"], "ok");
    assert_eq!(status["services"]["database"], "ok");
    assert_eq!(status["services"]["websocket"], "ok");
    assert_shape(
        &status["services"],
        "redis:text database:text websocket:text",
    );
    assert_eq!(
        status["websocket"],
        json!({"connections": 2, "port": site.ws_port})
    );
    assert_eq!(status["http_port"], site.http_port);
    assert_eq!(status["ws_port"], site.ws_port);
    one.close().await;
}
