//! Access tokens: what is refused, rotation of their key, and the personal ones of bots and scripts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, PATIENCE, Server, Socket, assert_shape, befriend, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// A personal access token with these scopes.
async fn token(owner: &Device, scopes: &[&str]) -> Value {
    let body = json!({"name": "bot", "scopes": scopes});
    let made = owner.post("/tokens", &body).await.ok();
    assert_shape(&made, "token:text id:hex16 scopes:list expires_at:time");
    made
}

#[tokio::test]
async fn scopes_decide_what_a_personal_token_may() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let call = |token: &Value, method: Method, path: &str| {
        let secret = token.text("token");
        assert!(secret.starts_with("melo_pat_"));
        server.anonymous().call(method, path).token(&secret)
    };
    let message =
        json!({"target_id": boris.uid, "data": "from a bot", "client_id": unique::client_id()});
    let history = format!("/messages/history/dm/{}", boris.uid);

    let reads = token(&anna, &["chat:read"]).await;
    call(&reads, Method::GET, &history).send().await.ok();
    for (method, path) in [
        (Method::GET, "/profile"),
        (Method::GET, "/contacts"),
        (Method::POST, "/messages/send"),
        (Method::POST, "/tokens"),
        (Method::GET, "/sessions"),
        (Method::POST, "/logout"),
    ] {
        let refused = call(&reads, method, path).json(&message).send().await;
        refused.problem(ErrorCode::InsufficientScope);
    }
    let writes = token(&anna, &["chat:write", "api:read"]).await;
    call(&writes, Method::POST, "/messages/send")
        .json(&message)
        .send()
        .await
        .ok();
    call(&writes, Method::GET, &history).send().await.ok();
    call(&writes, Method::GET, "/profile").send().await.ok();
    let changes = call(&writes, Method::PUT, "/profile").json(&json!({"bio": "x"}));
    changes.send().await.problem(ErrorCode::InsufficientScope);
    // Not even the highest scope makes a person of it.
    let all = token(&anna, &["api:admin"]).await;
    let begets =
        call(&all, Method::POST, "/tokens").json(&json!({"name": "child", "scopes": ["api:read"]}));
    begets.send().await.problem(ErrorCode::Forbidden);
    let admin = anna
        .post("/tokens", &json!({"name": "a", "scopes": ["admin:read"]}))
        .await;
    admin.problem(ErrorCode::Forbidden);
}

#[tokio::test]
async fn personal_tokens_are_listed_without_themselves_and_revoked() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let made = token(&anna, &["chat:write", "users:read"]).await;
    let listed = anna.get("/tokens").await.ok();
    let entry = &listed.list("tokens")[0];
    assert_shape(
        entry,
        "id:hex16 name:text scopes:list created_at:time expires_at:time last_used_at:time",
    );
    assert_eq!(entry["scopes"], json!(["chat:write", "users:read"]));
    assert!(!listed.to_string().contains(&made.text("token")));
    // It is no session and no device of a person's.
    assert_eq!(anna.get("/sessions").await.ok().list("sessions").len(), 1);
    assert_eq!(anna.get("/devices").await.ok().list("devices").len(), 1);

    let bot = Device {
        token: made.text("token"),
        ..anna.clone()
    };
    let mut socket = bot.connect().await;
    socket.until("synced").await;
    let path = format!("/tokens/{}", made.text("id"));
    boris.delete(&path).await.problem(ErrorCode::NotFound);
    anna.delete("/tokens/nonsense")
        .await
        .problem(ErrorCode::NotFound);
    anna.delete(&path).await.ok();
    socket.expect_close(4001).await;
    bot.get("/messages/history/dm/10000000")
        .await
        .problem(ErrorCode::SessionRevoked);
    assert!(anna.get("/tokens").await.ok().list("tokens").is_empty());

    for (body, fields) in [
        (json!({"name": "", "scopes": ["chat:read"]}), vec!["name"]),
        (json!({"name": "a", "scopes": []}), vec!["scopes"]),
        (
            json!({"name": "a", "scopes": ["chat:everything"]}),
            vec!["scopes"],
        ),
        (
            json!({"name": "a", "scopes": ["chat:read"], "expires_in_days": 0}),
            vec!["expires_in_days"],
        ),
        (
            json!({"name": "a", "scopes": ["chat:read"], "expires_in_days": 367}),
            vec!["expires_in_days"],
        ),
    ] {
        assert_eq!(anna.post("/tokens", &body).await.refused_fields(), fields);
    }
}

#[tokio::test]
async fn a_read_only_token_opens_no_websocket() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let made = token(&anna, &["chat:read"]).await;
    let bot = Device {
        token: made.text("token"),
        ..anna.clone()
    };
    let mut socket = bot.connect().await;
    let reason = socket.expect_close(1008).await;
    assert!(reason.contains("chat:write"), "{reason}");
}

