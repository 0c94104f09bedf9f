//! Registration with codes and invites, new passwords, resets, and what leaves the server for them.

use std::path::Path;

use melo_protocol::ErrorCode;
use melo_tests::{Device, Person, Postbox, Server, unique};
use serde_json::{Value, json};

const NEW: &str = "brass kettle at noon";

async fn postbox() -> Postbox {
    Postbox::start(Path::new(env!("CARGO_BIN_EXE_postbox"))).await
}

/// A server whose messages go to the postbox.
async fn server(postbox: &Postbox, more: &[(&str, &str)]) -> Server {
    let (smtp, sms) = (postbox.smtp_url(), postbox.sms_url());
    let mut settings = vec![
        ("SMS_PROVIDER", "http"),
        ("SMS_HTTP_URL", &*sms),
        ("SMS_HTTP_HEADER", "X-Api-Key: of the provider"),
        ("SMS_HTTP_SIGNING_KEY", "0123456789abcdef"),
        ("SMTP_URL", &*smtp),
        ("MAIL_FROM", "Melo <melo@chat.example.org>"),
    ];
    settings.extend_from_slice(more);
    Server::with(&settings).await
}

fn with(mut body: Value, field: &str, value: &str) -> Value {
    body[field] = json!(value);
    body
}

#[tokio::test]
async fn a_phone_is_verified_by_a_code() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[("REGISTRATION", "verified")]).await;
    let somebody = server.anonymous();
    let person = Person::named("Anna");
    let body = person.registration(&unique::device_id());
    let answer = somebody.post("/register", &body).await;
    answer.problem(ErrorCode::VerificationRequired);
    let early = somebody
        .post("/register", &with(body.clone(), "code", "123456"))
        .await;
    early.problem(ErrorCode::CodeInvalid);

    let asked = somebody
        .post("/register/code", &json!({"phone": person.phone}))
        .await
        .ok();
    assert_eq!(asked, json!({"status": "sent", "expires_in": 600}));
    let (headers, message) = postbox.sms().await;
    assert_eq!(message["to"], person.phone);
    assert_eq!(headers["idempotency-key"], message["id"]);
    assert_eq!(headers["x-api-key"], "of the provider");
    assert!(
        headers["x-melo-signature"]
            .as_str()
            .unwrap()
            .starts_with("sha256=")
    );
    let text = message["text"].as_str().unwrap();
    let code = text
        .split(|c: char| !c.is_ascii_digit())
        .find(|d| d.len() == 6)
        .unwrap();

    // A weak password costs no attempt; a wrong code does, and says nothing more.
    let weak = with(with(body.clone(), "code", code), "password", "password1234");
    assert_eq!(
        somebody.post("/register", &weak).await.refused_fields(),
        ["password"]
    );
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = somebody
        .post("/register", &with(body.clone(), "code", wrong))
        .await;
    refused.problem(ErrorCode::CodeInvalid);
    let right = with(body.clone(), "code", code);
    somebody.post("/register", &right).await.ok();
    somebody
        .post("/register", &right)
        .await
        .problem(ErrorCode::CodeInvalid);

    // The same for a known phone: only who holds it learns that it is taken.
    let again = somebody
        .post("/register/code", &json!({"phone": person.phone}))
        .await
        .ok();
    assert_eq!(again, asked);
    let (_, code) = postbox.code().await;
    let taken = somebody
        .post("/register", &with(body.clone(), "code", &code))
        .await;
    taken.problem(ErrorCode::PhoneTaken);
    somebody
        .post("/register/code", &json!({"phone": "call me"}))
        .await
        .refused_fields();
}

