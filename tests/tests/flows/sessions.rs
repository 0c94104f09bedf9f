//! Sessions and devices under their owner's control.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, Socket, assert_shape, unique};
use reqwest::Method;
use serde_json::{Value, json};

/// The sessions of a person, as they see them.
async fn sessions(device: &Device) -> Vec<Value> {
    device.get("/sessions").await.ok().list("sessions").clone()
}

#[tokio::test]
async fn the_list_names_every_session_and_marks_the_current_one() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let laptop = anna.user.login_new().await;
    for path in ["/sessions", "/sessions/"] {
        let answer = laptop.get(path).await.ok();
        let listed = answer.list("sessions");
        assert_eq!(listed.len(), 2, "{path}");
        for session in listed {
            assert_shape(
                session,
                "id:hex16 device_type:text device_name:text ip_address:text created_at:time \
                 last_activity:time is_current:bool device:hex16",
            );
            assert_eq!(session["ip_address"], "127.0.0.1");
            assert_eq!(session["device_name"], "melo-flows/1.0");
            let current = session["device"] == laptop.handle;
            assert_eq!(session["is_current"], current);
        }
    }
}

#[tokio::test]
async fn ending_a_session_closes_its_socket_and_refuses_its_token_at_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let phone = anna.user.login_new().await;
    let mut socket = phone.online().await;
    let listed = sessions(&anna).await;
    let find = |handle: &str| {
        let found = listed.iter().find(|s| s["device"] == handle);
        found.expect("a session").text("id")
    };
    let id = find(&phone.handle);

    let path = format!("/sessions/{id}");
    boris.delete(&path).await.problem(ErrorCode::NotFound);
    let own = format!("/sessions/{}", find(&anna.handle));
    anna.delete(&own).await.problem(ErrorCode::CurrentSession);
    for nothing in ["/sessions/0123456789abcdef", "/sessions/nonsense"] {
        anna.delete(nothing).await.problem(ErrorCode::NotFound);
    }
    let ended = anna.delete(&path).await.ok();
    assert_shape(&ended, "status:text message:text");
    socket.expect_close(4001).await;
    phone
        .get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let mut refused = Socket::open(phone.site(), &phone.token).await;
    refused.expect_close(1008).await;
    anna.delete(&path).await.problem(ErrorCode::NotFound);
    // Nor does the device token open the door again.
    let body = json!({"identifier": phone.uid, "device_id": unique::device_id(), "device_token": phone.device_token});
    let again = server.anonymous().post("/login", &body).await;
    again.problem(ErrorCode::InvalidCredentials);
}

#[tokio::test]
async fn all_other_sessions_end_together_by_both_names() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    for path in ["/sessions/revoke_all", "/sessions/terminate_all"] {
        let (one, two) = (anna.user.login_new().await, anna.user.login_new().await);
        let mut socket = one.connect().await;
        socket.until("synced").await;
        let answer = anna.post(path, &json!({})).await.ok();
        assert_eq!(answer, json!({"status": "ok", "revoked_count": 2}));
        socket.expect_close(4001).await;
        for gone in [&one, &two] {
            gone.get("/profile")
                .await
                .problem(ErrorCode::SessionRevoked);
        }
        assert_eq!(sessions(&anna).await.len(), 1);
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_and_the_device_token() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut socket = anna.online().await;
    anna.post("/logout", &json!({})).await.ok();
    socket.expect_close(4001).await;
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let body = json!({"identifier": anna.uid, "device_id": anna.user.first_device, "device_token": anna.device_token});
    let again = server.anonymous().post("/login", &body).await;
    again.problem(ErrorCode::InvalidCredentials);
    anna.user.login_first().await;
}

#[tokio::test]
async fn the_other_devices_hear_of_a_new_one_also_when_they_were_away() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut socket = anna.online().await;
    let phone = anna.user.login_new().await;
    let notice = socket.new_device().await;
    assert_shape(
        &notice,
        "type:text log:log seq:number at:time device:hex16 device_type:text device_name:text ip_address:text",
    );
    assert_eq!(notice["device"], phone.handle);
    // The new device need not be told of itself, nor anybody of one that is known.
    phone.online().await;
    anna.user.login_first().await;
    let again = anna.user.login(&anna.user.first_device).await;
    let (socket, _) = again.catch_up().await;
    assert_eq!(socket.new_devices(), 1);
}