#[tokio::test]
async fn a_ticket_of_a_token_opens_a_websocket_with_the_tokens_scopes() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let _online = boris.settled().await;
    let contacts = async |socket: &mut Socket| {
        socket.send(&json!({"type": "ping"})).await;
        socket.expect_frame("pong").await["contacts_status"].clone()
    };
    let seen = json!({&boris.uid: {"status": "online", "typing": false}});

    for (scopes, shown) in [
        (&["chat:write"][..], &json!({})),
        (&["chat:write", "users:read"], &seen),
    ] {
        let made = token(&anna, scopes).await;
        let bot = Device {
            token: made.text("token"),
            ..anna.clone()
        };
        let ticket = bot.post("/ws_ticket", &json!({})).await.ok().text("ticket");
        let path = format!("/?ticket={ticket}");
        let mut by_ticket = Socket::open_at(&server.site(), &path).await;
        by_ticket.until("synced").await;
        assert_eq!(contacts(&mut by_ticket).await, *shown, "{scopes:?}");
        by_ticket.say(&boris.uid, &json!("from a bot")).await;
        // The token has a device of its own, which has one connection.
        let mut by_token = bot.connect().await;
        by_token.until("synced").await;
        let (_, closed) = by_ticket.read_to_end().await;
        assert_eq!(closed.code, 4005);
        assert_eq!(contacts(&mut by_token).await, *shown, "{scopes:?}");
        let revoke = format!("/tokens/{}", made.text("id"));
        anna.delete(&revoke).await.ok();
        let (_, closed) = by_token.read_to_end().await;
        assert_eq!(closed.code, 4001);
    }
    // A login sees what it always did.
    let ticket = anna
        .post("/ws_ticket", &json!({}))
        .await
        .ok()
        .text("ticket");
    let mut own = Socket::open_at(&server.site(), &format!("/?ticket={ticket}")).await;
    own.until("synced").await;
    assert_eq!(contacts(&mut own).await, seen);
    // What cannot write has no ticket either.
    let reads = token(&anna, &["chat:read", "users:read"]).await;
    let bot = Device {
        token: reads.text("token"),
        ..anna.clone()
    };
    let refused = bot.post("/ws_ticket", &json!({})).await;
    refused.problem(ErrorCode::InsufficientScope);
}

#[tokio::test]
async fn a_token_and_the_password_together_change_no_password() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let current = anna.user.person.password.clone();
    let change = json!({"current_password": current, "new_password": "brass kettle at noon"});
    let profile =
        json!({"bio": "hello", "password": "brass kettle at noon", "current_password": current});
    for scope in ["api:write", "api:admin"] {
        let made = token(&anna, &[scope]).await;
        let bot = Device {
            token: made.text("token"),
            ..anna.clone()
        };
        let refusal = if scope == "api:admin" {
            ErrorCode::Forbidden
        } else {
            ErrorCode::InsufficientScope
        };
        let changed = bot.post("/password/change", &change).await;
        changed.problem(refusal);
        bot.put("/profile", &profile)
            .await
            .problem(ErrorCode::Forbidden);
        // The rest of the profile is the token's to change, and nothing of the refused call was done.
        assert_eq!(bot.get("/profile").await.ok()["bio"], Value::Null);
    }
    anna.user.login_first().await;
    let new = json!({"password": "brass kettle at noon"});
    let refused = anna.user.try_login(&anna.user.first_device, &new).await;
    refused.problem(ErrorCode::InvalidCredentials);
    anna.post("/password/change", &change).await.ok();
}

#[tokio::test]
async fn forged_and_foreign_tokens_are_refused_by_name() {
    let server = Server::start().await;
    let other = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let foreign = other.anonymous().join("Boris").await;
    // Its key is the same, in these tests; its session is not there.
    let answer = server
        .anonymous()
        .call(Method::GET, "/profile")
        .token(&foreign.token);
    answer.send().await.problem(ErrorCode::SessionRevoked);
    let [header, claims, signature]: [&str; 3] = anna
        .token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let with_header = |json: &Value| {
        let header = URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{header}.{claims}.{signature}")
    };
    let kid: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let kid = &kid["kid"];
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": kid}).to_string());
    for bad in [
        String::new(),
        "x".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{none}.{claims}."),
        with_header(&json!({"alg": "none", "kid": kid})),
        with_header(&json!({"alg": "HS256", "kid": kid})),
        with_header(&json!({"alg": "RS256", "kid": "0".repeat(32)})),
        with_header(&json!({"alg": "RS256"})),
        format!("{header}.{claims}.{}", "A".repeat(signature.len())),
        "a".repeat(5000),
        "melo_pat_".to_owned(),
        format!("melo_pat_{}", "A".repeat(43)),
        format!("melo_pat_{}", "A".repeat(500)),
    ] {
        let answer = server.anonymous().call(Method::GET, "/profile").token(&bad);
        answer.send().await.problem(ErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn a_rotated_key_signs_new_tokens_and_the_old_ones_stay_good() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let before = server.anonymous().get("/.well-known/jwks.json").await.ok();
    assert_eq!(before.list("keys").len(), 1);
    assert_shape(
        &before.list("keys")[0],
        "kty:text alg:text use:text kid:kid n:text e:text",
    );

    let rotated = std::process::Command::new(server.program())
        .args(["keys", "rotate-jwt"])
        .env("KEYS_DIR", server.keys_dir())
        .env("DATA_DIR", server.data_dir())
        .current_dir(server.directory())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&rotated.stdout).into_owned();
    assert!(
        rotated.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&rotated.stderr)
    );
    // The server takes it over by itself; asking again is what a verifier does that meets an unknown key.
    let taken_over = async {
        loop {
            let now = server.anonymous().get("/.well-known/jwks.json").await.ok();
            if now.list("keys").len() == 2 {
                break now;
            }
        }
    };
    let after = tokio::time::timeout(PATIENCE, taken_over).await.unwrap();
    assert_eq!(after.list("keys")[1], before.list("keys")[0]);
    let kid = after.list("keys")[0].text("kid");
    assert!(said.contains(&kid), "{said}");
    anna.get("/profile").await.ok();
    let again = anna.user.login_first().await;
    assert_eq!(
        jsonwebtoken::decode_header(&again.token).unwrap().kid,
        Some(kid)
    );
    again.get("/profile").await.ok();
}
