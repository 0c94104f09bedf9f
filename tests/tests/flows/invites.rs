//! Registering by invitation.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Person, Server, assert_shape, unique};
use serde_json::{Value, json};

/// A server that takes the invited only, with an admin who was there before.
pub(crate) async fn invited_only() -> (Server, Device) {
    let mut server = Server::start().await;
    let olga = server.anonymous().join("Olga").await;
    server.promote(&olga.uid, "admin");
    server.set("REGISTRATION", "invite");
    server.start_again().await;
    (server, olga)
}

pub(crate) async fn invite(admin: &Device, uses: u32) -> Value {
    let body = json!({"uses": uses, "ttl_minutes": 60, "note": "for the choir"});
    let made = admin.post("/admin/invites", &body).await.ok();
    assert_shape(
        &made,
        "id:hex16 code:text uses:number uses_left:number note:text created_by:uid created_at:time",
    );
    made
}

fn registration(invite: &str) -> Value {
    let mut body = Person::named("Guest").registration(&unique::device_id());
    body["invite"] = json!(invite);
    body
}

#[tokio::test]
async fn only_the_invited_register_and_only_as_often() {
    let (server, olga) = invited_only().await;
    let somebody = server.anonymous();
    let without = Person::named("Anna").registration(&unique::device_id());
    somebody
        .post("/register", &without)
        .await
        .problem(ErrorCode::InviteRequired);
    for wrong in ["nonsense", "", &"x".repeat(2000)] {
        let refused = somebody.post("/register", &registration(wrong)).await;
        assert!(
            matches!(refused.status.as_u16(), 403 | 404 | 422),
            "{}",
            refused.status
        );
    }
    let made = invite(&olga, 2).await;
    let code = made.text("code");
    for _ in 0..2 {
        somebody.post("/register", &registration(&code)).await.ok();
    }
    let spent = somebody.post("/register", &registration(&code)).await;
    spent.problem(ErrorCode::InviteInvalid);

    let listed = olga.get("/admin/invites").await.ok();
    assert_eq!(listed.list("invites")[0]["uses_left"], 0);
    assert!(!listed.to_string().contains(&code), "shown once");
    let other = invite(&olga, 5).await;
    let path = format!("/admin/invites/{}", other.text("id"));
    olga.delete(&path).await.ok();
    olga.delete(&path).await.problem(ErrorCode::NotFound);
    let revoked = somebody
        .post("/register", &registration(&other.text("code")))
        .await;
    revoked.problem(ErrorCode::InviteInvalid);
}

#[tokio::test]
async fn invites_are_listed_to_the_last_one() {
    let (_server, olga) = invited_only().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(invite(&olga, 1).await.text("id"));
    }
    made.sort();
    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    let mut path = "/admin/invites?limit=3".to_owned();
    loop {
        let page = olga.get(&path).await.ok();
        let ids = page.list("invites").iter().map(|one| one.text("id"));
        listed.extend(ids);
        sizes.push(page.list("invites").len());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/admin/invites?limit=3&after={next}");
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(listed, made);
    // More than there may be in one answer, and less than one.
    let all = olga.get("/admin/invites?limit=1000000").await.ok();
    assert_eq!(all.list("invites").len(), 7);
    let one = olga.get("/admin/invites?limit=0").await.ok();
    assert_eq!(one.list("invites").len(), 1);
    for bad in ["x", "123456789abcdef01", ""] {
        let refused = olga.get(&format!("/admin/invites?after={bad}")).await;
        assert_eq!(refused.refused_fields(), ["after"], "{bad}");
    }
}

#[tokio::test]
async fn of_a_hundred_with_one_invite_exactly_one_comes_in() {
    let (server, olga) = invited_only().await;
    let code = invite(&olga, 1).await.text("code");
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (somebody, body) = (server.anonymous(), registration(&code));
        tries.spawn(async move { somebody.post("/register", &body).await });
    }
    let answers = tries.join_all().await;
    let won = answers.iter().filter(|a| a.status.is_success()).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|a| !a.status.is_success()) {
        assert!(matches!(lost.status.as_u16(), 404 | 503), "{}", lost.status);
    }
}

#[tokio::test]
async fn invites_are_for_admins_to_make() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mila = server.anonymous().join("Mila").await;
    server.promote(&mila.uid, "moderator");
    let body = json!({"uses": 1, "ttl_minutes": 60});
    for nobody in [&anna, &mila] {
        nobody
            .post("/admin/invites", &body)
            .await
            .problem(ErrorCode::Forbidden);
        nobody
            .get("/admin/invites")
            .await
            .problem(ErrorCode::Forbidden);
    }
    server.promote(&mila.uid, "admin");
    for (body, field) in [
        (json!({"uses": 0, "ttl_minutes": 60}), "uses"),
        (json!({"uses": 1001, "ttl_minutes": 60}), "uses"),
        (json!({"uses": 1, "ttl_minutes": 0}), "ttl_minutes"),
    ] {
        assert_eq!(
            mila.post("/admin/invites", &body).await.refused_fields(),
            [field]
        );
    }
}
