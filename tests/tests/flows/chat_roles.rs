//! Every role and every action over REST, as the table says.

use melo_protocol::ErrorCode::{self, Forbidden, LastOwner, NotAMember, NotFound};
use melo_tests::{Answer, Chat, Device, Server, befriend};
use reqwest::Method;
use serde_json::{Value, json};

/// What an actor is told: `None` is a yes.
type Told = Option<ErrorCode>;

const YES: Told = None;
const NO: Told = Some(Forbidden);
const OUT: Told = Some(NotAMember);
const UNKNOWN: Told = Some(NotFound);

/// What is asked for, of which path, about whom, with what else; and what owner, admin, member and a stranger are told.
struct Row {
    method: Method,
    path: &'static str,
    about: Option<&'static str>,
    more: Value,
    told: [Told; 4],
}

fn get(path: &'static str, told: [Told; 4]) -> Row {
    Row {
        method: Method::GET,
        path,
        about: None,
        more: Value::Null,
        told,
    }
}

fn post(path: &'static str, about: &'static str, more: Value, told: [Told; 4]) -> Row {
    Row {
        method: Method::POST,
        path,
        about: Some(about).filter(|name| !name.is_empty()),
        more,
        told,
    }
}

fn table() -> Vec<Row> {
    let leaders = [YES, YES, NO, OUT];
    let owner = [YES, NO, NO, OUT];
    let all = [YES, YES, YES, OUT];
    vec![
        get("", all),
        get("/members", all),
        get("/keys", all),
        get("/avatar", [UNKNOWN, UNKNOWN, UNKNOWN, OUT]),
        get("/requests", leaders),
        get("/bans", leaders),
        Row {
            method: Method::PUT,
            more: json!({"title": "Another"}),
            ..get("", leaders)
        },
        Row {
            method: Method::PUT,
            more: json!({"by_request": true, "retention_seconds": 3600}),
            ..get("", leaders)
        },
        Row {
            method: Method::DELETE,
            ..get("/avatar", leaders)
        },
        Row {
            method: Method::DELETE,
            ..get("", owner)
        },
        post("/chats/set_slow_mode", "", json!({"seconds": 9}), leaders),
        post("/chats/set_public", "", json!({"is_public": true}), owner),
        post("/chats/members/add", "friend", Value::Null, leaders),
        post(
            "/chats/members/remove",
            "other member",
            Value::Null,
            leaders,
        ),
        post("/chats/members/remove", "other admin", Value::Null, owner),
        post(
            "/chats/members/remove",
            "owner",
            Value::Null,
            [NO, NO, NO, OUT],
        ),
        post(
            "/chats/members/remove",
            "friend",
            Value::Null,
            [UNKNOWN, UNKNOWN, NO, OUT],
        ),
        post(
            "/chats/members/role",
            "other member",
            json!({"role": "admin"}),
            owner,
        ),
        post(
            "/chats/members/role",
            "other admin",
            json!({"role": "member"}),
            owner,
        ),
        post(
            "/chats/members/role",
            "owner",
            json!({"role": "member"}),
            [NO, NO, NO, OUT],
        ),
        post(
            "/chats/members/role",
            "friend",
            json!({"role": "admin"}),
            [UNKNOWN, NO, NO, OUT],
        ),
        post("/chats/transfer", "other member", Value::Null, owner),
        post(
            "/chats/transfer",
            "friend",
            Value::Null,
            [UNKNOWN, NO, NO, OUT],
        ),
        post(
            "/chats/leave",
            "",
            Value::Null,
            [Some(LastOwner), YES, YES, OUT],
        ),
        post("/invites/create", "", Value::Null, leaders),
        post(
            "/chats/requests/approve",
            "friend",
            Value::Null,
            [UNKNOWN, UNKNOWN, NO, OUT],
        ),
        post(
            "/chats/requests/reject",
            "friend",
            Value::Null,
            [UNKNOWN, UNKNOWN, NO, OUT],
        ),
        post("/chats/bans/add", "other member", Value::Null, leaders),
        post("/chats/bans/add", "other admin", Value::Null, owner),
        post("/chats/bans/add", "owner", Value::Null, [NO, NO, NO, OUT]),
        post("/chats/bans/add", "friend", Value::Null, leaders),
        post(
            "/chats/bans/remove",
            "friend",
            Value::Null,
            [UNKNOWN, UNKNOWN, NO, OUT],
        ),
        post("/chats/invitations/accept", "", Value::Null, [UNKNOWN; 4]),
        post("/chats/invitations/decline", "", Value::Null, [UNKNOWN; 4]),
    ]
}

/// Owner, admin, member, stranger, other admin, other member, and a friend of the owner's and the admin's.
struct Cast(Vec<Device>);

impl Cast {
    fn named(&self, name: &str) -> &Device {
        &self.0[match name {
            "owner" => 0,
            "other admin" => 4,
            "other member" => 5,
            _ => 6,
        }]
    }

