//! Who is in a chat, and as what.

use melo_protocol::ErrorCode;
use melo_tests::keys::{self, DeviceKeys};
use melo_tests::{Chat, Fields, Server, assert_shape, befriend, join, one_of_each};
use serde_json::{Value, json};

#[tokio::test]
async fn an_invite_lets_people_in_as_often_as_it_says() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let chat = Chat::group(&anna, &[]).await;
    let made = chat.ask(&anna, "/invites/create", json!({"max_uses": 1}));
    let made = made.await.ok();
    assert_shape(&made, "ok:bool code:text expires_in:number id:number");
    assert_eq!(made["expires_in"], 3600);
    let code = made.text("code");

    let came = join(&boris, &code).await.ok();
    assert_eq!(
        came,
        json!({"ok": true, "chat_id": chat.0, "status": "joined"})
    );
    let again = join(&boris, &code).await.ok();
    assert_eq!(again["status"], "joined", "twice is once");
    join(&clara, &code).await.problem(ErrorCode::InviteInvalid);
    join(&clara, "nonsense")
        .await
        .problem(ErrorCode::InviteInvalid);
    assert_eq!(chat.members(&boris).await.len(), 2);
    let listed = anna.get(&format!("/invites?chat_id={}", chat.0)).await.ok();
    assert_eq!(listed["invites"], json!([]), "used up");
    let (mut boriss, missed) = boris.catch_up().await;
    let kinds: Vec<String> = missed.iter().map(|f| f.text("type")).collect();
    assert!(kinds.contains(&"chat_added".to_owned()), "{kinds:?}");
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn whoever_leaves_is_out_and_an_owner_stays() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    chat.ask(&anna, "/chats/leave", Value::Null)
        .await
        .problem(ErrorCode::LastOwner);
    chat.ask(&boris, "/chats/leave", Value::Null).await.ok();
    chat.ask(&boris, "/chats/leave", Value::Null)
        .await
        .problem(ErrorCode::NotAMember);
    assert_eq!(chat.members(&anna).await.len(), 1);
    assert_eq!(boris.get("/chats/list").await.ok()["total"], 0);
}

#[tokio::test]
async fn whoever_comes_back_reads_from_the_second_joining_on() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let mut boriss = boris.settled().await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let [_, _] = one_of_each(&mut boriss, ["chat_added", "member_joined"]).await;
    chat.ask(&boris, "/chats/leave", Value::Null).await.ok();
    let [left, _] = one_of_each(&mut boriss, ["member_left", "chat_removed"]).await;
    assert_eq!(left["how"], "left");
    chat.say(&anna, "in between").await.ok();
    chat.post(&anna, "/chats/members/add", &boris).await.ok();
    let [_, joined] = one_of_each(&mut boriss, ["chat_added", "member_joined"]).await;
    assert_eq!(joined.number("seq"), left.number("seq") + 2);
    boriss.resume(&[(chat.log(), 0)].into()).await;
    let frames = boriss.until("synced").await;
    assert_eq!(
        frames[0]["type"], "reset",
        "something was missed: {frames:?}"
    );
    assert_eq!(frames[0]["first_seq"], joined["seq"]);
    let seqs: Vec<u64> = frames[1..].iter().map(|f| f.number("seq")).collect();
    assert_eq!(seqs, [joined.number("seq")], "{frames:?}");
    chat.say(&anna, "welcome back").await.ok();
    assert_eq!(boriss.deliveries(1).await[0]["payload"], "welcome back");
}

#[tokio::test]
async fn an_invitation_waits_for_who_was_offline_and_is_theirs_to_answer() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let clara = server.anonymous().join("Clara").await;
    let dora = server.anonymous().join("Dora").await;
    let chat = Chat::channel(&anna, &[]).await;
    for stranger in [&clara, &dora] {
        for _ in 0..2 {
            let asked = chat.post(&anna, "/chats/members/add", stranger).await;
            assert_eq!(asked.ok(), json!({"ok": true, "status": "invited"}));
        }
        let (_, missed) = stranger.catch_up().await;
        assert_eq!(missed.len(), 1, "asked once: {missed:?}");
        assert_eq!(missed[0]["type"], "chat_invitation");
        assert_eq!(missed[0]["title"], "Choir practice");
        assert_eq!(missed[0]["chat_type"], "channel");
        stranger
            .get(&chat.path(""))
            .await
            .problem(ErrorCode::NotAMember);
        let waiting = stranger.get("/chats/invitations").await.ok();
        let entry = &waiting.list("invitations")[0];
        assert_shape(
            entry,
            "chat_id:number title:text type:text by:uid created_at:time",
        );
    }
    chat.ask(&clara, "/chats/invitations/accept", Value::Null)
        .await
        .ok();
    chat.ask(&dora, "/chats/invitations/decline", Value::Null)
        .await
        .ok();
    for stranger in [&clara, &dora] {
        let again = chat.ask(stranger, "/chats/invitations/accept", Value::Null);
        again.await.problem(ErrorCode::NotFound);
        let waiting = stranger.get("/chats/invitations").await.ok();
        assert_eq!(waiting["invitations"], json!([]));
    }
    assert_eq!(chat.members(&clara).await.len(), 2);
    // An invitation is taken back like a member.
    let emil = server.anonymous().join("Emil").await;
    chat.post(&anna, "/chats/members/add", &emil).await.ok();
    chat.post(&anna, "/chats/members/remove", &emil).await.ok();
    chat.ask(&emil, "/chats/invitations/accept", Value::Null)
        .await
        .problem(ErrorCode::NotFound);
}

