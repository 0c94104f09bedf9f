//! What stands between the server and those who mean ill: limits and their headers, lockouts, proxies, work
//! before registering. Bans have a file of their own.

use melo_protocol::{ErrorCode, Problem};
use melo_tests::{Anonymous, Answer, Device, Fields, Person, Server, Socket};
use melo_tests::{assert_shape, befriend, socket, unique};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const HEADERS: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

/// `(limit, remaining, reset)` of an answer to a limited call.
#[track_caller]
fn limits(answer: &Answer) -> (u64, u64, u64) {
    let [limit, remaining, reset] = HEADERS.map(|name| {
        let value = answer.header(name);
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {value:?}"))
    });
    (limit, remaining, reset)
}

async fn challenge(somebody: &Anonymous) -> Answer {
    somebody.get("/register/challenge").await
}

#[tokio::test]
async fn limited_calls_say_what_is_left() {
    let server = Server::with(&[("ALLOWED_ORIGINS", "https://chat.example.org")]).await;
    let somebody = server.anonymous();
    for left in (0..60).rev() {
        let answer = challenge(&somebody).await;
        answer.ok();
        let (limit, remaining, reset) = limits(&answer);
        assert_eq!((limit, remaining), (60, left));
        assert!((1..=60).contains(&reset));
    }
    let refused = somebody
        .call(Method::GET, "/register/challenge")
        .header("origin", "https://chat.example.org")
        .send()
        .await;
    let problem = refused.problem(ErrorCode::RateLimited);
    let (limit, remaining, reset) = limits(&refused);
    assert_eq!((limit, remaining), (60, 0));
    assert_eq!(Some(reset), problem.retry_after);
    let allowed = refused.header("access-control-allow-origin");
    assert_eq!(
        allowed, "https://chat.example.org",
        "a page may read a refusal"
    );
    let exposed = refused.header("access-control-expose-headers");
    let exposed = exposed.to_ascii_lowercase();
    for name in HEADERS.iter().chain(&["retry-after"]) {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }

    // Refused logins and calls with a token have them too; what is not limited has none.
    let anna = somebody.join("Anna").await;
    let device_id = unique::device_id();
    let wrong = json!({"password": "wrong password"});
    let login = anna.user.try_login(&device_id, &wrong).await;
    login.problem(ErrorCode::InvalidCredentials);
    assert_eq!(limits(&login).0, 100_000);
    let (limit, remaining, _) = limits(&anna.get("/profile").await);
    assert_eq!(limit, 500_000, "of the device, half of the account's");
    assert!(remaining < limit);
    let open = somebody.get("/status").await;
    assert!(HEADERS.iter().all(|name| open.header(name).is_empty()));
    let unknown = somebody.get("/profile").await;
    unknown.problem(ErrorCode::InvalidToken);
    assert!(HEADERS.iter().all(|name| unknown.header(name).is_empty()));
}

#[tokio::test]
async fn messages_over_rest_are_limited_as_those_over_websocket() {
    let server = Server::with(&[
        ("WS_RATE_LIMIT_MESSAGES", "5"),
        ("WS_RATE_LIMIT_PERIOD", "3000"),
    ])
    .await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let text = json!("text");
    for left in (0..5).rev() {
        let sent = anna
            .post_message(&boris.uid, &text, unique::client_id())
            .await;
        sent.ok();
        assert_eq!(limits(&sent).1, left);
    }
    let tablet = anna.user.login_new().await;
    for device in [&anna, &tablet] {
        let refused = device
            .post_message(&boris.uid, &text, unique::client_id())
            .await;
        let problem = refused.problem(ErrorCode::RateLimited);
        assert!((1..=6000).contains(&problem.retry_after.unwrap()));
    }
    boris
        .post_message(&anna.uid, &text, unique::client_id())
        .await
        .ok();
}

#[tokio::test]
async fn contact_requests_and_looks_at_strangers_come_to_an_end() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    for n in 1..60 {
        let asked = anna.subscribe(&(10_000_000 + n).to_string(), false).await;
        asked.problem(ErrorCode::UserNotFound);
    }
    let refused = anna.subscribe(&clara.uid, false).await;
    refused.problem(ErrorCode::RateLimited);
    clara.subscribe(&boris.uid, false).await.ok();

    let look =
        async |device: &Device, uid: &str| device.get(&format!("/profile?user_id={uid}")).await;
    for n in 0..30 {
        look(&anna, &(10_000_000 + n).to_string())
            .await
            .problem(ErrorCode::UserNotFound);
        let keys = anna.get(&format!("/keys/{}", clara.uid)).await;
        keys.problem(ErrorCode::NotAContact);
    }
    for uid in [&clara.uid, "10000000"] {
        look(&anna, uid).await.problem(ErrorCode::RateLimited);
        let keys = anna.get(&format!("/keys/{uid}")).await;
        keys.problem(ErrorCode::RateLimited);
    }
    look(&anna, &boris.uid).await.ok();
    look(&clara, &anna.uid)
        .await
        .problem(ErrorCode::NotAContact);
}

