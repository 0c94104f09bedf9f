//! Groups and channels: making, seeing, changing, deleting them.

use melo_protocol::ErrorCode;
use melo_tests::{Chat, Fields, Server, assert_shape, befriend};
use serde_json::{Value, json};

#[tokio::test]
async fn a_group_is_made_listed_and_seen_in_the_contracts_form() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    let empty = anna.get("/chats/list").await.ok();
    assert_eq!(
        empty,
        json!({"chats": [], "page": 1, "per_page": 20, "total": 0, "pages": 0})
    );

    let body = json!({
        "name": " Choir practice ", "type": "chat", "description": "Tuesdays",
        "members": [boris.uid, clara.uid],
    });
    let made = anna.post("/chats/create", &body).await.ok();
    assert_shape(
        &made,
        "ok:bool chat_id:number type:text log:log invited:list",
    );
    assert_eq!(made["type"], "chat");
    assert_eq!(made["invited"], json!([clara.uid]), "no contact: asked");
    assert_eq!(made["log"], made["chat_id"].to_string());
    let chat = Chat(made.number("chat_id"));

    let listed = anna.get("/chats/list").await.ok();
    assert_shape(
        &listed,
        "chats:list page:number per_page:number total:number pages:number",
    );
    let entry = &listed.list("chats")[0];
    assert_shape(
        entry,
        "id:number name:text type:text created_at:time owner_id:uid is_public:bool invite_code:null \
         slow_mode_seconds:number role:text title:text description:text log:log last_seq:number \
         unread:number read_seq:number members_count:number last_message_at:null \
         disappearing_seconds:number retention_seconds:number by_request:bool share_history:bool",
    );
    assert_eq!(
        (&entry["name"], &entry["role"], &entry["members_count"]),
        (&json!("Choir practice"), &json!("owner"), &json!(2))
    );
    assert_eq!(chat.view(&anna).await, *entry, "seen alone as in the list");
    assert_eq!(chat.view(&boris).await["role"], "member");
    clara
        .get(&chat.path(""))
        .await
        .problem(ErrorCode::NotAMember);

    let members = chat.members(&boris).await;
    let mut expected = vec![
        (anna.uid.clone(), "owner".to_owned()),
        (boris.uid.clone(), "member".to_owned()),
    ];
    expected.sort();
    assert_eq!(members, expected);
    let (mut claras, missed) = clara.catch_up().await;
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_shape(
        &missed[0],
        "type:text chat_id:number title:text chat_type:text by:uid log:log seq:number at:time",
    );
    assert_eq!(missed[0]["type"], "chat_invitation");
    assert_eq!(claras.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn members_read_from_their_joining_on_and_not_after_their_removal() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let mut boriss = boris.settled().await;
    let chat = Chat::group(&anna, &[&boris]).await;
    // Boris's connection was there before the chat.
    let joined = boriss.expect_frame("chat_added").await;
    assert_shape(
        &joined,
        "chat_id:number chat_log:log title:text chat_type:text role:text by:uid seq:number",
    );
    let own = boriss.expect_frame("member_joined").await;
    assert_shape(
        &own,
        "user_id:uid role:text by:uid how:text chat_id:number log:log seq:number at:time",
    );
    assert_eq!(
        (own.text("user_id"), own.number("seq")),
        (boris.uid.clone(), 2),
        "the owner's joining before it is not for him"
    );
    chat.say(&anna, "before Clara").await.ok();
    let first = boriss.expect_frame("relay_delivery").await;
    assert_eq!(first["chat_id"], chat.0);

    let added = chat.post(&anna, "/chats/members/add", &clara).await.ok();
    assert_eq!(added, json!({"ok": true, "status": "added"}));
    chat.say(&boris, "after Clara came").await.ok();
    let (mut claras, missed) = clara.catch_up().await;
    let in_chat: Vec<&Value> = missed.iter().filter(|f| f["log"] == chat.log()).collect();
    assert_eq!(in_chat.len(), 2, "{missed:?}");
    assert_eq!(in_chat[0]["type"], "member_joined");
    assert_eq!(in_chat[0]["user_id"], clara.uid);
    assert_eq!(in_chat[1]["payload"], "after Clara came");
    // Asking for what was before does not help.
    let cursors = [(chat.log(), 0)].into();
    claras.resume(&cursors).await;
    let again = claras.until("synced").await;
    let texts: Vec<&Value> = again.iter().map(|f| &f["payload"]).collect();
    assert!(!texts.contains(&&json!("before Clara")), "{again:?}");
    assert!(texts.contains(&&json!("after Clara came")), "{again:?}");

    chat.post(&anna, "/chats/members/remove", &clara).await.ok();
    chat.say(&anna, "after Clara went").await.ok();
    let last = claras.expect_frame("member_left").await;
    assert_eq!(
        (last.text("user_id"), last.text("by"), last.text("how")),
        (clara.uid.clone(), anna.uid.clone(), "removed".to_owned())
    );
    let notice = claras.expect_frame("chat_removed").await;
    assert_shape(&notice, "chat_id:number chat_log:log how:text by:uid");
    assert_eq!(claras.barrier().await, [Value::Null; 0]);
    for seq in [0, 4, 1000] {
        claras.resume(&[(chat.log(), seq)].into()).await;
        let frames = claras.until("synced").await;
        assert!(
            frames.iter().all(|f| f["log"] != chat.log()),
            "{seq}: {frames:?}"
        );
    }
    chat.say(&clara, "let me in")
        .await
        .problem(ErrorCode::NotAMember);
    clara
        .get(&chat.path("/members"))
        .await
        .problem(ErrorCode::NotAMember);
    let (_, missed) = clara.user.login_first().await.catch_up().await;
    assert!(missed.iter().all(|f| f["log"] != chat.log()), "{missed:?}");
}