#[tokio::test]
async fn a_device_gets_a_token_changes_it_and_signs_in_with_it() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let device_id = anna.user.first_device.clone();
    let body = json!({ "device_id": device_id });
    let registered = anna.post("/devices/register", &body).await.ok();
    assert_shape(&registered, "ok:bool device_token:text device:hex16");
    assert_eq!(registered["device"], anna.handle);
    let first = registered.text("device_token");
    assert_ne!(first, anna.device_token);

    let refresh = |token: &str| {
        let body = json!({"device_id": device_id, "device_token": token});
        let anna = anna.clone();
        async move { anna.post("/devices/refresh", &body).await }
    };
    // The one from the login died with the registration.
    refresh(&anna.device_token)
        .await
        .problem(ErrorCode::InvalidCredentials);
    let second = refresh(&first).await.ok();
    assert_shape(&second, "ok:bool device_token:text");
    let second = second.text("device_token");
    // Just replaced: refused, and nobody is signed out.
    refresh(&first).await.problem(ErrorCode::InvalidCredentials);
    refresh("nonsense")
        .await
        .problem(ErrorCode::InvalidCredentials);
    refresh(&"x".repeat(2000))
        .await
        .problem(ErrorCode::ValidationFailed);
    anna.get("/profile").await.ok();

    let authorize = |identifier: &str, token: &str| {
        let body = json!({"identifier": identifier, "device_id": device_id, "device_token": token});
        let somebody = server.anonymous();
        async move { somebody.post("/devices/authorize", &body).await }
    };
    for identifier in [&anna.uid, &anna.user.person.phone] {
        let login = authorize(identifier, &second).await.ok();
        assert_shape(
            &login,
            "ok:bool access_token:text token_type:text csrf_token:text device_token:text public_e2e_key:pem \
             unique_id:uid phone:text name:text nickname:text device_id:hex16 device:hex16 session_id:hex16 \
             expires_in:number",
        );
    }
    for (identifier, token) in [
        (anna.uid.as_str(), first.as_str()),
        ("10000000", &second),
        ("nobody", &second),
    ] {
        let refused = authorize(identifier, token).await;
        refused.problem(ErrorCode::InvalidCredentials);
    }
}

#[tokio::test]
async fn a_copied_device_token_signs_the_device_out_and_raises_an_alert() {
    let server = Server::with(&[("DEVICE_TOKEN_REUSE_LEEWAY", "0")]).await;
    let anna = server.anonymous().join("Anna").await;
    let laptop = anna.user.login_new().await;
    let mut watching = laptop.connect().await;
    watching.until("synced").await;
    let mut socket = anna.connect().await;
    socket.until("synced").await;
    let device_id = anna.user.first_device.clone();
    let body = json!({"device_id": device_id, "device_token": anna.device_token});
    let next = anna
        .post("/devices/refresh", &body)
        .await
        .ok()
        .text("device_token");
    // Somebody has a copy of the old one.
    let reused = anna.post("/devices/refresh", &body).await;
    reused.problem(ErrorCode::TokenReused);
    socket.expect_close(4001).await;
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let body = json!({"identifier": anna.uid, "device_id": device_id, "device_token": next});
    let refused = server.anonymous().post("/login", &body).await;
    refused.problem(ErrorCode::InvalidCredentials);
    let alert = watching.expect_frame("security_alert").await;
    assert_shape(
        &alert,
        "type:text log:log seq:number at:time alert:text device:hex16",
    );
    assert_eq!(alert["alert"], "device_token_reused");
    assert_eq!(alert["device"], anna.handle);
}

#[tokio::test]
async fn a_revoked_device_is_signed_out_for_good() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let phone_id = unique::device_id();
    let phone = anna.user.login(&phone_id).await;
    let mut socket = phone.online().await;

    let devices = anna.get("/devices").await.ok().list("devices").clone();
    assert_eq!(devices.len(), 2);
    assert_shape(
        &devices[0],
        "device:hex16 device_id:hex16 created_at:time token_expires_at:time sessions:number has_keys:bool is_current:bool",
    );
    let body = json!({ "device_id": phone_id });
    boris
        .post("/devices/revoke", &body)
        .await
        .problem(ErrorCode::NotFound);
    let ended = anna.post("/devices/revoke", &body).await.ok();
    assert_eq!(ended, json!({"ok": true}));
    socket.expect_close(4001).await;
    phone
        .get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let login =
        json!({"identifier": anna.uid, "device_id": phone_id, "device_token": phone.device_token});
    let refused = server.anonymous().post("/login", &login).await;
    refused.problem(ErrorCode::InvalidCredentials);

    let other = anna.user.login_new().await;
    let path = format!("/devices/{}", other.handle);
    boris.delete(&path).await.problem(ErrorCode::NotFound);
    anna.delete("/devices/nonsense")
        .await
        .problem(ErrorCode::NotFound);
    anna.delete(&path).await.ok();
    other
        .get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
}

#[tokio::test]
async fn malformed_device_calls_name_the_field() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    for path in ["/devices/register", "/devices/revoke"] {
        let answer = anna.post(path, &json!({"device_id": "short"})).await;
        assert_eq!(answer.refused_fields(), ["device_id"]);
        let without = anna.call(Method::POST, path).json(&json!({})).send().await;
        assert_eq!(without.refused_fields(), ["device_id"]);
    }
    let nobody = server.anonymous();
    for path in [
        "/devices/register",
        "/devices/refresh",
        "/sessions/revoke_all",
        "/logout",
    ] {
        nobody
            .post(path, &json!({}))
            .await
            .problem(ErrorCode::InvalidToken);
    }
}