#[tokio::test]
async fn an_account_has_a_budget_of_calls() {
    let server = Server::with(&[("ACCOUNT_RATE_LIMIT_CALLS", "8")]).await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    for left in (0..4).rev() {
        let answer = anna.get("/profile").await;
        answer.ok();
        assert_eq!((limits(&answer).0, limits(&answer).1), (4, left));
    }
    anna.get("/contacts").await.problem(ErrorCode::RateLimited);
    anna.user.login_new().await.get("/contacts").await.ok();
    boris.get("/contacts").await.ok();
    // Connections are not calls.
    anna.online().await;
}

#[tokio::test]
async fn a_known_device_comes_in_while_passwords_are_refused() {
    let server = Server::with(&[("FAILED_LOGIN_LIMIT", "2")]).await;
    let anna = server.anonymous().join("Anna").await;
    let wrong = json!({"password": "wrong password"});
    for _ in 0..2 {
        let answer = anna.user.try_login(&unique::device_id(), &wrong).await;
        answer.problem(ErrorCode::InvalidCredentials);
    }
    let right = anna
        .user
        .try_login(&unique::device_id(), &Value::Null)
        .await;
    let wait = right.problem(ErrorCode::RateLimited).retry_after.unwrap();
    assert!((200..=300).contains(&wait), "{wait}");
    let body = json!({"identifier": anna.uid, "device_id": anna.user.first_device,
        "device_token": anna.device_token});
    server.anonymous().post("/login", &body).await.ok();
    // On another device the token is nothing, and the password still refused.
    let elsewhere = json!({"device_token": anna.device_token});
    let refused = anna.user.try_login(&unique::device_id(), &elsewhere).await;
    refused.problem(ErrorCode::RateLimited);
}

/// A wrong login with these headers.
async fn login_through(somebody: &Anonymous, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"identifier": "nobody", "password": "wrong password",
        "device_id": unique::device_id()});
    let mut call = somebody.call(Method::POST, "/login").json(&body);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

#[tokio::test]
async fn who_is_no_proxy_speaks_for_nobody() {
    for trusted in [None, Some("192.0.2.0/24")] {
        let mut settings = vec![("RATE_LIMIT_CALLS", "3")];
        settings.extend(trusted.map(|t| ("TRUSTED_PROXIES", t)));
        let server = Server::with(&settings).await;
        let somebody = server.anonymous();
        for n in 0..3 {
            let claimed = format!("203.0.113.{n}");
            let element = format!("for={claimed}");
            let headers = [
                ("x-forwarded-for", claimed.as_str()),
                ("forwarded", &element),
            ];
            let answer = login_through(&somebody, &headers).await;
            answer.problem(ErrorCode::InvalidCredentials);
        }
        let spoofed = login_through(&somebody, &[("x-forwarded-for", "203.0.113.200")]).await;
        spoofed.problem(ErrorCode::RateLimited);
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let server = Server::with(&[
        ("RATE_LIMIT_CALLS", "3"),
        ("TRUSTED_PROXIES", "127.0.0.1,::1,10.0.0.0/8"),
        ("WS_MAX_CONNECTIONS_PER_IP", "1"),
        ("FAILED_LOGIN_LIMIT", "1000"),
    ])
    .await;
    let somebody = server.anonymous();
    // The same client, whatever it puts in front, over one proxy or two, and from all of its /64.
    for same in [
        [
            "1.2.3.4, 203.0.113.7",
            "5.6.7.8, 203.0.113.7, 10.1.1.1",
            "203.0.113.7",
        ],
        ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3"],
    ] {
        for forwarded in same {
            let answer = login_through(&somebody, &[("x-forwarded-for", forwarded)]).await;
            answer.problem(ErrorCode::InvalidCredentials);
        }
        let last = login_through(&somebody, &[("x-forwarded-for", same[0])]).await;
        last.problem(ErrorCode::RateLimited);
    }
    let other = login_through(&somebody, &[("x-forwarded-for", "203.0.113.8")]).await;
    other.problem(ErrorCode::InvalidCredentials);
    // The header that was not chosen is not read.
    for _ in 0..3 {
        let forwarded = [("forwarded", "for=203.0.113.9")];
        let own = login_through(&somebody, &forwarded).await;
        own.problem(ErrorCode::InvalidCredentials);
    }
    let own = login_through(&somebody, &[("forwarded", "for=203.0.113.10")]).await;
    own.problem(ErrorCode::RateLimited);

    // Connections are counted by the same address.
    let through = async |address: &str| {
        let body = Person::named("Anna").registration(&unique::device_id());
        let registered = somebody
            .call(Method::POST, "/register")
            .header("x-forwarded-for", address)
            .json(&body)
            .send()
            .await;
        let login = json!({"identifier": registered.ok()["unique_id"],
            "password": body["password"], "device_id": body["device_id"]});
        let begun = somebody
            .call(Method::POST, "/login")
            .header("x-forwarded-for", address)
            .json(&login)
            .send()
            .await;
        begun.ok().text("access_token")
    };
    let token = through("198.51.100.1").await;
    let open = async |address: &'static str| {
        let mut request = socket::request(&server.site(), "/");
        socket::bear(&mut request, &token);
        let address = address.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", address);
        Socket::handshake(&server.site(), request).await
    };
    let _one = open("2001:db8:5::1").await.expect("the first");
    let refused = open("2001:db8:5::2").await.expect_err("one is the most");
    let problem: Problem = serde_json::from_slice(refused.body().as_ref().unwrap()).unwrap();
    assert_eq!(problem.code, ErrorCode::TooManyConnections);
    let _other = open("198.51.100.3").await.expect("of another address");
}

