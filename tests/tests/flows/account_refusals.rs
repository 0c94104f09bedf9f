//! What is refused at the door, and that a refusal tells nothing.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use melo_protocol::{ErrorCode, Problem};
use melo_tests::keys::{RSA_PEM, SHORT_RSA_PEM};
use melo_tests::{Device, Fields, Person, Server, unique};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn registration_names_every_field_that_breaks_its_rule() {
    let server = Server::start().await;
    let somebody = server.anonymous();
    let good = Person::named("Anna").registration(&unique::device_id());

    let elliptic = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n\
        6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
    let cases: Vec<(&str, Vec<Value>)> = vec![
        (
            "phone",
            [
                "",
                "12345",
                "+0123456789",
                "call me",
                "+7999x234567",
                "+1234567890123456",
            ]
            .map(Value::from)
            .into(),
        ),
        (
            "name",
            vec![
                json!(""),
                json!("   "),
                json!("x".repeat(51)),
                json!("<b>Anna</b>"),
                json!("A\u{0}nna"),
                json!("🙂"),
            ],
        ),
        (
            "nickname",
            vec![json!(""), json!("a.b"), json!("x".repeat(100_000 / 2))],
        ),
        (
            "password",
            vec![json!(""), json!("7 bytes"), json!("x".repeat(1025))],
        ),
        (
            "device_id",
            [
                "",
                "0123456789abcde",
                "0123456789abcdefa",
                "0123456789abcdeg",
            ]
            .map(Value::from)
            .into(),
        ),
        (
            "public_e2e_key",
            vec![
                json!(""),
                json!("not a key"),
                json!(SHORT_RSA_PEM),
                json!(elliptic),
                json!(RSA_PEM[0].replace("PUBLIC", "PRIVATE")),
                json!(RSA_PEM[0].replace("MII", "MIX")),
                json!(format!("{}{}", RSA_PEM[0], "\n".repeat(5000))),
            ],
        ),
    ];
    for (field, values) in &cases {
        for value in values {
            let mut body = good.clone();
            body[*field] = value.clone();
            let answer = somebody.post("/register", &body).await;
            assert_eq!(answer.refused_fields(), [*field], "{value}");
        }
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(*field);
        assert_eq!(
            somebody.post("/register", &body).await.refused_fields(),
            [*field]
        );
        for wrong_type in [json!(5), json!(null), json!(["x"]), json!({"x": 1})] {
            body[*field] = wrong_type;
            let answer = somebody.post("/register", &body).await;
            answer.problem(ErrorCode::Malformed);
        }
    }
    let all_wrong = json!({
        "phone": "x", "name": "", "nickname": "", "password": "", "device_id": "", "public_e2e_key": "",
    });
    let mut fields = somebody
        .post("/register", &all_wrong)
        .await
        .refused_fields();
    fields.sort();
    let mut expected: Vec<&str> = cases.iter().map(|(field, _)| *field).collect();
    expected.sort_unstable();
    assert_eq!(fields, expected, "all of them at once");

    // None of this has made an account.
    somebody.post("/register", &good).await.ok();
}

#[tokio::test]
async fn what_is_just_allowed_is_allowed() {
    let server = Server::start().await;
    let mut person = Person::named("Anna");
    person.name = "Ж".repeat(50);
    person.nickname = "李".to_owned();
    person.password = "12 lamps, lit".to_owned();
    person.public_e2e_key = RSA_PEM[1].replace('\n', "\r\n");
    let user = server.anonymous().register(person.clone()).await;
    let device = user.login_first().await;
    let profile = device.get("/profile").await.ok();
    assert_eq!(profile["name"], person.name);
    assert_eq!(
        profile["public_e2e_key"], person.public_e2e_key,
        "as it was sent"
    );
}

#[tokio::test]
async fn a_phone_has_one_account_in_whatever_form_it_is_written() {
    let server = Server::start().await;
    let somebody = server.anonymous();
    let mut anna = Person::named("Anna");
    anna.phone = "8 (999) 123-45-67".to_owned();
    let registered = somebody
        .post("/register", &anna.registration(&unique::device_id()))
        .await
        .ok();
    assert_eq!(registered["phone"], "+79991234567");

    for form in [
        "+79991234567",
        "89991234567",
        "79991234567",
        "+7 999 123-45-67",
    ] {
        let mut other = Person::named("Boris");
        other.phone = form.to_owned();
        let answer = somebody
            .post("/register", &other.registration(&unique::device_id()))
            .await;
        answer.problem(ErrorCode::PhoneTaken);
        let login = json!({"identifier": form, "password": anna.password, "device_id": unique::device_id()});
        let login = somebody.post("/login", &login).await.ok();
        assert_eq!(login["unique_id"], registered["unique_id"], "{form}");
    }

    // Many at once: one gets it.
    let mut racing = Vec::new();
    let contested = unique::phone();
    for _ in 0..8 {
        let mut person = Person::named("Racer");
        person.phone.clone_from(&contested);
        let body = person.registration(&unique::device_id());
        let somebody = somebody.clone();
        racing.push(tokio::spawn(async move {
            somebody.post("/register", &body).await
        }));
    }
    let mut won = 0;
    for answer in racing {
        let answer = answer.await.unwrap();
        if answer.status == 200 {
            won += 1;
        } else {
            answer.problem(ErrorCode::PhoneTaken);
        }
    }
    assert_eq!(won, 1);
}

