//! Requests that come to nothing, and contacts who part and meet again.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, Socket, assert_shape, befriend, unique};
use serde_json::{Value, json};

async fn end(device: &Device, how: &str, target: &str) -> melo_tests::Answer {
    let body = json!({"target_id": target, "csrf_token": device.csrf});
    device.post(&format!("/subscribe/{how}"), &body).await
}

/// What a device that was away is told about contacts, in order: `(type, user_id)`.
async fn told(device: &Device) -> Vec<(String, String)> {
    let (mut socket, missed) = device.catch_up().await;
    assert_eq!(missed, [Value::Null; 0], "{missed:?}");
    let mut notices = Vec::new();
    for kind in [
        "contact_requested",
        "contact_accepted",
        "contact_request_ended",
        "contact_removed",
        "block_changed",
    ] {
        notices.extend(socket.asides(kind));
    }
    notices.sort_by_key(|notice| notice.number("seq"));
    let pairs = notices.iter();
    let pairs = pairs.map(|notice| (notice.text("type"), notice.text("user_id")));
    pairs.collect()
}

#[tokio::test]
async fn both_lists_and_every_end_of_a_request() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let mut boriss = boris.online().await;
    anna.subscribe(&boris.uid, false).await.ok();
    let list = boris.get("/contacts/requests").await.ok();
    assert_shape(
        &list,
        "incoming:list outgoing:list incoming_total:number outgoing_total:number page:number per_page:number pages:number",
    );
    assert_eq!(list["outgoing"], json!([]));
    let request = &list.list("incoming")[0];
    assert_shape(
        request,
        "user_id:uid secret:bool created_at:time from_phone:text",
    );
    assert_eq!(request["from_phone"], anna.user.person.phone);
    let list = anna.get("/contacts/requests").await.ok();
    assert_shape(
        &list.list("outgoing")[0],
        "user_id:uid secret:bool created_at:time",
    );
    assert_eq!(list.list("outgoing")[0]["user_id"], boris.uid);

    let wrong = json!({"target_id": anna.uid, "csrf_token": "x"});
    for how in ["reject", "cancel"] {
        let answer = boris.post(&format!("/subscribe/{how}"), &wrong).await;
        answer.problem(ErrorCode::CsrfFailed);
        let answer = end(&boris, how, "abc").await;
        assert_eq!(answer.refused_fields(), ["target_id"]);
    }
    end(&anna, "reject", &boris.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    end(&boris, "cancel", &anna.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);

    // Taken back: both sides are told.
    boriss.expect_frame("subscription_request").await;
    let cancelled = end(&anna, "cancel", &boris.uid).await.ok();
    assert_eq!(cancelled, json!({"status": "cancelled"}));
    let frame = boriss.aside("contact_request_ended").await;
    assert_shape(
        &frame,
        "user_id:uid how:text by:uid log:log seq:number at:time",
    );
    assert_eq!(
        (&frame["user_id"], &frame["how"]),
        (&json!(anna.uid), &json!("cancelled"))
    );
    boris
        .confirm(&anna.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);

    // Refused: the one who asked is not told.
    anna.subscribe(&boris.uid, false).await.ok();
    boriss.expect_frame("subscription_request").await;
    let rejected = end(&boris, "reject", &anna.uid).await.ok();
    assert_eq!(rejected, json!({"status": "rejected"}));
    let frame = boriss.aside("contact_request_ended").await;
    assert_eq!(
        (&frame["how"], &frame["by"]),
        (&json!("rejected"), &json!(boris.uid))
    );
    let list = anna.get("/contacts/requests").await.ok();
    assert_eq!(list["outgoing_total"], 1);
    anna.subscribe(&boris.uid, false)
        .await
        .problem(ErrorCode::AlreadySubscribed);
    let uid = &boris.uid;
    let asked = ("contact_requested".to_owned(), uid.clone());
    let ended = ("contact_request_ended".to_owned(), uid.clone());
    assert_eq!(told(&anna).await, [asked.clone(), ended, asked]);
}

