//! Finding people, what they see of each other, and keeping them away.

use melo_protocol::ErrorCode;
use melo_tests::{Device, Fields, Server, assert_shape, befriend, unique};
use serde_json::{Value, json};

async fn states(socket: &mut melo_tests::Socket) -> Value {
    socket.send(&json!({"type": "ping"})).await;
    loop {
        let frame = socket.frame().await;
        if frame["type"] == "pong" {
            return frame["contacts_status"].clone();
        }
    }
}

async fn found(device: &Device, username: &str) -> Vec<Value> {
    let answer = device
        .get(&format!("/users/search?username={username}"))
        .await;
    answer.ok().list("users").clone()
}

#[tokio::test]
async fn a_username_is_found_whole_in_any_case_by_whom_it_may() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let stranger = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    anna.put("/profile", &json!({"username": "Anna_K"}))
        .await
        .ok();

    let seen = found(&stranger, "aNNa_k").await;
    assert_eq!(seen, [json!({"unique_id": anna.uid, "username": "Anna_K"})]);
    let seen = found(&boris, "anna_k").await;
    assert_eq!(seen[0]["nickname"], "anna");
    for nobody in ["anna", "anna_", "anna_k2"] {
        assert!(found(&boris, nobody).await.is_empty(), "{nobody}");
    }
    for bad in ["", "an", "anna%20k", "%D0%B0%D0%BD%D0%BD%D0%B0"] {
        let answer = boris.get(&format!("/users/search?username={bad}")).await;
        assert_eq!(answer.refused_fields(), ["username"], "{bad}");
    }
    anna.put("/privacy", &json!({"username_search": "contacts"}))
        .await
        .ok();
    assert!(found(&stranger, "anna_k").await.is_empty());
    assert_eq!(found(&boris, "anna_k").await.len(), 1);
    anna.put("/profile", &json!({"username": ""})).await.ok();
    assert!(found(&boris, "anna_k").await.is_empty(), "given up");
    let nobody = server
        .anonymous()
        .get("/users/search?username=anna_k")
        .await;
    nobody.problem(ErrorCode::InvalidToken);
}

#[tokio::test]
async fn searching_is_limited() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let mut limited = None;
    for n in 0..400 {
        let answer = anna.get(&format!("/users/search?username=guess_{n}")).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        answer.ok();
    }
    limited.expect("a limit").problem(ErrorCode::RateLimited);
}

#[tokio::test]
async fn switches_are_read_set_one_by_one_and_checked() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let defaults = json!({
        "last_seen": "contacts", "online": "contacts", "avatar": "contacts", "phone": "everyone",
        "username_search": "everyone", "read_receipts": true, "typing": true,
    });
    assert_eq!(anna.get("/privacy").await.ok(), defaults);
    let update = json!({"last_seen": "nobody", "typing": false});
    let mut expected = defaults.clone();
    expected["last_seen"] = json!("nobody");
    expected["typing"] = json!(false);
    assert_eq!(anna.put("/privacy", &update).await.ok(), expected);
    assert_eq!(anna.put("/privacy", &json!({})).await.ok(), expected);
    let bad = json!({"online": "friends", "phone": "", "avatar": "nobody"});
    let refused = anna.put("/privacy", &bad).await.refused_fields();
    assert_eq!(refused, ["online", "phone"]);
    let answer = anna.put("/privacy", &json!({"typing": "no"})).await;
    answer.problem(ErrorCode::Malformed);
    assert_eq!(anna.get("/privacy").await.ok(), expected, "all or nothing");
    let other = server.anonymous().join("Boris").await;
    assert_eq!(other.get("/privacy").await.ok(), defaults, "each their own");
}

#[tokio::test]
async fn who_hides_being_online_reads_like_somebody_who_is_away() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;
    let _annas = anna.settled().await;
    let mut boriss = boris.settled().await;
    assert_eq!(states(&mut boriss).await[&anna.uid]["status"], "online");
    anna.put("/privacy", &json!({"online": "nobody"}))
        .await
        .ok();
    assert_eq!(states(&mut boriss).await[&anna.uid]["status"], "inactive");
    anna.put("/privacy", &json!({"online": "everyone"}))
        .await
        .ok();
    assert_eq!(states(&mut boriss).await[&anna.uid]["status"], "online");
}

#[tokio::test]
async fn who_does_not_tell_what_they_read_is_not_told_either() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    boris
        .put("/privacy", &json!({"read_receipts": false}))
        .await
        .ok();
    let mut seq = 0;
    for (from_anna, read_is_told) in [(true, false), (false, false)] {
        let (from, to, target) = if from_anna {
            (&mut annas, &mut boriss, &boris.uid)
        } else {
            (&mut boriss, &mut annas, &anna.uid)
        };
        from.say(target, &json!("text")).await;
        seq += 1;
        let message = to.expect_frame("relay_delivery").await.text("message_id");
        to.send(&json!({"type": "ack_read", "message_id": message}))
            .await;
        to.barrier().await;
        from.barrier().await;
        let told = from.receipts();
        assert!(told.iter().any(|r| r["status"] == "delivered"), "{told:?}");
        assert_eq!(
            told.iter().any(|r| r["status"] == "read"),
            read_is_told,
            "{told:?}"
        );
    }
    boris
        .put("/privacy", &json!({"read_receipts": true}))
        .await
        .ok();
    annas.say(&boris.uid, &json!("text")).await;
    let message = boriss.expect_frame("relay_delivery").await;
    assert_eq!(message["seq"], seq + 1);
    boriss
        .send(&json!({"type": "ack_read", "message_id": message["message_id"]}))
        .await;
    let told = loop {
        let receipt = annas.receipt().await;
        if receipt["status"] == "read" {
            break receipt;
        }
    };
    assert_eq!((&told["log"], &told["seq"]), (&json!(log), &json!(seq + 1)));
}

