//! Admin calls that were refused leave a trace, and not more than that.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, assert_shape};
use serde_json::{Value, json};

/// Who called what, of whom, and why it was refused; oldest first.
async fn refusals(owner: &Device) -> Vec<Value> {
    let log = owner.get("/admin/audit?action=admin.refused").await.ok();
    let entries = log.list("entries").iter().rev();
    entries
        .map(|entry| {
            assert_shape(&entry["details"], "call:text code:text");
            assert_eq!(entry["ip_address"], "127.0.0.1");
            assert_eq!(entry["user_agent"], "melo-flows/1.0 (linux)");
            let details = &entry["details"];
            json!([
                entry["actor"],
                details["call"],
                entry["object"],
                details["code"]
            ])
        })
        .collect()
}

#[tokio::test]
async fn whoever_is_refused_is_noted_once() {
    let server = Server::start().await;
    let otto = server.anonymous().join("Otto").await;
    let mila = server.anonymous().join("Mila").await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&otto.uid, "owner");
    server.promote(&mila.uid, "moderator");
    let person = |device: &Device| format!("/admin/users/{}", device.uid);
    let reason = json!({"reason": "a try"});

    // Somebody who has no business there, again and again.
    for _ in 0..5 {
        anna.get("/admin/users").await.problem(ErrorCode::Forbidden);
        anna.get("/admin/bans").await.problem(ErrorCode::Forbidden);
    }
    let ban = format!("{}/ban", person(&anna));
    mila.post(&ban, &reason).await.problem(ErrorCode::Forbidden);
    let lock = format!("{}/lock", person(&otto));
    mila.post(&lock, &reason)
        .await
        .problem(ErrorCode::Forbidden);
    // A token of another scope, and a login without a password.
    let scopes = json!({"name": "bot", "scopes": ["api:read"]});
    let token = mila.post("/tokens", &scopes).await.ok();
    let bot = Device {
        token: token.text("token"),
        ..mila.clone()
    };
    let figures = bot.get("/admin/figures").await;
    figures.problem(ErrorCode::InsufficientScope);
    let by_token = json!({"device_token": mila.device_token, "password": null});
    let first = &mila.user.first_device;
    let begun = mila.user.try_login(first, &by_token).await.ok();
    let lately = Device {
        token: begun.text("access_token"),
        ..mila.clone()
    };
    lately
        .get(&person(&anna))
        .await
        .problem(ErrorCode::ReauthenticationRequired);
    // What was let through, or is wrong in another way, is no refusal.
    mila.get(&person(&anna)).await.ok();
    mila.get("/admin/users/99999999")
        .await
        .problem(ErrorCode::UserNotFound);
    mila.get("/admin/nothing")
        .await
        .problem(ErrorCode::NotFound);
    anna.get("/profile?user_id=x").await.refused_fields();
    server
        .anonymous()
        .get("/admin/users")
        .await
        .problem(ErrorCode::InvalidToken);

    let of = |device: &Device| format!("user:{}", device.uid);
    assert_eq!(
        refusals(&otto).await,
        [
            json!([anna.uid, "GET /admin/users", "server", "forbidden"]),
            json!([anna.uid, "GET /admin/bans", "server", "forbidden"]),
            json!([
                mila.uid,
                "POST /admin/users/{uid}/ban",
                of(&anna),
                "forbidden"
            ]),
            json!([
                mila.uid,
                "POST /admin/users/{uid}/lock",
                of(&otto),
                "forbidden"
            ]),
            json!([
                mila.uid,
                "GET /admin/figures",
                "server",
                "insufficient_scope"
            ]),
            json!([
                mila.uid,
                "GET /admin/users/{uid}",
                of(&anna),
                "reauthentication_required"
            ]),
        ]
    );
}

#[tokio::test]
async fn who_lacks_a_second_factor_where_it_is_asked_for_is_noted() {
    let server = Server::with(&[("REQUIRE_ADMIN_2FA", "true")]).await;
    let otto = server.anonymous().join("Otto").await;
    server.promote(&otto.uid, "owner");
    otto.get("/admin/figures")
        .await
        .problem(ErrorCode::EnrolmentRequired);
    let listed = server.melo(&["audit", "list", "--action", "admin.refused"], "");
    let lines = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("enrolment_required"), "{lines}");
}
