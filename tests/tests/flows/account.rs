//! Coming in, and what one says about oneself.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use melo_protocol::ErrorCode;
use melo_tests::keys::RSA_PEM;
use melo_tests::{Fields, Person, Server, assert_shape, unique};
use serde_json::{Value, json};

#[tokio::test]
async fn registering_and_signing_in() {
    let server = Server::start().await;
    let somebody = server.anonymous();
    let person = Person::named("Анна-Мария 2");
    let device_id = unique::device_id();

    let registered = somebody
        .post("/register", &person.registration(&device_id))
        .await
        .ok();
    assert_shape(
        &registered,
        "unique_id:uid public_e2e_key:pem phone:text name:text nickname:text device_id:hex16 device:hex16",
    );
    for (field, sent) in [
        ("phone", &person.phone),
        ("name", &person.name),
        ("nickname", &person.nickname),
        ("device_id", &device_id),
        ("public_e2e_key", &person.public_e2e_key),
    ] {
        assert_eq!(registered[field], *sent, "{field}");
    }
    assert_ne!(
        registered["device"], registered["device_id"],
        "the device id is nobody else's business"
    );

    let uid = registered.text("unique_id");
    for identifier in [&uid, &person.phone] {
        let body =
            json!({"identifier": identifier, "password": person.password, "device_id": device_id});
        let login = somebody.post("/login", &body).await.ok();
        assert_shape(
            &login,
            "access_token:text token_type:text csrf_token:text device_token:text public_e2e_key:pem unique_id:uid \
             phone:text name:text nickname:text device_id:hex16 device:hex16 session_id:hex16 expires_in:number",
        );
        assert_eq!(login["token_type"], "bearer");
        assert_eq!(login["expires_in"], 7200);
        for field in [
            "unique_id",
            "phone",
            "name",
            "nickname",
            "device_id",
            "device",
            "public_e2e_key",
        ] {
            assert_eq!(login[field], registered[field], "{field}");
        }
        assert!(login.text("access_token").len() < 4096);
    }
}

#[tokio::test]
async fn the_public_key_verifies_access_tokens() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let answer = server.anonymous().get("/public_key").await.ok();
    assert_shape(&answer, "public_key:pem");
    let older_name = server.anonymous().get("/encryption_public_key").await.ok();
    assert_eq!(answer, older_name);

    let key = DecodingKey::from_rsa_pem(answer.text("public_key").as_bytes()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&["melo"]);
    rules.set_audience(&["melo-clients"]);
    rules.set_required_spec_claims(&["sub", "exp", "iss", "aud"]);
    let claims = decode::<Value>(&anna.token, &key, &rules).unwrap().claims;
    assert_shape(
        &claims,
        "sub:uid jti:uuid exp:number iat:number iss:text aud:text sid:hex16 did:hex16 scope:text",
    );
    assert_eq!(claims["sub"], anna.uid);
    assert_eq!(claims["did"], anna.handle);
    assert_eq!(claims.number("exp") - claims.number("iat"), 7200);
    assert!(decode_header(&anna.token).unwrap().kid.is_some());
}

#[tokio::test]
async fn a_device_token_replaces_the_password() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let device_id = &anna.user.first_device;

    let by_token =
        json!({"identifier": anna.uid, "device_id": device_id, "device_token": anna.device_token});
    let again = server.anonymous().post("/login", &by_token).await.ok();
    assert_eq!(again["device"], anna.handle, "the same device");
    assert_ne!(again["access_token"], anna.token);

    // An empty password beside it, as clients send it that have a field for it.
    let mut with_empty = by_token.clone();
    with_empty["password"] = json!("");
    server.anonymous().post("/login", &with_empty).await.ok();

    // It is for this device and this account alone.
    let mut elsewhere = by_token.clone();
    elsewhere["device_id"] = json!(unique::device_id());
    let answer = server.anonymous().post("/login", &elsewhere).await;
    answer.problem(ErrorCode::InvalidCredentials);
    let boris = server.anonymous().join("Boris").await;
    let mut stolen = by_token.clone();
    stolen["identifier"] = json!(boris.uid);
    let answer = server.anonymous().post("/login", &stolen).await;
    answer.problem(ErrorCode::InvalidCredentials);

    // A login with the password gives a new one, and the one before it dies.
    let newer = anna.user.login_first().await;
    assert_ne!(newer.device_token, anna.device_token);
    let answer = server.anonymous().post("/login", &by_token).await;
    answer.problem(ErrorCode::InvalidCredentials);

    // Beside a wrong one the password still counts.
    let both = json!({"device_token": anna.device_token});
    anna.user.try_login(device_id, &both).await.ok();
}

#[tokio::test]
async fn a_new_device_is_another_device() {
    let server = Server::start().await;
    let phone = server.anonymous().join("Anna").await;
    let laptop = phone.user.login_new().await;
    assert_eq!(phone.uid, laptop.uid);
    assert_ne!(phone.handle, laptop.handle);
    assert_ne!(phone.device_token, laptop.device_token);
    phone.get("/profile").await.ok();
    laptop.get("/profile").await.ok();
}