#[tokio::test]
async fn requests_are_told_to_those_who_run_the_chat_and_answered_by_them() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let dora = server.anonymous().join("Dora").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    chat.set_role(&anna, &boris, "admin").await.ok();
    let set = json!({"by_request": true});
    anna.put(&chat.path(""), &set).await.ok();
    let code = chat.invite(&anna, json!({"max_uses": 2})).await;
    for stranger in [&clara, &dora] {
        for _ in 0..2 {
            let asked = join(stranger, &code).await.ok();
            assert_eq!(asked["status"], "requested");
        }
    }
    for leader in [&anna, &boris] {
        let (_, missed) = leader.catch_up().await;
        let asked = missed.iter().filter(|f| f["type"] == "join_request");
        let asked: Vec<&Value> = asked.map(|f| &f["user_id"]).collect();
        assert_eq!(asked, [&json!(clara.uid), &json!(dora.uid)]);
    }
    let waiting = boris.get(&chat.path("/requests")).await.ok();
    assert_eq!(waiting.list("requests").len(), 2);
    assert_shape(
        &waiting.list("requests")[0],
        "user_id:uid by:uid created_at:time",
    );
    chat.say(&clara, "am I in?")
        .await
        .problem(ErrorCode::NotAMember);
    chat.post(&boris, "/chats/requests/approve", &clara)
        .await
        .ok();
    chat.post(&anna, "/chats/requests/reject", &dora).await.ok();
    let again = chat.post(&anna, "/chats/requests/approve", &dora).await;
    again.problem(ErrorCode::NotFound);
    let (_, missed) = clara.catch_up().await;
    let joined = missed.iter().find(|f| f["type"] == "member_joined");
    assert_eq!(joined.unwrap()["how"], "request");
    assert_eq!(joined.unwrap()["by"], boris.uid);
    assert_eq!(chat.members(&clara).await.len(), 3);
    join(&dora, &code).await.problem(ErrorCode::InviteInvalid);
}

#[tokio::test]
async fn whoever_is_banned_comes_in_by_no_way() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let shown = chat.ask(&anna, "/chats/set_public", json!({"is_public": true}));
    let public = shown.await.ok().text("invite");
    let code = chat.invite(&anna, Value::Null).await;
    // One who waits for an answer, and one who is in.
    chat.post(&anna, "/chats/members/add", &clara).await.ok();
    for whom in [&boris, &clara] {
        chat.post(&anna, "/chats/bans/add", whom).await.ok();
        chat.post(&anna, "/chats/bans/add", whom).await.ok();
        for code in [&code, &public] {
            join(whom, code).await.problem(ErrorCode::Banned);
        }
        chat.post(&anna, "/chats/members/add", whom)
            .await
            .problem(ErrorCode::Banned);
        chat.ask(whom, "/chats/invitations/accept", Value::Null)
            .await
            .problem(ErrorCode::NotFound);
        chat.say(whom, "hello").await.problem(ErrorCode::NotAMember);
    }
    let (_, missed) = boris.catch_up().await;
    let told = missed.iter().find(|f| f["type"] == "chat_removed");
    assert_eq!(told.unwrap()["how"], "banned");
    let bans = anna.get(&chat.path("/bans?limit=1")).await.ok();
    assert_shape(&bans.list("bans")[0], "user_id:uid by:uid created_at:time");
    let after = format!("/bans?limit=1&after={}", bans.text("next"));
    let rest = anna.get(&chat.path(&after)).await.ok();
    assert_eq!(rest.list("bans").len(), 1);
    for whom in [&boris, &clara] {
        chat.post(&anna, "/chats/bans/remove", whom).await.ok();
        join(whom, &code).await.ok();
    }
    assert_eq!(chat.members(&anna).await.len(), 3);
}