#[tokio::test]
async fn a_code_can_be_tried_five_times() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[("REGISTRATION", "verified")]).await;
    let somebody = server.anonymous();
    let person = Person::named("Anna");
    let ask = json!({"phone": person.phone});
    somebody
        .call(reqwest::Method::POST, "/register/code")
        .header("accept-language", "ru-RU,ru;q=0.9")
        .json(&ask)
        .send()
        .await
        .ok();
    let (_, message) = postbox.sms().await;
    let text = message["text"].as_str().unwrap().to_owned();
    assert!(text.contains("код для регистрации"), "{text}");
    let code = text
        .split(|c: char| !c.is_ascii_digit())
        .find(|d| d.len() == 6)
        .unwrap();
    let body = person.registration(&unique::device_id());
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        let refused = somebody
            .post("/register", &with(body.clone(), "code", wrong))
            .await;
        refused.problem(ErrorCode::CodeInvalid);
    }
    let late = somebody.post("/register", &with(body, "code", code)).await;
    late.problem(ErrorCode::CodeInvalid);
}

#[tokio::test]
async fn of_many_uses_of_one_code_exactly_one_wins() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[]).await;
    let anna = server.anonymous().join("Anna").await;
    let ask = json!({"identifier": anna.uid, "channel": "sms"});
    server
        .anonymous()
        .post("/password/reset/request", &ask)
        .await
        .ok();
    let (phone, code) = postbox.code().await;
    assert_eq!(phone, anna.user.person.phone);
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..100 {
        let somebody = server.anonymous();
        let body =
            json!({"identifier": anna.uid, "code": code, "new_password": format!("{NEW} {n}")});
        tries.spawn(async move { somebody.post("/password/reset", &body).await });
    }
    let answers = tries.join_all().await;
    let won = answers.iter().filter(|a| a.status.is_success()).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|a| !a.status.is_success()) {
        assert!(matches!(lost.status.as_u16(), 400 | 503), "{}", lost.status);
    }
}

#[tokio::test]
async fn of_many_uses_of_one_reset_token_exactly_one_wins() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[]).await;
    let anna = server.anonymous().join("Anna").await;
    let email = json!({"email": "anna@example.org"});
    anna.put("/account/email", &email).await.ok();
    let confirm = json!({"token": postbox.token().await});
    anna.post("/account/email/confirm", &confirm).await.ok();
    let ask = json!({"identifier": anna.uid, "channel": "mail"});
    let somebody = server.anonymous();
    somebody.post("/password/reset/request", &ask).await.ok();
    let token = postbox.token().await;
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..100 {
        let somebody = server.anonymous();
        let body = json!({"token": token, "new_password": format!("{NEW} {n}")});
        tries.spawn(async move { somebody.post("/password/reset", &body).await });
    }
    let answers = tries.join_all().await;
    let won = answers.iter().filter(|a| a.status.is_success()).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|a| !a.status.is_success()) {
        assert!(matches!(lost.status.as_u16(), 400 | 503), "{}", lost.status);
    }
}

#[tokio::test]
async fn nobody_registers_where_it_is_closed() {
    let server = Server::with(&[("REGISTRATION", "closed")]).await;
    let body = Person::named("Anna").registration(&unique::device_id());
    let answer = server.anonymous().post("/register", &body).await;
    answer.problem(ErrorCode::RegistrationClosed);
    let code = server
        .anonymous()
        .post("/register/code", &json!({"phone": "+79991234567"}))
        .await;
    code.problem(ErrorCode::RegistrationClosed);

    let server = Server::with(&[("REGISTRATION", "invite")]).await;
    let answer = server.anonymous().post("/register", &body).await;
    answer.problem(ErrorCode::InviteRequired);
    let wrong = with(body, "invite", "not an invite");
    server
        .anonymous()
        .post("/register", &wrong)
        .await
        .problem(ErrorCode::InviteInvalid);
    let code = server
        .anonymous()
        .post("/register/code", &json!({"phone": "+79991234567"}))
        .await;
    code.problem(ErrorCode::NotConfigured);
}

async fn still_in(device: &Device) -> bool {
    device.get("/profile").await.status.is_success()
}