#[tokio::test]
async fn the_profile_is_read_and_changed() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let own = anna.get("/profile").await.ok();
    assert_shape(
        &own,
        "csrf_token:text unique_id:uid name:text nickname:text username:null bio:null public_e2e_key:pem phone:text",
    );
    assert_eq!(own["unique_id"], anna.uid);
    assert_eq!(own["phone"], anna.user.person.phone);
    let by_id = anna
        .get(&format!("/profile?user_id={}", anna.uid))
        .await
        .ok();
    assert_eq!(by_id["phone"], own["phone"]);

    let changes = json!({"name": "Анна", "nickname": "a_k", "username": "Anna_K", "bio": "Two lines.\nOf text."});
    let updated = anna.put("/profile", &changes).await.ok();
    assert_eq!(updated, json!({"status": "updated"}));
    let after = anna.get("/profile").await.ok();
    for field in ["name", "nickname", "username", "bio"] {
        assert_eq!(after[field], changes[field], "{field}");
    }
    assert_eq!(after["phone"], own["phone"]);

    // What is absent stays, an empty username goes.
    anna.put("/profile", &json!({"bio": "Short."})).await.ok();
    anna.put("/profile", &json!({"username": ""})).await.ok();
    let after = anna.get("/profile").await.ok();
    assert_eq!(
        (&after["name"], &after["bio"]),
        (&json!("Анна"), &json!("Short."))
    );
    assert_eq!(after["username"], Value::Null);
    anna.put("/profile", &json!({})).await.ok();

    // A username belongs to one, whatever its case.
    anna.put("/profile", &json!({"username": "Anna_K"}))
        .await
        .ok();
    let boris = server.anonymous().join("Boris").await;
    let taken = json!({"username": "anna_k", "bio": "not kept either"});
    boris
        .put("/profile", &taken)
        .await
        .problem(ErrorCode::UsernameTaken);
    assert_eq!(
        boris.get("/profile").await.ok()["bio"],
        Value::Null,
        "all or nothing"
    );
}

#[tokio::test]
async fn the_password_can_be_changed() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let change =
        json!({"password": "a much better one", "current_password": anna.user.person.password});
    anna.put("/profile", &change).await.ok();
    let old = anna
        .user
        .try_login(&anna.user.first_device, &Value::Null)
        .await;
    old.problem(ErrorCode::InvalidCredentials);
    let new = json!({"password": "a much better one"});
    anna.user
        .try_login(&anna.user.first_device, &new)
        .await
        .ok();
}

#[tokio::test]
async fn csrf_tokens_are_of_the_session() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let fresh = anna.get("/csrf_token").await.ok();
    assert_shape(&fresh, "csrf_token:text");
    let from_profile = anna.get("/profile").await.ok();
    let other_session = anna.user.login_new().await;

    let body = |csrf: &Value| json!({"target_id": boris.uid, "csrf_token": csrf});
    for wrong in [
        json!(""),
        json!("x"),
        json!(boris.csrf),
        json!(other_session.csrf),
    ] {
        let answer = anna.post("/subscribe", &body(&wrong)).await;
        answer.problem(ErrorCode::CsrfFailed);
    }
    let without = json!({"target_id": boris.uid});
    anna.post("/subscribe", &without)
        .await
        .problem(ErrorCode::CsrfFailed);

    anna.post("/subscribe", &body(&fresh["csrf_token"]))
        .await
        .ok();
    let confirm = json!({"target_id": anna.uid, "csrf_token": from_profile["csrf_token"]});
    boris
        .post("/confirm_subscribe", &confirm)
        .await
        .problem(ErrorCode::CsrfFailed);
    boris.confirm(&anna.uid).await.ok();
}

#[tokio::test]
async fn the_account_key_is_replaced() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let done = anna
        .post("/e2e/public_key", &json!({"public_e2e_key": RSA_PEM[1]}))
        .await
        .ok();
    assert_eq!(done, json!({"status": "ok"}));
    assert_eq!(
        anna.get("/profile").await.ok()["public_e2e_key"],
        RSA_PEM[1]
    );

    let with_key = json!({"public_e2e_key": RSA_PEM[2]});
    let login = anna
        .user
        .try_login(&anna.user.first_device, &with_key)
        .await
        .ok();
    assert_eq!(login["public_e2e_key"], RSA_PEM[2]);
    assert_eq!(
        anna.get("/profile").await.ok()["public_e2e_key"],
        RSA_PEM[2]
    );

    // A refused login replaces nothing.
    let wrong = json!({"password": "wrong password", "public_e2e_key": RSA_PEM[0]});
    anna.user
        .try_login(&anna.user.first_device, &wrong)
        .await
        .problem(ErrorCode::InvalidCredentials);
    assert_eq!(
        anna.get("/profile").await.ok()["public_e2e_key"],
        RSA_PEM[2]
    );
}

#[tokio::test]
async fn the_key_backup_comes_back_as_it_was() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    anna.get("/e2e/secret_key")
        .await
        .problem(ErrorCode::NotFound);

    let longest = "x".repeat(64 * 1024);
    for backup in ["exactly 16 chars", "Шестнадцать знаков и больше", &longest]
    {
        let done = anna
            .post("/e2e/secret_key", &json!({"ciphertext": backup}))
            .await
            .ok();
        assert_eq!(done, json!({"status": "ok"}));
        let kept = anna
            .user
            .login_new()
            .await
            .get("/e2e/secret_key")
            .await
            .ok();
        assert_shape(&kept, "ciphertext:text updated_at:time");
        assert_eq!(kept["ciphertext"], backup);
    }
    for bad in ["fifteen letters", "", &"x".repeat(64 * 1024 + 1)] {
        let answer = anna
            .post("/e2e/secret_key", &json!({"ciphertext": bad}))
            .await;
        assert_eq!(answer.refused_fields(), ["ciphertext"]);
    }
    let boris = server.anonymous().join("Boris").await;
    boris
        .get("/e2e/secret_key")
        .await
        .problem(ErrorCode::NotFound);
}
