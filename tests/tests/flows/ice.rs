//! GET /ice_servers, and what its credentials are good for.

use melo_protocol::ErrorCode;
use melo_stun::client::{ClientError, Incoming};
use melo_tests::relay::{incoming, urls};
use melo_tests::{Device, Fields, RelayServer, Server, assert_shape};
use reqwest::Method;
use serde_json::json;

async fn owner(server: &Server) -> Device {
    let owner = server.anonymous().join("Olga").await;
    server.promote(&owner.uid, "owner");
    owner
}

#[tokio::test]
async fn the_answer_names_every_way_to_the_relay() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let answer = anna.get("/ice_servers").await.ok();
    assert_shape(&answer, "ice_servers:list expires_at:time");
    let (port, tls) = (relay.port, relay.tls_port);
    assert_eq!(
        urls(&answer),
        [
            format!("stun:localhost:{port}"),
            format!("turn:localhost:{port}?transport=udp"),
            format!("turn:localhost:{port}?transport=tcp"),
            format!("turns:localhost:{tls}?transport=tcp"),
        ]
    );
    let listed = answer.list("ice_servers");
    assert!(listed[0].get("username").is_none() && listed[0].get("credential").is_none());
    for server in &listed[1..] {
        assert_shape(server, "urls:text username:text credential:text");
        assert!(!server.text("username").contains(&anna.uid));
    }
    // Another session has another name, and nothing tells that both are of one person.
    let laptop = anna.user.login_new().await;
    let (phones, _) = relay.credentials(&anna).await;
    let (laptops, _) = relay.credentials(&laptop).await;
    let pseudonym = |name: &str| name.split_once(':').expect("expiry:name").1.to_owned();
    assert_ne!(pseudonym(&phones), pseudonym(&laptops));
}

#[tokio::test]
async fn two_people_relay_to_each_other_over_everything() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let boris = relay.server.anonymous().join("Boris").await;
    for (one, other) in [("udp", "tls"), ("tcp", "udp"), ("tls", "tcp")] {
        let mut one = relay.client(&anna, one).await;
        let mut other = relay.client(&boris, other).await;
        let ones = one.allocate(None, None).await.unwrap().relayed;
        let others = other.allocate(None, None).await.unwrap().relayed;
        one.bind(0x4001, others).await.unwrap();
        other.permit(&[ones]).await.unwrap();
        one.send_on(0x4001, b"hello").await.unwrap();
        let expected = Incoming::Data(ones, b"hello".to_vec());
        assert_eq!(incoming(&mut other).await, expected);
        other.send(ones, b"hello yourself").await.unwrap();
        let expected = Incoming::Channel(0x4001, b"hello yourself".to_vec());
        assert_eq!(incoming(&mut one).await, expected);
    }
}

#[tokio::test]
async fn nothing_of_the_servers_network_is_reached() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let mut client = relay.client(&anna, "udp").await;
    client.allocate(None, None).await.unwrap();
    for closed in [
        "10.0.0.1:22",
        "127.0.0.2:22",
        "169.254.169.254:80",
        "192.168.1.1:80",
    ] {
        let refused = client.permit(&[closed.parse().unwrap()]).await;
        assert_eq!(refused.unwrap_err().code(), Some(403), "{closed}");
    }
}

#[tokio::test]
async fn credentials_end_with_their_session_and_take_their_allocations_along() {
    let relay = RelayServer::with(&[]).await;
    let admin = owner(&relay.server).await;
    let boris = relay.server.anonymous().join("Boris").await;
    for put_out in ["logout", "lock"] {
        let anna = relay.server.anonymous().join("Anna").await;
        let credentials = relay.credentials(&anna).await;
        let mut udp = relay.client_with(credentials.clone(), "udp").await;
        let mut tls = relay.client_with(credentials.clone(), "tls").await;
        let mut other = relay.client(&boris, "udp").await;
        for client in [&mut udp, &mut tls, &mut other] {
            client.allocate(None, None).await.unwrap();
        }
        relay.holds(&admin, 3).await;
        if put_out == "logout" {
            anna.post("/logout", &json!({})).await.ok();
        } else {
            let path = format!("/admin/users/{}/lock", anna.uid);
            admin.post(&path, &json!({"reason": "test"})).await.ok();
        }
        relay.holds(&admin, 1).await;
        assert_eq!(udp.refresh(600).await.unwrap_err().code(), Some(401));
        assert!(matches!(tls.refresh(600).await, Err(ClientError::Io(_))));
        let mut again = relay.client_with(credentials, "tcp").await;
        assert_eq!(
            again.allocate(None, None).await.unwrap_err().code(),
            Some(401)
        );
        assert!(other.refresh(0).await.is_ok());
        relay.holds(&admin, 0).await;
    }
    let figures = admin.get("/admin/figures").await.ok();
    let transports = &figures["relay"]["transports"];
    assert_eq!(transports["udp"]["allocations_total"], 4);
    assert_eq!(transports["tls"]["allocations_total"], 2);
    assert_eq!(figures["relay"]["refused"]["unauthorized"], 4);
}