/// The document without what is different in every answer.
fn comparable(problem: &Problem) -> Value {
    let mut json = serde_json::to_value(problem).unwrap();
    json["request_id"] = Value::Null;
    json
}

#[tokio::test]
async fn a_failed_login_does_not_tell_whether_the_account_exists() {
    let server = Server::start().await;
    let anna = server.anonymous().register(Person::named("Anna")).await;
    let somebody = server.anonymous();
    let login = |identifier: &str, more: Value| {
        let mut body = json!({"identifier": identifier, "device_id": anna.first_device});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let call = somebody.call(Method::POST, "/login").json(&body);
        async move {
            let begun = Instant::now();
            let answer = call.send().await;
            let problem = answer.problem(ErrorCode::InvalidCredentials);
            (comparable(&problem), answer.body.len(), begun.elapsed())
        }
    };
    let wrong_password = json!({"password": "wrong password"});
    let wrong_token = json!({"device_token": "wrong token"});
    let (expected, length, _) = login(&anna.uid, wrong_password.clone()).await;

    let identifiers = [
        &anna.uid,
        &anna.person.phone,
        "99999999",
        "+79990000000",
        "nobody@example.org",
        "",
        "x",
    ];
    for identifier in identifiers {
        for proof in [&wrong_password, &wrong_token] {
            let (found, found_length, _) = login(identifier, proof.clone()).await;
            assert_eq!(found, expected, "{identifier}");
            assert_eq!(found_length, length, "{identifier}");
        }
    }

    // The time of a password hash, with or without an account. The shortest of several, as only that is not
    // the machine's other work.
    let unknown = ["99999999", "+79990000000", "nobody@example.org"];
    let mut known_time = Duration::MAX;
    let mut unknown_times = [Duration::MAX; 3];
    for _ in 0..10 {
        known_time = known_time.min(login(&anna.uid, wrong_password.clone()).await.2);
        for (identifier, time) in unknown.iter().zip(&mut unknown_times) {
            *time = (*time).min(login(identifier, wrong_password.clone()).await.2);
        }
    }
    for time in unknown_times {
        assert!(
            time > known_time / 4 && known_time > time / 4,
            "{unknown_times:?}, a known one: {known_time:?}"
        );
    }
}

#[tokio::test]
async fn login_refuses_what_is_no_login() {
    let server = Server::start().await;
    let anna = server.anonymous().register(Person::named("Anna")).await;
    let somebody = server.anonymous();
    let good = json!({"identifier": anna.uid, "password": anna.person.password, "device_id": anna.first_device});
    for (field, value) in [
        ("device_id", json!("not hex")),
        ("identifier", json!("x".repeat(1025))),
        ("password", json!("x".repeat(1025))),
        ("device_token", json!("x".repeat(1025))),
        ("public_e2e_key", json!("not a key")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(
            somebody.post("/login", &body).await.refused_fields(),
            [field]
        );
    }
    let nothing = json!({"identifier": anna.uid, "device_id": anna.first_device});
    assert_eq!(
        somebody.post("/login", &nothing).await.refused_fields(),
        ["password"]
    );
    somebody.post("/login", &good).await.ok();
}

#[tokio::test]
async fn profile_changes_are_checked() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let before = anna.get("/profile").await.ok();
    for (field, value) in [
        ("name", json!("")),
        ("nickname", json!("a/b")),
        ("username", json!("ab")),
        ("username", json!("9lives")),
        ("username", json!("имя")),
        ("bio", json!("x".repeat(501))),
        ("bio", json!("bell\u{7}")),
        ("password", json!("short")),
    ] {
        let mut body = json!({"nickname": "kept_out"});
        body[field] = value;
        assert_eq!(anna.put("/profile", &body).await.refused_fields(), [field]);
    }
    assert_eq!(
        anna.get("/profile").await.ok()["nickname"],
        before["nickname"]
    );
    anna.put("/profile", &json!({"name": 5}))
        .await
        .problem(ErrorCode::Malformed);

    for (query, fields) in [
        ("user_id=abc", ["user_id"]),
        ("user_id=1234567", ["user_id"]),
    ] {
        let answer = anna.get(&format!("/profile?{query}")).await;
        assert_eq!(answer.refused_fields(), fields);
    }
    anna.get("/profile?user_id=99999999")
        .await
        .problem(ErrorCode::UserNotFound);
    let boris = server.anonymous().join("Boris").await;
    anna.get(&format!("/profile?user_id={}", boris.uid))
        .await
        .problem(ErrorCode::NotAContact);
}

