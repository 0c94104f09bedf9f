//! Pages that keep their session in a cookie.

use melo_protocol::ErrorCode;
use melo_tests::{Fields, Person, Server, unique};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_cookie_session_changes_things_only_with_its_csrf_token() {
    let server = Server::start().await;
    let somebody = server.anonymous();
    let user = somebody.register(Person::named("Anna")).await;
    let login = user
        .try_login(&unique::device_id(), &json!({"cookie": true}))
        .await;
    let answer = login.ok();
    for secret in ["access_token", "device_token"] {
        assert_eq!(answer[secret], "", "not where scripts can read it");
    }
    let set = login.header("set-cookie").to_owned();
    for part in [
        "__Host-melo_session=",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "Max-Age=7200",
    ] {
        assert!(set.contains(part), "{part} in {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    let csrf = answer.text("csrf_token");
    let call = |method: Method, path: &str| somebody.call(method, path).header("cookie", &cookie);

    call(Method::GET, "/profile").send().await.ok();
    let change = json!({"bio": "from a page"});
    let without = call(Method::PUT, "/profile").json(&change).send().await;
    without.problem(ErrorCode::CsrfFailed);
    let wrong = call(Method::PUT, "/profile")
        .header("x-csrf-token", "nonsense")
        .json(&change);
    wrong.send().await.problem(ErrorCode::CsrfFailed);
    let other = somebody.join("Boris").await;
    let foreign = call(Method::PUT, "/profile")
        .header("x-csrf-token", &other.csrf)
        .json(&change);
    foreign.send().await.problem(ErrorCode::CsrfFailed);
    call(Method::PUT, "/profile")
        .header("x-csrf-token", &csrf)
        .json(&change)
        .send()
        .await
        .ok();
    let in_body = json!({"bio": "again", "csrf_token": csrf});
    call(Method::PUT, "/profile")
        .json(&in_body)
        .send()
        .await
        .ok();
    assert_eq!(
        call(Method::GET, "/profile").send().await.ok()["bio"],
        "again"
    );

    // A header counts before the cookie, and needs no CSRF token: no browser sends it by itself.
    let both = call(Method::PUT, "/profile")
        .token(&other.token)
        .json(&change)
        .send()
        .await;
    both.ok();
    assert_eq!(other.get("/profile").await.ok()["bio"], "from a page");

    let out = call(Method::POST, "/logout")
        .header("x-csrf-token", &csrf)
        .json(&json!({}))
        .send()
        .await;
    out.ok();
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    call(Method::GET, "/profile")
        .send()
        .await
        .problem(ErrorCode::SessionRevoked);
}

#[tokio::test]
async fn an_ordinary_login_sets_no_cookie() {
    let server = Server::start().await;
    let user = server.anonymous().register(Person::named("Anna")).await;
    let login = user.try_login(&unique::device_id(), &json!({})).await;
    login.ok();
    assert_eq!(login.header("set-cookie"), "");
}