#[tokio::test]
async fn a_phone_goes_no_further_than_its_owner_says() {
    let server = Server::start().await;
    for (audience, with_request, with_acceptance) in [
        ("everyone", true, true),
        ("contacts", false, true),
        ("nobody", false, false),
    ] {
        let anna = server.anonymous().join("Anna").await;
        let boris = server.anonymous().join("Boris").await;
        for device in [&anna, &boris] {
            device
                .put("/privacy", &json!({"phone": audience}))
                .await
                .ok();
        }
        let (mut annas, mut boriss) = (anna.online().await, boris.online().await);
        befriend(&anna, &boris).await;
        let asked = boriss.expect_frame("subscription_request").await;
        assert_eq!(asked["from_phone"].is_string(), with_request, "{audience}");
        let told = annas.expect_frame("subscription_confirmed").await;
        assert_eq!(
            told["from_phone"].is_string(),
            with_acceptance,
            "{audience}"
        );
    }
}

#[tokio::test]
async fn a_block_stands_between_two_at_once_and_in_both_directions() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let stranger = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    annas.say(&boris.uid, &json!("before")).await;
    boriss.deliveries(1).await;
    boriss.say(&anna.uid, &json!("before")).await;
    annas.deliveries(1).await;

    let body = json!({"user_id": boris.uid});
    assert_eq!(
        anna.post("/blocks", &body).await.ok(),
        json!({"status": "blocked"})
    );
    assert_eq!(
        anna.post("/blocks", &body).await.ok(),
        json!({"status": "blocked"})
    );
    annas.relay(&boris.uid, &json!("after")).await;
    annas.expect_error("blocked").await;
    anna.cannot_write_to(&boris.uid, ErrorCode::Blocked).await;
    boriss.relay(&anna.uid, &json!("after")).await;
    let refused = boriss.expect_error("not_a_contact").await;
    boriss.relay(&stranger.uid, &json!("after")).await;
    let never = boriss.expect_error("not_a_contact").await;
    assert_eq!(
        refused["detail"], never["detail"],
        "they cannot be told apart"
    );
    boris
        .cannot_write_to(&anna.uid, ErrorCode::NotAContact)
        .await;
    assert!(annas.barrier().await.is_empty());
    assert_eq!(states(&mut boriss).await[&anna.uid]["status"], "inactive");
    assert_eq!(states(&mut annas).await[&boris.uid]["status"], "inactive");
    let profile = format!("/profile?user_id={}", anna.uid);
    boris.get(&profile).await.problem(ErrorCode::NotAContact);
    let history = format!("/messages/history/dm/{}", anna.uid);
    assert_eq!(boris.get(&history).await.ok()["total"], 2, "theirs to read");

    let page = anna.get("/blocks").await.ok();
    assert_shape(
        &page,
        "blocks:list page:number per_page:number total:number pages:number",
    );
    assert_shape(&page["blocks"][0], "user_id:uid created_at:time");
    assert_eq!(
        (&page["blocks"][0]["user_id"], &page["total"]),
        (&json!(boris.uid), &json!(1))
    );
    assert_eq!(boris.get("/blocks").await.ok()["total"], 0, "nobody else's");

    let path = format!("/blocks/{}", boris.uid);
    assert_eq!(
        anna.delete(&path).await.ok(),
        json!({"status": "unblocked"})
    );
    anna.delete(&path).await.problem(ErrorCode::NotFound);
    boriss.say(&anna.uid, &json!("again")).await;
    annas.deliveries(1).await;
    boris.get(&profile).await.ok();
}

#[tokio::test]
async fn blocks_that_cannot_be() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let own = anna.post("/blocks", &json!({"user_id": anna.uid})).await;
    own.problem(ErrorCode::SelfTarget);
    let unknown = anna.post("/blocks", &json!({"user_id": "99999999"})).await;
    unknown.problem(ErrorCode::UserNotFound);
    let malformed = anna.post("/blocks", &json!({"user_id": "boris"})).await;
    assert_eq!(malformed.refused_fields(), ["user_id"]);
    let missing = anna.post("/blocks", &json!({})).await;
    assert_eq!(missing.refused_fields(), ["user_id"]);
    assert_eq!(anna.delete("/blocks/x").await.refused_fields(), ["uid"]);
    anna.delete("/blocks/99999999")
        .await
        .problem(ErrorCode::NotFound);
    server
        .anonymous()
        .get("/blocks")
        .await
        .problem(ErrorCode::InvalidToken);
}

#[tokio::test]
async fn a_request_of_who_was_blocked_is_answered_as_usual_and_reaches_nobody() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    anna.post("/blocks", &json!({"user_id": boris.uid}))
        .await
        .ok();
    let mut annas = anna.online().await;
    let asked = boris.subscribe(&anna.uid, false).await.ok();
    assert_eq!(asked, json!({"status": "subscription_requested"}));
    let again = boris.subscribe(&anna.uid, false).await;
    again.problem(ErrorCode::AlreadySubscribed);
    assert!(annas.barrier().await.is_empty());
    anna.confirm(&boris.uid).await.problem(ErrorCode::Blocked);
    anna.subscribe(&boris.uid, false)
        .await
        .problem(ErrorCode::Blocked);

    anna.delete(&format!("/blocks/{}", boris.uid)).await.ok();
    let told = annas.expect_frame("subscription_request").await;
    assert_eq!(told["from_id"], boris.uid);
    anna.confirm(&boris.uid).await.ok();
    let sent = boris
        .post_message(&anna.uid, &json!("text"), unique::client_id())
        .await;
    sent.ok();
    annas.deliveries(1).await;
}
