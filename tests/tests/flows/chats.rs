//! Groups and channels: making, seeing, changing, deleting them.

use melo_protocol::ErrorCode;
use melo_tests::files::{picture, upload_to};
use melo_tests::{Chat, Fields, Server, assert_shape, befriend, join, one_of_each};
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
    let [joined, own] = one_of_each(&mut boriss, ["chat_added", "member_joined"]).await;
    assert_shape(
        &joined,
        "chat_id:number chat_log:log title:text chat_type:text role:text by:uid seq:number",
    );
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
    let [last, notice] = one_of_each(&mut claras, ["member_left", "chat_removed"]).await;
    assert_eq!(
        (last.text("user_id"), last.text("by"), last.text("how")),
        (clara.uid.clone(), anna.uid.clone(), "removed".to_owned())
    );
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

#[tokio::test]
async fn a_public_chat_is_seen_by_its_code_alone_until_it_is_private() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let nobody = server.anonymous();
    let chat = Chat::channel(&anna, &[]).await;
    let private = chat.invite(&anna, Value::Null).await;
    let look = |code: &str| {
        let (nobody, path) = (nobody.clone(), format!("/chats/by_invite/{code}"));
        async move { nobody.get(&path).await }
    };
    look(&private).await.problem(ErrorCode::NotFound);
    let shown = chat.ask(&anna, "/chats/set_public", json!({"is_public": true}));
    let shown = shown.await.ok();
    assert_shape(&shown, "ok:bool invite:text");
    let code = shown.text("invite");
    let again = chat.ask(&anna, "/chats/set_public", json!({"is_public": true}));
    assert_eq!(again.await.ok()["invite"], code, "it stays the same");
    let seen = look(&code).await.ok();
    assert_shape(&seen, "chat_id:number name:text type:text");
    assert_eq!(seen["chat_id"], chat.0);
    assert_eq!(chat.view(&anna).await["invite_code"], code);
    for other in [&private, &"x".repeat(43), "..%2f", &chat.log()] {
        look(other).await.problem(ErrorCode::NotFound);
    }
    join(&boris, &code).await.ok();
    let hidden = chat.ask(&anna, "/chats/set_public", json!({"is_public": false}));
    assert_eq!(hidden.await.ok(), json!({"ok": true, "invite": null}));
    look(&code).await.problem(ErrorCode::NotFound);
    let clara = server.anonymous().join("Clara").await;
    join(&clara, &code).await.problem(ErrorCode::InviteInvalid);
}

#[tokio::test]
async fn changes_of_a_chat_are_told_once_and_name_what_changed() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let mut boriss = boris.settled().await;
    let change = json!({
        "title": "Orchestra", "description": "All of us", "slow_mode_seconds": 30,
        "disappearing_seconds": 3600, "retention_seconds": 86_400, "share_history": true,
        "by_request": true,
    });
    anna.put(&chat.path(""), &change).await.ok();
    let told = boriss.expect_frame("chat_changed").await;
    assert_shape(
        &told,
        "by:uid changes:object chat_id:number log:log seq:number at:time",
    );
    assert_eq!(told["changes"], change);
    let view = chat.view(&boris).await;
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&view[name], value, "{name}");
    }
    // The same once more is no change; the contract's name of the title is understood.
    anna.put(&chat.path(""), &change).await.ok();
    anna.put(&chat.path(""), &json!({})).await.ok();
    anna.put(&chat.path(""), &json!({"name": "Band", "description": ""}))
        .await
        .ok();
    let told = boriss.expect_frame("chat_changed").await;
    assert_eq!(
        told["changes"],
        json!({"title": "Band", "description": null})
    );
    let slow = chat.ask(&anna, "/chats/set_slow_mode", json!({"seconds": 5}));
    assert_eq!(slow.await.ok(), json!({"ok": true, "slow_mode": 5}));
    let told = boriss.expect_frame("chat_changed").await;
    assert_eq!(told["changes"], json!({"slow_mode_seconds": 5}));
    // It counts at once.
    chat.say(&boris, "one").await.ok();
    let wait = chat.say(&boris, "two").await.problem(ErrorCode::SlowMode);
    assert!((1..=5).contains(&wait.retry_after.unwrap()), "{wait:?}");

    let file = picture(20, 20, 255, image::ImageFormat::Png);
    upload_to(&anna, &chat.path("/avatar"), &file).await.ok();
    let told = boriss.expect_frame("chat_changed").await;
    assert_eq!(told["changes"], json!({"avatar": true}));
    let shown = boris.get(&chat.path("/avatar")).await.ok();
    assert_shape(&shown, "ok:bool encrypted_avatar:text mime:text");
    anna.delete(&chat.path("/avatar")).await.ok();
    boris
        .get(&chat.path("/avatar"))
        .await
        .problem(ErrorCode::NotFound);
}

