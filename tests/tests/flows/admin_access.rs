//! Administration and the tokens and second factors of people, the administrators' own among them.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, assert_shape, befriend};
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

async fn token(owner: &Device, scope: &str) -> Value {
    let body = json!({"name": "bot", "scopes": [scope]});
    owner.post("/tokens", &body).await.ok()
}

/// The device with a personal access token in place of its own.
fn bot(owner: &Device, token: &Value) -> Device {
    Device {
        token: token.text("token"),
        ..owner.clone()
    }
}

async fn set_up_second_factor(device: &Device) {
    let password = json!({"password": device.user.person.password});
    let begun = device.post("/two_factor/enrol", &password).await.ok();
    let secret = Secret::try_from_base32(begun.text("secret")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    let code = json!({"code": app.generate_current().to_string()});
    device.post("/two_factor/confirm", &code).await.ok();
}

#[tokio::test]
async fn a_token_administers_as_far_as_its_scope_and_its_owner() {
    let server = Server::start().await;
    let mila = server.anonymous().join("Mila").await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&mila.uid, "moderator");
    let person = format!("/admin/users/{}", anna.uid);
    let lock = format!("{person}/lock");
    let reason = json!({"reason": "a try"});

    let other = bot(&mila, &token(&mila, "api:admin").await);
    other
        .get(&person)
        .await
        .problem(ErrorCode::InsufficientScope);
    let reads = bot(&mila, &token(&mila, "admin:read").await);
    reads.get(&person).await.ok();
    reads
        .post(&lock, &reason)
        .await
        .problem(ErrorCode::InsufficientScope);
    let writes = bot(&mila, &token(&mila, "admin:write").await);
    writes.post(&lock, &reason).await.ok();
    let ban = format!("{person}/ban");
    writes
        .post(&ban, &reason)
        .await
        .problem(ErrorCode::Forbidden);

    server.promote(&mila.uid, "user");
    for bot in [&reads, &writes] {
        bot.get(&person).await.problem(ErrorCode::Forbidden);
    }
}

#[tokio::test]
async fn somebodys_tokens_are_listed_and_revoked() {
    let server = Server::start().await;
    let mila = server.anonymous().join("Mila").await;
    let olga = server.anonymous().join("Olga").await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&mila.uid, "moderator");
    server.promote(&olga.uid, "admin");
    let made = token(&anna, "api:read").await;
    let bots = bot(&anna, &made);
    bots.get("/profile").await.ok();

    let list = format!("/admin/tokens?uid={}", anna.uid);
    let found = mila.get(&list).await.ok();
    let [entry] = found.list("tokens").as_slice() else {
        panic!("{found}");
    };
    assert_shape(
        entry,
        "id:hex16 name:text scopes:list created_at:time expires_at:time last_used_at:time",
    );
    assert_eq!(
        (&entry["id"], &entry["scopes"]),
        (&made["id"], &json!(["api:read"]))
    );
    assert!(!found.to_string().contains(&made.text("token")));

    let revoke = format!("/admin/tokens/{}", made.text("id"));
    assert_eq!(mila.delete(&revoke).await.ok(), json!({"status": "ok"}));
    bots.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    mila.delete(&revoke).await.problem(ErrorCode::NotFound);
    assert!(mila.get(&list).await.ok().list("tokens").is_empty());
    anna.get("/profile").await.ok();

    // Somebody of a higher rank keeps theirs.
    let olgas = token(&olga, "api:read").await;
    let revoke = format!("/admin/tokens/{}", olgas.text("id"));
    mila.delete(&revoke).await.problem(ErrorCode::Forbidden);
    bot(&olga, &olgas).get("/profile").await.ok();
    // A login is no token.
    let path = format!("/admin/users/{}/sessions", anna.uid);
    let sessions = mila.get(&path).await.ok();
    let login = sessions.list("sessions")[0].text("id");
    let not_a_token = format!("/admin/tokens/{login}");
    mila.delete(&not_a_token).await.problem(ErrorCode::NotFound);
    anna.get("/profile").await.ok();

    for bad in ["/admin/tokens", "/admin/tokens?uid=me"] {
        assert_eq!(mila.get(bad).await.refused_fields(), ["uid"]);
    }
    let answer = mila.delete("/admin/tokens/x").await;
    assert_eq!(answer.refused_fields(), ["id"]);
    let answer = mila.get("/admin/tokens?uid=99999999").await;
    answer.problem(ErrorCode::UserNotFound);
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away_by_an_admin_or_at_the_machine() {
    let server = Server::start().await;
    let olga = server.anonymous().join("Olga").await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&olga.uid, "admin");
    let person = format!("/admin/users/{}", anna.uid);
    let reset = format!("{person}/reset_2fa");
    let reason = json!({"reason": "phone lost, recognised on the telephone"});
    olga.post(&reset, &reason)
        .await
        .problem(ErrorCode::NotEnabled);

    set_up_second_factor(&anna).await;
    assert_eq!(olga.get(&person).await.ok()["two_factor"], true);
    let first = &anna.user.first_device;
    let without_code = anna.user.try_login(first, &Value::Null).await;
    without_code.problem(ErrorCode::SecondFactorRequired);
    olga.post(&reset, &json!({})).await.refused_fields();
    olga.post(&reset, &reason).await.ok();
    assert_eq!(olga.get(&person).await.ok()["two_factor"], false);
    anna.user.login_first().await;

    set_up_second_factor(&anna).await;
    let done = server.melo(&["admin", "reset-2fa", &anna.uid], "");
    assert!(done.status.success());
    anna.user.login_first().await;
    let again = server.melo(&["admin", "reset-2fa", &anna.uid], "");
    assert_eq!(again.status.code(), Some(1));
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(text.contains("no second factor"), "{text}");
    let log = olga
        .get("/admin/audit?action=admin.reset_second_factor")
        .await
        .ok();
    assert_eq!(log.list("entries").len(), 2);
}

