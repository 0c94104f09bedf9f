//! Who may do what, tried with every role on every call.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server};
use reqwest::Method;
use serde_json::{Value, json};

const ROLES: [&str; 4] = ["user", "moderator", "admin", "owner"];

/// A call, the lowest role that may, and whether it changes somebody. `{uid}` is a person.
const CALLS: &[(Method, &str, usize, bool)] = &[
    (Method::GET, "/admin/users", 1, false),
    (Method::GET, "/admin/users?query=nobody", 1, false),
    (Method::GET, "/admin/users/{uid}", 1, false),
    (Method::GET, "/admin/users/{uid}/sessions", 1, false),
    (Method::DELETE, "/admin/users/{uid}/sessions", 1, true),
    (
        Method::DELETE,
        "/admin/users/{uid}/sessions/0123456789abcdef",
        1,
        true,
    ),
    (Method::GET, "/admin/users/{uid}/devices", 1, false),
    (
        Method::DELETE,
        "/admin/users/{uid}/devices/0123456789abcdef",
        1,
        true,
    ),
    (Method::POST, "/admin/users/{uid}/lock", 1, true),
    (Method::POST, "/admin/users/{uid}/unlock", 1, true),
    (Method::POST, "/admin/users/{uid}/ban", 2, true),
    (Method::POST, "/admin/users/{uid}/unban", 2, true),
    (Method::POST, "/admin/users/{uid}/force_reset", 2, true),
    (Method::POST, "/admin/users/{uid}/reset_2fa", 2, true),
    (Method::GET, "/admin/tokens?uid={uid}", 1, false),
    (Method::DELETE, "/admin/tokens/0123456789abcdef", 1, false),
    (Method::GET, "/admin/figures", 1, false),
    (Method::GET, "/admin/audit", 2, false),
];

/// Whether the rules let this through: then it is done, or what it is about is not there.
async fn is_let(actor: &Device, method: &Method, path: &str, uid: &str) -> bool {
    let path = path.replace("{uid}", uid);
    let mut call = actor.call(method.clone(), &path);
    if *method == Method::POST {
        call = call.json(&json!({"reason": "a try"}));
    }
    let answer = call.send().await;
    if answer.status == 403 {
        answer.problem(ErrorCode::Forbidden);
        return false;
    }
    match answer.status.as_u16() {
        404 => drop(answer.problem(ErrorCode::NotFound)),
        409 => drop(answer.problem(ErrorCode::NotEnabled)),
        _ => drop(answer.ok()),
    }
    true
}

#[tokio::test]
async fn every_role_on_every_call_and_every_target() {
    let server = Server::start().await;
    let mut actors = Vec::new();
    let mut targets = Vec::new();
    for role in ROLES {
        let actor = server.anonymous().join("Actor").await;
        let target = server.anonymous().join("Target").await;
        server.promote(&actor.uid, role);
        server.promote(&target.uid, role);
        actors.push(actor);
        targets.push(target.uid);
    }
    for (method, path, least, changes) in CALLS {
        for (rank, actor) in actors.iter().enumerate() {
            for (target_rank, target) in targets.iter().enumerate() {
                let may = rank >= *least && (!changes || target_rank < rank);
                let role = ROLES[rank];
                assert_eq!(
                    is_let(actor, method, path, target).await,
                    may,
                    "{role} {method} {path} to {}",
                    ROLES[target_rank]
                );
            }
        }
    }
    let nobody = server.anonymous();
    for (method, path, ..) in CALLS {
        let path = path.replace("{uid}", &targets[0]);
        let answer = nobody.call(method.clone(), &path).send().await;
        answer.problem(ErrorCode::InvalidToken);
    }
}

#[tokio::test]
async fn who_may_not_administer_learns_nothing() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let there = anna.get(&format!("/admin/users/{}", boris.uid)).await;
    let not_there = anna.get("/admin/users/99999999").await;
    assert_eq!(
        there.problem(ErrorCode::Forbidden).detail,
        not_there.problem(ErrorCode::Forbidden).detail
    );
    // A role that was taken away counts from the next call on.
    server.promote(&anna.uid, "moderator");
    anna.get("/admin/figures").await.ok();
    server.promote(&anna.uid, "user");
    anna.get("/admin/figures")
        .await
        .problem(ErrorCode::Forbidden);
}

#[tokio::test]
async fn owners_choose_the_others_and_the_last_one_stays() {
    let server = Server::start().await;
    let owner = server.anonymous().join("Olga").await;
    server.promote(&owner.uid, "owner");
    let anna = server.anonymous().join("Anna").await;
    let role = |uid: &str| format!("/admin/users/{uid}/role");
    let to = |role: &str| json!({ "role": role });

    let own = role(&owner.uid);
    owner
        .post(&own, &to("user"))
        .await
        .problem(ErrorCode::LastOwner);
    let last = server.melo(&["admin", "promote", &owner.uid, "admin"], "");
    assert!(!last.status.success());
    assert!(String::from_utf8_lossy(&last.stderr).contains("last owner"));

    let annas = role(&anna.uid);
    owner.post(&annas, &to("admin")).await.ok();
    anna.get("/admin/audit").await.ok();
    anna.post(&annas, &to("owner"))
        .await
        .problem(ErrorCode::Forbidden);
    anna.post(&own, &to("user"))
        .await
        .problem(ErrorCode::Forbidden);
    owner
        .post(&annas, &json!({"role": "owner", "reason": "two are safer"}))
        .await
        .ok();
    // Owners are equals.
    owner
        .post(&annas, &to("user"))
        .await
        .problem(ErrorCode::Forbidden);
    owner.post(&own, &to("user")).await.ok();
    owner
        .get("/admin/figures")
        .await
        .problem(ErrorCode::Forbidden);
    anna.post(&annas, &to("user"))
        .await
        .problem(ErrorCode::LastOwner);

    let refused = anna
        .post(&annas, &json!({"role": "king", "reason": "x".repeat(501)}))
        .await;
    assert_eq!(refused.refused_fields(), ["role", "reason"]);
    anna.post(&role("99999999"), &to("user"))
        .await
        .problem(ErrorCode::UserNotFound);
    let log = anna
        .get("/admin/audit?action=admin.change_role&limit=1")
        .await
        .ok();
    let newest = &log.list("entries")[0];
    assert_eq!(
        newest["details"],
        json!({"reason": "", "from": "owner", "to": "user"})
    );
}

#[tokio::test]
async fn the_password_must_have_been_shown_a_short_while_ago() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    server.promote(&anna.uid, "owner");
    anna.get("/admin/figures").await.ok();
    // A login with the device token shows no password.
    let more = json!({"password": Value::Null, "device_token": anna.device_token});
    let answer = anna
        .user
        .try_login(&anna.user.first_device, &more)
        .await
        .ok();
    let without_password = Device {
        token: answer.text("access_token"),
        ..anna.clone()
    };
    for (method, path, ..) in CALLS {
        let path = path.replace("{uid}", &anna.uid);
        let mut call = without_password.call(method.clone(), &path);
        if *method == Method::POST {
            call = call.json(&json!({"reason": "a try"}));
        }
        let answer = call.send().await;
        answer.problem(ErrorCode::ReauthenticationRequired);
    }
    let wrong = json!({"password": "not her password"});
    let answer = without_password.post("/reauthenticate", &wrong).await;
    answer.problem(ErrorCode::WrongPassword);
    let right = json!({"password": anna.user.person.password});
    without_password.post("/reauthenticate", &right).await.ok();
    without_password.get("/admin/figures").await.ok();
}