/// Every call that needs a token.
const GUARDED: [(Method, &str); 15] = [
    (Method::GET, "/csrf_token"),
    (Method::GET, "/profile"),
    (Method::PUT, "/profile"),
    (Method::POST, "/e2e/public_key"),
    (Method::POST, "/e2e/secret_key"),
    (Method::GET, "/e2e/secret_key"),
    (Method::POST, "/ws_ticket"),
    (Method::POST, "/subscribe"),
    (Method::POST, "/confirm_subscribe"),
    (Method::GET, "/contacts"),
    (Method::POST, "/messages/send"),
    (Method::GET, "/messages/history/dm/10000001"),
    (Method::GET, "/history/10000001"),
    (Method::POST, "/keys"),
    (Method::GET, "/keys/10000001"),
];

/// The claims of a token, unchecked.
fn claims(token: &str) -> Value {
    let middle = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
}

/// A token that the server's own key has signed.
fn signed(
    server: &Server,
    device: &Device,
    change: impl FnOnce(&mut Header, &mut Value),
) -> String {
    let pem = std::fs::read(server.keys_dir().join("jwt.pem")).unwrap();
    let mut header = decode_header(&device.token).unwrap();
    let mut claims = claims(&device.token);
    change(&mut header, &mut claims);
    encode(&header, &claims, &EncodingKey::from_rsa_pem(&pem).unwrap()).unwrap()
}

#[tokio::test]
async fn only_our_own_live_tokens_open_anything() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;

    for (method, path) in GUARDED {
        let call = || server.anonymous().call(method.clone(), path);
        call().send().await.problem(ErrorCode::InvalidToken);
        let nonsense = call().token("nonsense").send().await;
        nonsense.problem(ErrorCode::InvalidToken);
    }

    let (header, middle, signature) = {
        let mut parts = anna.token.split('.').map(str::to_owned);
        (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        )
    };
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut promoted = claims(&anna.token);
    promoted["sub"] = json!(boris.uid);
    let public_key = server
        .anonymous()
        .get("/public_key")
        .await
        .ok()
        .text("public_key");
    let mut symmetric = decode_header(&anna.token).unwrap();
    symmetric.alg = Algorithm::HS256;
    let confused = encode(
        &symmetric,
        &claims(&anna.token),
        &EncodingKey::from_secret(public_key.as_bytes()),
    )
    .unwrap();
    let unsigned = encoded(&json!({"typ": "JWT", "alg": "none"}));
    let invalid = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        anna.token.clone() + "A",
        anna.token.clone() + ".A",
        format!("{header}.{middle}."),
        format!("{header}.{middle}.{}", &signature[1..]),
        format!("{header}.{}.{signature}", encoded(&promoted)),
        format!("{unsigned}.{middle}."),
        format!("{unsigned}.{middle}.{signature}"),
        confused,
        signed(&server, &anna, |header, _| {
            header.kid = Some("another".to_owned());
        }),
        signed(&server, &anna, |header, _| header.kid = None),
        signed(&server, &anna, |_, claims| {
            claims["iss"] = json!("somebody else");
        }),
        signed(&server, &anna, |_, claims| {
            claims["aud"] = json!("somebody else");
        }),
        signed(&server, &anna, |_, claims| claims["sub"] = json!("1")),
        signed(&server, &anna, |_, claims| {
            claims.as_object_mut().unwrap().remove("exp");
        }),
        // Longer than 4096 characters, though otherwise right.
        signed(&server, &anna, |_, claims| {
            claims["padding"] = json!("x".repeat(4096));
        }),
    ];
    for token in invalid {
        let call = server
            .anonymous()
            .call(Method::GET, "/profile")
            .token(&token);
        call.send().await.problem(ErrorCode::InvalidToken);
    }
    let expired = signed(&server, &anna, |_, claims| {
        claims["exp"] = json!(claims.number("iat") - 1);
    });
    let call = server
        .anonymous()
        .call(Method::GET, "/profile")
        .token(&expired);
    call.send().await.problem(ErrorCode::TokenExpired);

    // Of sessions that do not exist, or are of somebody else.
    for (claim, value) in [
        ("sid", json!("0000000000000001")),
        ("sub", json!(boris.uid)),
        ("did", json!(boris.handle)),
    ] {
        let token = signed(&server, &anna, |_, claims| claims[claim] = value);
        let call = server
            .anonymous()
            .call(Method::GET, "/profile")
            .token(&token);
        call.send().await.problem(ErrorCode::SessionRevoked);
    }

    // Other schemes, and the scheme in another case.
    for (value, good) in [
        (format!("Basic {}", anna.token), false),
        (anna.token.clone(), false),
        (format!("bearer {}", anna.token), true),
    ] {
        let answer = server
            .anonymous()
            .call(Method::GET, "/profile")
            .header("authorization", &value)
            .send()
            .await;
        assert_eq!(answer.status == 200, good, "{}", answer.status);
    }

    // The harness's own signing is good: what was refused was refused for its change.
    let same = signed(&server, &anna, |_, _| {});
    server
        .anonymous()
        .call(Method::GET, "/profile")
        .token(&same)
        .send()
        .await
        .ok();
}