#[tokio::test]
async fn changing_the_password_ends_everything_else() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let other = anna.user.login_new().await;
    let current = anna.user.person.password.clone();
    let change =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});

    let refused = anna
        .post("/password/change", &change("not the one", NEW))
        .await;
    refused.problem(ErrorCode::WrongPassword);
    for unfit in [
        "short",
        "password1234",
        "my name is anna ok",
        "qwertyuiop[]",
    ] {
        let answer = anna
            .post("/password/change", &change(&current, unfit))
            .await;
        assert_eq!(answer.refused_fields(), ["new_password"], "{unfit}");
    }
    let same = anna
        .post("/password/change", &change(&current, &current))
        .await;
    assert_eq!(same.refused_fields(), ["new_password"]);
    let detail = same.problem(ErrorCode::ValidationFailed).detail;
    assert!(detail.contains("another one"), "{detail}");
    assert!(still_in(&other).await, "nothing has happened yet");

    let changed = anna
        .post("/password/change", &change(&current, NEW))
        .await
        .ok();
    assert_eq!(changed, json!({"status": "changed", "revoked_count": 1}));
    assert!(still_in(&anna).await);
    other
        .get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let by_token = |device: &Device, id: &str| {
        json!({
            "identifier": device.uid, "device_id": id, "device_token": device.device_token,
        })
    };
    let own = by_token(&anna, &anna.user.first_device);
    server.anonymous().post("/login", &own).await.ok();
    let old = anna
        .user
        .try_login(&anna.user.first_device, &Value::Null)
        .await;
    old.problem(ErrorCode::InvalidCredentials);
    anna.user
        .try_login(&anna.user.first_device, &json!({"password": NEW}))
        .await
        .ok();
}

#[tokio::test]
async fn a_profile_takes_no_new_password_without_the_current_one() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let answer = anna
        .put("/profile", &json!({"bio": "hello", "password": NEW}))
        .await;
    assert_eq!(answer.refused_fields(), ["current_password"]);
    let wrong = json!({"bio": "hello", "password": NEW, "current_password": "not the one"});
    anna.put("/profile", &wrong)
        .await
        .problem(ErrorCode::WrongPassword);
    let current = &anna.user.person.password;
    let same = json!({"bio": "hello", "password": current, "current_password": current});
    let refused = anna.put("/profile", &same).await;
    assert_eq!(refused.refused_fields(), ["password"]);
    assert_eq!(
        anna.get("/profile").await.ok()["bio"],
        Value::Null,
        "all or nothing"
    );
}

#[tokio::test]
async fn a_reset_by_mail_ends_every_session_and_works_once() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;

    // The address counts once it is confirmed, by who asked and nobody else.
    let email = json!({"email": "Anna.K@example.org"});
    anna.put("/account/email", &json!({"email": "a@b@c"}))
        .await
        .refused_fields();
    let asked = anna.put("/account/email", &email).await.ok();
    assert_eq!(asked, json!({"status": "sent", "expires_in": 3600}));
    let token = postbox.token().await;
    assert_eq!(anna.get("/account/email").await.ok()["email"], Value::Null);
    let confirm = json!({ "token": token });
    boris
        .post("/account/email/confirm", &confirm)
        .await
        .problem(ErrorCode::CodeInvalid);
    anna.post("/account/email/confirm", &confirm).await.ok();
    anna.post("/account/email/confirm", &confirm)
        .await
        .problem(ErrorCode::CodeInvalid);
    assert_eq!(
        anna.get("/account/email").await.ok()["email"],
        "Anna.K@example.org"
    );
    boris
        .put("/account/email", &json!({"email": "anna.k@EXAMPLE.org"}))
        .await
        .ok();
    let token = postbox.token().await;
    let taken = boris
        .post("/account/email/confirm", &json!({ "token": token }))
        .await;
    taken.problem(ErrorCode::EmailTaken);

    let somebody = server.anonymous();
    let ask = json!({"identifier": "anna.k@example.org"});
    somebody.post("/password/reset/request", &ask).await.ok();
    let token = postbox.token().await;
    let reset = |token: &str, new: &str| json!({"token": token, "new_password": new});
    somebody
        .post("/password/reset", &reset("x", NEW))
        .await
        .problem(ErrorCode::ResetTokenInvalid);
    let weak = somebody
        .post("/password/reset", &reset(&token, "anna anna anna"))
        .await;
    assert_eq!(weak.refused_fields(), ["new_password"]);
    let same = reset(&token, &anna.user.person.password);
    let same = somebody.post("/password/reset", &same).await;
    assert_eq!(same.refused_fields(), ["new_password"]);
    // Neither has used the token up.
    somebody
        .post("/password/reset", &reset(&token, NEW))
        .await
        .ok();
    let again = somebody.post("/password/reset", &reset(&token, NEW)).await;
    again.problem(ErrorCode::ResetTokenInvalid);
    anna.get("/profile")
        .await
        .problem(ErrorCode::SessionRevoked);
    let by_token = json!({
        "identifier": anna.uid, "device_id": anna.user.first_device, "device_token": anna.device_token,
    });
    somebody
        .post("/login", &by_token)
        .await
        .problem(ErrorCode::InvalidCredentials);
    anna.user
        .try_login(&anna.user.first_device, &json!({"password": NEW}))
        .await
        .ok();
}