#[tokio::test]
async fn the_other_header_is_read_where_it_was_chosen() {
    let server = Server::with(&[
        ("RATE_LIMIT_CALLS", "1"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("TRUSTED_PROXY_HEADER", "forwarded"),
    ])
    .await;
    let somebody = server.anonymous();
    for n in 0..3 {
        let element = format!("for=1.1.1.1, for=\"203.0.113.{n}:4711\";proto=https");
        let answer = login_through(&somebody, &[("forwarded", &element)]).await;
        answer.problem(ErrorCode::InvalidCredentials);
    }
    let again = login_through(&somebody, &[("forwarded", "for=203.0.113.1")]).await;
    again.problem(ErrorCode::RateLimited);
}

fn solves(challenge: &str, nonce: &str) -> bool {
    let hash = Sha256::digest(format!("{challenge}:{nonce}"));
    hash[0] == 0 && hash[1] < 0x40
}

#[tokio::test]
async fn registering_takes_work_where_the_operator_wants_it() {
    let server = Server::with(&[("REGISTRATION_POW_BITS", "10")]).await;
    let somebody = server.anonymous();
    let body = |pow: Option<(&str, &str)>| {
        let mut body = Person::named("Anna").registration(&unique::device_id());
        if let Some((challenge, nonce)) = pow {
            body["pow"] = json!({"challenge": challenge, "nonce": nonce});
        }
        body
    };
    let register = async |pow| somebody.post("/register", &body(pow)).await;
    register(None).await.problem(ErrorCode::ProofOfWorkRequired);

    let asked = challenge(&somebody).await.ok();
    assert_shape(&asked, "challenge:text bits:number expires_in:number");
    assert_eq!(
        (&asked["bits"], &asked["expires_in"]),
        (&json!(10), &json!(600))
    );
    let text = asked.text("challenge");
    let nonces = || (0_u64..).map(|n| n.to_string());
    let good = nonces().find(|nonce| solves(&text, nonce)).unwrap();
    let wrong = nonces().find(|nonce| !solves(&text, nonce)).unwrap();
    let long = "x".repeat(10_000);
    for (challenge, nonce) in [
        (text.as_str(), wrong.as_str()),
        ("", ""),
        ("nonsense", &good),
        (&text, &long),
        (&long, &good),
    ] {
        let refused = register(Some((challenge, nonce))).await;
        refused.problem(ErrorCode::ProofOfWorkInvalid);
    }
    let mut malformed = body(None);
    malformed["pow"] = json!("work");
    somebody
        .post("/register", &malformed)
        .await
        .problem(ErrorCode::Malformed);

    register(Some((&text, &good))).await.ok();
    let replayed = register(Some((&text, &good))).await;
    replayed.problem(ErrorCode::ProofOfWorkInvalid);
}

#[tokio::test]
async fn without_the_setting_registering_takes_no_work() {
    let server = Server::start().await;
    let asked = challenge(&server.anonymous()).await.ok();
    assert_eq!(asked["bits"], 0);
    server.anonymous().join("Anna").await;
}
