//! The second factor, as a person with an authenticator app meets it.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, assert_shape, unique};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

/// Sets the second factor up: the app that knows the secret, and the recovery codes.
async fn set_up(anna: &Device) -> (Totp, Vec<Value>) {
    let password = json!({"password": anna.user.person.password});
    let begun = anna.post("/two_factor/enrol", &password).await.ok();
    assert_shape(&begun, "secret:text otpauth_uri:text qr_svg:text");
    assert!(begun.text("qr_svg").contains("<svg"));
    let uri = begun.text("otpauth_uri");
    assert!(
        uri.starts_with(&format!("otpauth://totp/Melo:{}?", anna.uid)),
        "{uri}"
    );
    let secret = Secret::try_from_base32(begun.text("secret")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    // Nothing counts before a code was shown.
    let view = anna.get("/two_factor").await.ok();
    assert_eq!(view, json!({"enabled": false, "recovery_codes_left": 0}));
    let wrong = anna
        .post("/two_factor/confirm", &json!({"code": "12345"}))
        .await;
    wrong.problem(ErrorCode::SecondFactorInvalid);
    let code = app.generate_current().to_string();
    let confirmed = anna
        .post("/two_factor/confirm", &json!({"code": code}))
        .await
        .ok();
    let codes = confirmed.list("recovery_codes").clone();
    assert_eq!(codes.len(), 10);
    (app, codes)
}

#[tokio::test]
async fn a_login_needs_the_code_and_existing_clients_can_give_it_too() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let (app, codes) = set_up(&anna).await;
    let device = unique::device_id();
    let login = |more: Value| {
        let (user, device) = (anna.user.clone(), device.clone());
        async move { user.try_login(&device, &more).await }
    };
    login(Value::Null)
        .await
        .problem(ErrorCode::SecondFactorRequired);
    let wrong_password = json!({"password": "something else entirely", "code": codes[0]});
    login(wrong_password)
        .await
        .problem(ErrorCode::InvalidCredentials);
    for wrong in ["000000", "zzzz-zzzz-zzzz-zzzz", "nonsense"] {
        login(json!({ "code": wrong }))
            .await
            .problem(ErrorCode::SecondFactorInvalid);
    }
    // The code that confirmed the second factor is spent; the next one is not.
    let spent = app.generate_current().to_string();
    let next = app
        .generate(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 30)
        .to_string();
    login(json!({ "code": spent }))
        .await
        .problem(ErrorCode::SecondFactorInvalid);
    login(json!({ "code": next })).await.ok();
    login(json!({ "code": next }))
        .await
        .problem(ErrorCode::SecondFactorInvalid);
    // A recovery code, typed as people type; and once.
    let recovery = codes[0].as_str().unwrap().to_uppercase();
    login(json!({ "code": recovery })).await.ok();
    login(json!({ "code": recovery }))
        .await
        .problem(ErrorCode::SecondFactorInvalid);
    let left = anna.get("/two_factor").await.ok();
    assert_eq!(left, json!({"enabled": true, "recovery_codes_left": 9}));
    // A known device goes on with its token.
    let body = json!({"identifier": anna.uid, "device_id": anna.user.first_device, "device_token": anna.device_token});
    server.anonymous().post("/login", &body).await.ok();
}

#[tokio::test]
async fn setting_up_and_taking_away_need_the_password() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let wrong = json!({"password": "something else entirely"});
    let right = json!({"password": anna.user.person.password});
    for path in [
        "/two_factor/enrol",
        "/two_factor/disable",
        "/two_factor/recovery_codes",
        "/reauthenticate",
    ] {
        anna.post(path, &wrong)
            .await
            .problem(ErrorCode::WrongPassword);
        let missing = anna.post(path, &json!({})).await;
        assert_eq!(missing.refused_fields(), ["password"]);
        let nobody = server.anonymous().post(path, &right).await;
        nobody.problem(ErrorCode::InvalidToken);
    }
    for path in ["/two_factor/disable", "/two_factor/recovery_codes"] {
        anna.post(path, &right).await.problem(ErrorCode::NotEnabled);
    }
    let confirm = anna
        .post("/two_factor/confirm", &json!({"code": "123456"}))
        .await;
    confirm.problem(ErrorCode::NotEnabled);
    anna.post("/reauthenticate", &right).await.ok();
}

#[tokio::test]
async fn a_recovery_code_takes_the_second_factor_away() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let (_, codes) = set_up(&anna).await;
    let password = &anna.user.person.password;
    let without = anna
        .post("/two_factor/disable", &json!({ "password": password }))
        .await;
    without.problem(ErrorCode::SecondFactorRequired);
    let again = json!({"password": password, "code": codes[1]});
    let twice = anna.post("/two_factor/enrol", &again).await;
    twice.problem(ErrorCode::AlreadyEnabled);
    let body = json!({"password": password, "code": codes[2]});
    anna.post("/two_factor/disable", &body).await.ok();
    anna.user.login_new().await;
}