    async fn chat(&self) -> Chat {
        let everybody = [1, 2, 4, 5].map(|n| &self.0[n]);
        let chat = Chat::group(&self.0[0], &everybody).await;
        for admin in [1, 4] {
            chat.set_role(&self.0[0], &self.0[admin], "admin")
                .await
                .ok();
        }
        chat
    }

    async fn ask(&self, actor: usize, chat: Chat, row: &Row) -> Answer {
        let actor = &self.0[actor];
        if row.method != Method::POST {
            let call = actor.call(row.method.clone(), &chat.path(row.path));
            return if row.more.is_null() {
                call.send().await
            } else {
                call.json(&row.more).send().await
            };
        }
        let mut more = row.more.clone();
        if let Some(name) = row.about {
            more["user_unique_id"] = json!(self.named(name).uid);
        }
        chat.ask(actor, row.path, more).await
    }
}

#[tokio::test]
async fn every_role_and_action_is_as_the_table_says() {
    let server = Server::start().await;
    let mut cast = Vec::new();
    for name in ["Anna", "Boris", "Clara", "Dora", "Emil", "Fanni", "Gleb"] {
        cast.push(server.anonymous().join(name).await);
    }
    for n in [1, 2, 4, 5, 6] {
        befriend(&cast[0], &cast[n]).await;
    }
    befriend(&cast[1], &cast[6]).await;
    let cast = Cast(cast);
    let shared = cast.chat().await;
    let before = (
        shared.view(&cast.0[0]).await,
        shared.members(&cast.0[0]).await,
    );
    for row in table() {
        for (actor, told) in row.told.into_iter().enumerate() {
            let what = format!("{} {} of {:?} by {actor}", row.method, row.path, row.about);
            let Some(code) = told else {
                let reads = row.method == Method::GET;
                let chat = if reads { shared } else { cast.chat().await };
                let answer = cast.ask(actor, chat, &row).await;
                assert_eq!(
                    answer.status,
                    200,
                    "{what}: {}",
                    String::from_utf8_lossy(&answer.body)
                );
                continue;
            };
            let answer = cast.ask(actor, shared, &row).await;
            assert_eq!(
                answer.json()["code"],
                code.as_str(),
                "{what}: {}",
                String::from_utf8_lossy(&answer.body)
            );
            answer.problem(code);
        }
    }
    let after = (
        shared.view(&cast.0[0]).await,
        shared.members(&cast.0[0]).await,
    );
    assert_eq!(before, after, "a refused call changes nothing");
}

#[tokio::test]
async fn chats_that_are_none_look_like_chats_of_others() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    // Neither an unknown number nor a conversation of two is a chat.
    for id in ["1", &log] {
        let chat = Chat(id.parse().unwrap());
        for path in ["", "/members", "/keys", "/requests", "/bans", "/avatar"] {
            anna.get(&chat.path(path)).await.problem(NotAMember);
        }
        chat.say(&anna, "hello").await.problem(NotAMember);
        chat.post(&anna, "/chats/members/add", &boris)
            .await
            .problem(NotAMember);
        anna.delete(&chat.path("")).await.problem(NotAMember);
    }
    for id in ["x", "-1", "0", "9007199254740992"] {
        let refused = anna.get(&format!("/chats/{id}")).await;
        assert_eq!(refused.refused_fields(), ["id"], "{id}");
    }
    for (body, field) in [
        (json!({"name": "x", "type": "chat"}), "name"),
        (json!({"name": "Choir", "type": "group"}), "type"),
        (
            json!({"name": "Choir", "type": "chat", "members": ["1"]}),
            "members",
        ),
    ] {
        let refused = anna.post("/chats/create", &body).await;
        assert_eq!(refused.refused_fields(), [field], "{body}");
    }
    let chat = Chat::channel(&anna, &[]).await;
    for (path, more, field) in [
        (
            "/chats/set_slow_mode",
            json!({"seconds": 86_401}),
            "seconds",
        ),
        ("/invites/create", json!({"ttl_minutes": 0}), "ttl_minutes"),
        ("/invites/create", json!({"max_uses": 0}), "max_uses"),
    ] {
        assert_eq!(chat.ask(&anna, path, more).await.refused_fields(), [field]);
    }
    for (body, field) in [
        (json!({"title": "x"}), "title"),
        (json!({"disappearing_seconds": 59}), "disappearing_seconds"),
        (json!({"retention_seconds": 3599}), "retention_seconds"),
    ] {
        let refused = anna.put(&chat.path(""), &body).await;
        assert_eq!(refused.refused_fields(), [field], "{body}");
    }
    let more = json!({"user_unique_id": boris.uid, "role": "owner"});
    let refused = chat.ask(&anna, "/chats/members/role", more).await;
    assert_eq!(refused.refused_fields(), ["role"]);
}