#[tokio::test]
async fn a_deleted_chat_is_gone_for_everybody_and_everybody_is_told() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let chat = Chat::group(&anna, &[&boris, &clara]).await;
    let code = chat.invite(&anna, Value::Null).await;
    chat.say(&anna, "a word").await.ok();
    let mut boriss = boris.settled().await;
    anna.delete(&chat.path("")).await.ok();
    let frames = boriss.until("chat_removed").await;
    assert!(
        frames.iter().all(|f| f["type"] == "member_left"),
        "{frames:?}"
    );
    boriss.resume(&[(chat.log(), 0)].into()).await;
    let frames = boriss.until("synced").await;
    assert_eq!(frames, [Value::Null; 0], "nothing is left to read");
    let (_, missed) = clara.catch_up().await;
    let told = missed.iter().find(|f| f["type"] == "chat_removed");
    assert_eq!(told.unwrap()["how"], "deleted");
    assert!(missed.iter().all(|f| f["log"] != chat.log()), "{missed:?}");
    for gone in [&anna, &boris, &clara] {
        chat.say(gone, "hello?")
            .await
            .problem(ErrorCode::NotAMember);
        assert_eq!(gone.get("/chats/list").await.ok()["total"], 0);
    }
    join(&clara, &code).await.problem(ErrorCode::InviteInvalid);
}

#[tokio::test]
async fn the_list_is_paged_and_counts_what_is_unread() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut chats = Vec::new();
    for _ in 0..3 {
        chats.push(Chat::group(&anna, &[&boris]).await);
    }
    let mut boriss = boris.settled().await;
    chats[0].say(&anna, "one").await.ok();
    chats[0].say(&anna, "two").await.ok();
    chats[0].say(&boris, "my own").await.ok();
    let first = boriss.deliveries(1).await.remove(0);
    let view = chats[0].view(&boris).await;
    assert_eq!(view["unread"], 2, "one's own do not count");
    assert_shape(&view, "last_message_at:time read_seq:number");
    let read = json!({"type": "ack_read", "message_id": first["message_id"]});
    boriss.send(&read).await;
    boriss.barrier().await;
    let view = chats[0].view(&boris).await;
    assert_eq!(
        (&view["unread"], &view["read_seq"]),
        (&json!(1), &first["seq"])
    );

    let mut by_page = Vec::new();
    for page in 1..=2 {
        let answer = boris
            .get(&format!("/chats/list?page={page}&per_page=2"))
            .await
            .ok();
        assert_eq!((answer.number("total"), answer.number("pages")), (3, 2));
        by_page.extend(answer.list("chats").clone());
    }
    let mut by_cursor = Vec::new();
    let mut path = "/chats/list?limit=2".to_owned();
    loop {
        let answer = boris.get(&path).await.ok();
        by_cursor.extend(answer.list("chats").clone());
        let Some(next) = answer["next"].as_u64() else {
            break;
        };
        path = format!("/chats/list?limit=2&after={next}");
    }
    assert_eq!(by_page, by_cursor);
    let mut ids: Vec<u64> = by_page.iter().map(|c| c.number("id")).collect();
    let mut made: Vec<u64> = chats.iter().map(|c| c.0).collect();
    ids.sort_unstable();
    made.sort_unstable();
    assert_eq!(ids, made);
}