#[tokio::test]
async fn a_chat_is_handed_on_and_its_new_owner_decides() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let chat = Chat::group(&anna, &[&boris]).await;
    let mut boriss = boris.settled().await;
    chat.post(&anna, "/chats/transfer", &boris).await.ok();
    let down = boriss.expect_frame("role_changed").await;
    assert_shape(
        &down,
        "user_id:uid role:text by:uid chat_id:number seq:number",
    );
    assert_eq!(
        (&down["user_id"], &down["role"]),
        (&json!(anna.uid), &json!("admin"))
    );
    let up = boriss.expect_frame("role_changed").await;
    assert_eq!(
        (&up["user_id"], &up["role"]),
        (&json!(boris.uid), &json!("owner"))
    );
    let told = boriss.expect_frame("chat_changed").await;
    assert_eq!(told["changes"], json!({"owner_id": boris.uid}));
    assert_eq!(chat.view(&anna).await["owner_id"], boris.uid);
    anna.delete(&chat.path(""))
        .await
        .problem(ErrorCode::Forbidden);
    chat.ask(&anna, "/chats/leave", Value::Null).await.ok();
    boris.delete(&chat.path("")).await.ok();
    boris
        .get(&chat.path(""))
        .await
        .problem(ErrorCode::NotAMember);
}

#[tokio::test]
async fn nobody_reads_on_after_a_removal_whatever_is_on_its_way() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    befriend(&anna, &clara).await;
    let mut boriss = boris.settled().await;
    let mut claras = clara.settled().await;
    let chat = Chat::group(&anna, &[&boris, &clara]).await;
    for socket in [&mut boriss, &mut claras] {
        socket.until("chat_added").await;
    }
    for round in 0..5 {
        // Boris writes as fast as he can, while Clara is taken out and comes back.
        let writer = boris.clone();
        let writing = tokio::spawn(async move {
            for n in 0..10 {
                chat.say(&writer, &format!("{round} {n}")).await.ok();
            }
        });
        chat.post(&anna, "/chats/members/remove", &clara).await.ok();
        writing.await.unwrap();
        let before = claras.until("chat_removed").await;
        let after = claras.barrier().await;
        let frames: Vec<&Value> = before.iter().chain(&after).collect();
        let mut of_chat = frames.iter().filter(|f| f["log"] == chat.log());
        let seqs: Vec<u64> = of_chat.clone().map(|f| f.number("seq")).collect();
        let last = of_chat.next_back().unwrap();
        assert_eq!(
            (&last["type"], &last["user_id"]),
            (&json!("member_left"), &json!(clara.uid)),
            "{round}: {frames:?}"
        );
        assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
        chat.post(&anna, "/chats/members/add", &clara).await.ok();
        let before = claras.until("member_joined").await;
        assert!(
            before.iter().all(|f| f["log"] != chat.log()),
            "{round}: {before:?}"
        );
        claras.barrier().await;
    }
}

#[tokio::test]
async fn keys_of_members_are_found_by_the_page_and_changes_are_told() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let chat = Chat::group(&anna, &[]).await;
    let code = chat.invite(&anna, Value::Null).await;
    for stranger in [&boris, &clara] {
        join(stranger, &code).await.ok();
    }
    let mut annas = anna.settled().await;
    let identity = keys::signing_key();
    let published = DeviceKeys::new(0, &identity);
    let body = published.publication(&boris);
    boris.post("/keys", &body).await.ok();
    let told = annas.expect_frame("keys_changed").await;
    assert_shape(
        &told,
        "user_id:uid version:number identity_changed:bool chat_id:number log:log seq:number",
    );
    assert_eq!(
        (&told["user_id"], &told["log"]),
        (&json!(boris.uid), &json!(chat.log()))
    );

    let mut found = Vec::new();
    let mut path = chat.path("/keys?limit=2");
    loop {
        let page = clara.get(&path).await.ok();
        found.extend(page.list("keys").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = chat.path(&format!("/keys?limit=2&after={next}"));
    }
    assert_eq!(found.len(), 3);
    for entry in &found {
        assert_shape(
            entry,
            "uid:uid identity_key:text? version:number devices:list",
        );
        let alone = clara
            .get(&format!("/keys/{}", entry.text("uid")))
            .await
            .ok();
        assert_eq!(alone, *entry, "co-members see each other's keys");
    }
    let boriss = found
        .iter()
        .find(|entry| entry["uid"] == boris.uid)
        .unwrap();
    assert_eq!(boriss.list("devices")[0]["kid"], published.kid());

    boris.delete(&format!("/keys/{}", boris.handle)).await.ok();
    let told = annas.expect_frame("keys_changed").await;
    assert_eq!(told["version"], 2);
    chat.ask(&clara, "/chats/leave", Value::Null).await.ok();
    let path = format!("/keys/{}", anna.uid);
    clara.get(&path).await.problem(ErrorCode::NotAContact);
}