#[tokio::test]
async fn who_part_keep_the_conversation_and_go_on_in_it() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut boriss = boris.settled().await;
    let data = json!("before");
    anna.post_message(&boris.uid, &data, unique::client_id())
        .await
        .ok();
    boriss.deliveries(1).await;

    anna.delete("/contacts/abc")
        .await
        .problem(ErrorCode::ValidationFailed);
    let removed = anna.delete(&format!("/contacts/{}", boris.uid)).await.ok();
    assert_eq!(removed, json!({"status": "removed"}));
    anna.delete(&format!("/contacts/{}", boris.uid))
        .await
        .problem(ErrorCode::NotFound);
    let frame = boriss.aside("contact_removed").await;
    assert_shape(
        &frame,
        "user_id:uid chat_log:log log:log seq:number at:time",
    );
    assert_eq!(
        (frame.text("user_id"), frame.text("chat_log")),
        (anna.uid.clone(), log.clone())
    );
    for (one, other) in [(&anna, &boris), (&boris, &anna)] {
        one.cannot_write_to(&other.uid, ErrorCode::NotAContact)
            .await;
        let page = one
            .get(&format!("/messages/history/dm/{}", other.uid))
            .await
            .ok();
        assert_eq!(
            (page["total"].as_u64(), page.text("log")),
            (Some(1), log.clone())
        );
        one.get(&format!("/profile?user_id={}", other.uid))
            .await
            .problem(ErrorCode::NotAContact);
    }
    assert_eq!(befriend(&boris, &anna).await, log);
    let data = json!("after");
    anna.post_message(&boris.uid, &data, unique::client_id())
        .await
        .ok();
    boriss.expect_frame("subscription_confirmed").await;
    assert_eq!(boriss.deliveries(1).await[0]["seq"], 2);
}

#[tokio::test]
async fn ones_other_devices_learn_of_everything_in_order() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let laptop = anna.user.login_new().await;
    drop(laptop.online().await);
    befriend(&anna, &boris).await;
    clara.subscribe(&anna.uid, true).await.ok();
    anna.confirm(&clara.uid).await.ok();
    anna.post("/blocks", &json!({"user_id": boris.uid}))
        .await
        .ok();
    anna.delete(&format!("/blocks/{}", boris.uid)).await.ok();
    anna.delete(&format!("/contacts/{}", clara.uid)).await.ok();
    let (mut socket, missed) = laptop.catch_up().await;
    let kinds: Vec<String> = missed.iter().map(|frame| frame.text("type")).collect();
    assert_eq!(kinds, ["subscription_confirmed", "subscription_request"]);
    let expected = [
        ("contact_requested", &boris),
        ("contact_accepted", &clara),
        ("block_changed", &boris),
        ("block_changed", &boris),
        ("contact_removed", &clara),
    ];
    let mut last = 0;
    for (kind, of) in expected {
        let frame = take(&mut socket, kind).await;
        assert_eq!(frame["user_id"], of.uid, "{frame}");
        assert!(frame.number("seq") > last, "{frame}");
        last = frame.number("seq");
    }
}

async fn take(socket: &mut Socket, kind: &str) -> Value {
    socket.aside(kind).await
}

#[tokio::test]
async fn of_twenty_answers_of_every_kind_at_once_one_is_the_outcome() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    anna.subscribe(&boris.uid, false).await.ok();
    let racing: Vec<_> = (0..20)
        .map(|n| {
            let (boris, anna) = (boris.clone(), anna.clone());
            tokio::spawn(async move {
                match n % 3 {
                    0 => ("confirm", boris.confirm(&anna.uid).await),
                    1 => ("reject", end(&boris, "reject", &anna.uid).await),
                    _ => ("cancel", end(&anna, "cancel", &boris.uid).await),
                }
            })
        })
        .collect();
    let mut done = Vec::new();
    for answer in racing {
        let (what, answer) = answer.await.unwrap();
        if answer.status == 200 {
            done.push(what);
        } else {
            answer.problem(ErrorCode::NoPendingRequest);
        }
    }
    done.sort_unstable();
    // Who asked does not know of a refusal, and may take the request back after it.
    let outcomes: [&[&str]; 4] = [
        &["confirm"],
        &["reject"],
        &["cancel"],
        &["cancel", "reject"],
    ];
    assert!(outcomes.contains(&done.as_slice()), "{done:?}");
    let contacts = boris.get("/contacts").await.ok().number("total");
    assert_eq!(contacts, u64::from(done == ["confirm"]));
}
