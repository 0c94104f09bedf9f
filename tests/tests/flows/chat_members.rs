//! Who is in a chat, and as what.

use melo_protocol::ErrorCode;
use melo_tests::{Chat, Fields, Server, assert_shape, befriend, join};
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