#[tokio::test]
async fn made_up_and_foreign_credentials_are_refused() {
    let relay = RelayServer::with(&[]).await;
    let anna = relay.server.anonymous().join("Anna").await;
    let (name, password) = relay.credentials(&anna).await;
    let (expiry, pseudonym) = name.split_once(':').expect("expiry:name");
    let later: u64 = expiry.parse::<u64>().unwrap() + 1000;
    for (name, password) in [
        (format!("{later}:{pseudonym}"), password.clone()),
        (format!("{expiry}:{}", anna.uid), password.clone()),
        (name.clone(), melo_domain::Secret::new("guess".to_owned())),
    ] {
        let mut client = relay.client_with((name, password), "udp").await;
        let refused = client.allocate(None, None).await.unwrap_err();
        assert_eq!(refused.code(), Some(401));
    }
}

#[tokio::test]
async fn only_those_who_may_call_are_told() {
    let relay = RelayServer::with(&[]).await;
    let anonymous = relay.server.anonymous();
    let refused = anonymous.get("/ice_servers").await;
    refused.problem(ErrorCode::InvalidToken);
    let anna = anonymous.join("Anna").await;
    for (scope, may) in [("calls:read", true), ("chat:admin", false)] {
        let body = json!({"name": "bot", "scopes": [scope]});
        let token = anna.post("/tokens", &body).await.ok().text("token");
        let answer = anonymous
            .call(Method::GET, "/ice_servers")
            .token(&token)
            .send()
            .await;
        if may {
            answer.ok();
        } else {
            answer.problem(ErrorCode::InsufficientScope);
        }
    }
}

#[tokio::test]
async fn without_a_relay_there_is_nothing_to_name() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let answer = anna.get("/ice_servers").await.ok();
    assert_eq!(answer, json!({"ice_servers": []}));
    let olga = owner(&server).await;
    let figures = olga.get("/admin/figures").await.ok();
    assert!(figures.get("relay").is_none());
}

#[tokio::test]
async fn servers_of_somebody_else_get_credentials_of_the_shared_secret() {
    let listed = "stun:turn.example.org:3478,turn:turn.example.org:3478?transport=udp";
    let server = Server::with(&[
        ("TURN_MODE", "external"),
        ("TURN_SECRET", "between us and coturn"),
        ("TURN_URLS", listed),
    ])
    .await;
    let anna = server.anonymous().join("Anna").await;
    let answer = anna.get("/ice_servers").await.ok();
    assert_eq!(urls(&answer).join(","), listed);
    let relay = &answer.list("ice_servers")[1];
    // As coturn computes it with `use-auth-secret`.
    let secret = melo_domain::Secret::new("between us and coturn".to_owned());
    let expected = melo_stun::shared_secret_password(&secret, &relay.text("username"));
    assert_eq!(relay.text("credential"), expected.expose());
}

#[tokio::test]
async fn a_port_that_is_taken_costs_calls_and_not_messages() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let server = Server::with(&[
        ("TURN_MODE", "embedded"),
        ("TURN_PORT", &port),
        ("TURN_TLS_PORT", "0"),
    ])
    .await;
    // Written before the server says that it is ready.
    let said = server.log();
    let address = format!("address=127.0.0.1:{port} transport=\"udp\"");
    assert!(
        said.contains("not listening for calls") && said.contains(&address),
        "{said}"
    );
    let anna = server.anonymous().join("Anna").await;
    let answer = anna.get("/ice_servers").await.ok();
    assert_eq!(
        urls(&answer),
        [format!("turn:localhost:{port}?transport=tcp")]
    );
}