#[tokio::test]
async fn a_reset_says_nothing_of_who_is_there() {
    let mut postbox = postbox().await;
    let server = server(&postbox, &[]).await;
    let anna = server.anonymous().join("Anna").await;
    let somebody = server.anonymous();
    let mut answers = Vec::new();
    for identifier in [
        "99999999",
        "+79990000000",
        "nobody@example.org",
        "???",
        &anna.uid,
    ] {
        let ask = json!({ "identifier": identifier });
        answers.push(somebody.post("/password/reset/request", &ask).await.ok());
    }
    assert!(
        answers
            .iter()
            .all(|a| *a == json!({"status": "sent", "expires_in": 600}))
    );
    let (phone, _) = postbox.code().await;
    assert_eq!(phone, anna.user.person.phone, "the only message");
    assert!(postbox.is_quiet());

    // No more is told by the wrong code.
    for identifier in ["99999999", "nobody@example.org", &anna.uid] {
        let body = json!({"identifier": identifier, "code": "12345", "new_password": NEW});
        somebody
            .post("/password/reset", &body)
            .await
            .problem(ErrorCode::CodeInvalid);
    }
    for bad in [
        json!({"new_password": NEW}),
        json!({"new_password": NEW, "code": "123456"}),
        json!({"new_password": NEW, "code": "1", "identifier": "1", "token": "1"}),
    ] {
        let answer = somebody.post("/password/reset", &bad).await;
        assert_eq!(answer.refused_fields(), ["token"]);
    }
    let nowhere = Server::start().await;
    let ask = json!({"identifier": "99999999"});
    let off = nowhere
        .anonymous()
        .post("/password/reset/request", &ask)
        .await;
    off.problem(ErrorCode::NotConfigured);
}

#[tokio::test]
async fn a_message_outlives_the_server_that_was_to_send_it() {
    let mut postbox = postbox().await;
    let mut server = server(&postbox, &[]).await;
    let anna = server.anonymous().join("Anna").await;

    // Refused at first, and tried again under the same name.
    postbox.behave("fail").await;
    let ask = json!({"identifier": anna.uid, "channel": "sms"});
    server
        .anonymous()
        .post("/password/reset/request", &ask)
        .await
        .ok();
    let (_, first) = postbox.sms().await;
    postbox.behave("hold").await;
    let (headers, second) = postbox.sms().await;
    assert_eq!(second, first);
    assert_eq!(headers["idempotency-key"], first["id"]);

    // Killed in the middle of an attempt: another one follows the restart.
    server.kill();
    postbox.behave("ok").await;
    server.start_again().await;
    let (_, third) = postbox.sms().await;
    assert_eq!(third, first, "the same message under the same id");
}