#[tokio::test]
async fn an_operator_may_ask_for_a_second_factor_of_those_who_administer() {
    let server = Server::with(&[("REQUIRE_ADMIN_2FA", "true")]).await;
    let anna = server.anonymous().join("Anna").await;
    anna.get("/admin/figures")
        .await
        .problem(ErrorCode::Forbidden);
    server.promote(&anna.uid, "owner");
    let refused = anna.get("/admin/figures").await;
    refused.problem(ErrorCode::EnrolmentRequired);
    set_up_second_factor(&anna).await;
    anna.call(Method::GET, "/admin/figures").send().await.ok();
}

#[tokio::test]
async fn an_admin_deletes_an_account() {
    let server = Server::start().await;
    let mila = server.anonymous().join("Mila").await;
    let olga = server.anonymous().join("Olga").await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    server.promote(&mila.uid, "moderator");
    server.promote(&olga.uid, "admin");
    befriend(&anna, &boris).await;
    let mut socket = anna.connect().await;
    socket.until("synced").await;
    let path = format!("/admin/users/{}", anna.uid);
    let delete = |actor: &Device, path: &str, body: &Value| {
        actor.call(Method::DELETE, path).json(body).send()
    };
    let why = json!({"reason": "asked for by letter"});
    delete(&mila, &path, &why)
        .await
        .problem(ErrorCode::Forbidden);
    let missing = delete(&olga, &path, &json!({})).await;
    assert_eq!(missing.refused_fields(), ["reason"]);
    let nobody = delete(&olga, "/admin/users/10000000", &why).await;
    nobody.problem(ErrorCode::UserNotFound);
    let done = delete(&olga, &path, &why).await.ok();
    assert_eq!(done, json!({"status": "deleted"}));
    socket.expect_close(4001).await;
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let login = anna
        .user
        .try_login(&anna.user.first_device, &Value::Null)
        .await;
    login.problem(ErrorCode::InvalidCredentials);
    delete(&olga, &path, &why)
        .await
        .problem(ErrorCode::UserNotFound);
    let history = format!("/messages/history/dm/{}", anna.uid);
    boris.get(&history).await.ok();
    let entries = olga.get("/admin/audit?action=account.delete").await.ok();
    assert_eq!(
        entries.list("entries")[0]["details"]["reason"],
        "asked for by letter"
    );
}
