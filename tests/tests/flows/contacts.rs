//! Becoming contacts.

use melo_protocol::ErrorCode;
use melo_tests::{Fields, Server, assert_shape, befriend};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_and_its_acceptance_reach_the_other_at_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let second = boris.user.login_new().await;
    let mut annas = anna.online().await;
    let (mut boriss, mut seconds) = (boris.online().await, second.online().await);

    let asked = anna.subscribe(&boris.uid, false).await.ok();
    assert_eq!(asked, json!({"status": "subscription_requested"}));
    for socket in [&mut boriss, &mut seconds] {
        let frame = socket.expect_frame("subscription_request").await;
        assert_shape(
            &frame,
            "from_id:uid from_phone:text secret:bool log:log seq:number at:time",
        );
        assert_eq!(frame["from_id"], anna.uid);
        assert_eq!(frame["from_phone"], anna.user.person.phone);
        // The first notice told of the second device.
        assert_eq!(
            (&frame["secret"], &frame["seq"]),
            (&json!(false), &json!(2))
        );
    }

    let confirmed = boris.confirm(&anna.uid).await.ok();
    assert_eq!(confirmed, json!({"status": "confirmed"}));
    let frame = annas.expect_frame("subscription_confirmed").await;
    assert_shape(
        &frame,
        "from_id:uid from_phone:text chat_log:log log:log seq:number at:time",
    );
    assert_eq!(frame["from_id"], boris.uid);
    assert_eq!(frame["from_phone"], boris.user.person.phone);
    assert_eq!(frame["chat_log"], anna.log_with(&boris.uid).await);
    assert_eq!(
        anna.log_with(&boris.uid).await,
        boris.log_with(&anna.uid).await
    );
    for socket in [&mut annas, &mut boriss, &mut seconds] {
        assert_eq!(socket.barrier().await, [Value::Null; 0], "and nothing else");
    }
}

#[tokio::test]
async fn a_device_that_was_away_learns_of_both_later() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    befriend(&anna, &boris).await;

    let (_socket, missed) = boris.catch_up().await;
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0]["type"], "subscription_request");
    assert_eq!(missed[0]["from_id"], anna.uid);

    let (mut socket, missed) = anna.catch_up().await;
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0]["type"], "subscription_confirmed");
    socket
        .ack(&missed[0].text("log"), missed[0].number("seq"))
        .await;
    assert!(socket.barrier().await.is_empty());
    drop(socket);
    anna.online().await;
}

#[tokio::test]
async fn a_secret_request_shows_no_phone_to_either() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let (mut annas, mut boriss) = (anna.online().await, boris.online().await);
    anna.subscribe(&boris.uid, true).await.ok();
    let frame = boriss.expect_frame("subscription_request").await;
    assert_eq!(
        (&frame["from_phone"], &frame["secret"]),
        (&Value::Null, &json!(true))
    );
    boris.confirm(&anna.uid).await.ok();
    let frame = annas.expect_frame("subscription_confirmed").await;
    assert_eq!(frame["from_phone"], Value::Null);
}

#[tokio::test]
async fn requests_that_cannot_be() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;

    anna.subscribe(&anna.uid, false)
        .await
        .problem(ErrorCode::SelfTarget);
    anna.subscribe("99999999", false)
        .await
        .problem(ErrorCode::UserNotFound);
    for bad in ["", "abc", "1234567", "00000001", "123456789"] {
        assert_eq!(
            anna.subscribe(bad, false).await.refused_fields(),
            ["target_id"],
            "{bad}"
        );
    }
    anna.confirm(&boris.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    anna.confirm(&anna.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    anna.confirm("99999999")
        .await
        .problem(ErrorCode::NoPendingRequest);

    anna.subscribe(&boris.uid, false).await.ok();
    anna.subscribe(&boris.uid, true)
        .await
        .problem(ErrorCode::AlreadySubscribed);
    // Nobody confirms their own request, or somebody else's.
    anna.confirm(&boris.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    clara
        .confirm(&anna.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    assert_eq!(
        anna.get("/contacts").await.ok()["total"],
        0,
        "asking is not being"
    );

    boris.confirm(&anna.uid).await.ok();
    boris
        .confirm(&anna.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    anna.subscribe(&boris.uid, false)
        .await
        .problem(ErrorCode::AlreadySubscribed);
    boris
        .subscribe(&anna.uid, false)
        .await
        .problem(ErrorCode::AlreadySubscribed);
}

#[tokio::test]
async fn two_who_ask_each_other_are_contacts_once() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    anna.subscribe(&boris.uid, false).await.ok();
    boris.subscribe(&anna.uid, false).await.ok();
    boris.confirm(&anna.uid).await.ok();
    anna.confirm(&boris.uid)
        .await
        .problem(ErrorCode::NoPendingRequest);
    assert_eq!(
        anna.log_with(&boris.uid).await,
        boris.log_with(&anna.uid).await
    );
    let page = anna.get("/contacts").await.ok();
    assert_eq!((page.number("total"), page.list("contacts").len()), (1, 1));
}

#[tokio::test]
async fn of_twenty_acceptances_at_once_one_wins() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    anna.subscribe(&boris.uid, false).await.ok();
    let mut annas = anna.online().await;

    let racing: Vec<_> = (0..20)
        .map(|_| {
            let (boris, anna) = (boris.clone(), anna.uid.clone());
            tokio::spawn(async move { boris.confirm(&anna).await })
        })
        .collect();
    let mut won = 0;
    for answer in racing {
        let answer = answer.await.unwrap();
        if answer.status == 200 {
            won += 1;
        } else {
            answer.problem(ErrorCode::NoPendingRequest);
        }
    }
    assert_eq!(won, 1);
    annas.expect_frame("subscription_confirmed").await;
    assert_eq!(annas.barrier().await, [Value::Null; 0], "told once");
    assert_eq!(boris.get("/contacts").await.ok()["total"], 1);
}

#[tokio::test]
async fn contacts_are_listed_by_the_page() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let empty = anna.get("/contacts").await.ok();
    assert_eq!(
        empty,
        json!({"contacts": [], "page": 1, "per_page": 20, "total": 0, "pages": 0})
    );

    let mut names = Vec::new();
    for n in 0..5 {
        let friend = server.anonymous().join(&format!("Friend {n}")).await;
        befriend(&friend, &anna).await;
        names.push((friend.uid.clone(), format!("friend {n}")));
    }
    names.sort();
    let mut found = Vec::new();
    for page in 1..=3 {
        let answer = anna
            .get(&format!("/contacts?page={page}&per_page=2"))
            .await
            .ok();
        assert_shape(
            &answer,
            "contacts:list page:number per_page:number total:number pages:number",
        );
        assert_eq!(
            (answer.number("page"), answer.number("per_page")),
            (page, 2)
        );
        assert_eq!((answer.number("total"), answer.number("pages")), (5, 3));
        assert_eq!(answer.list("contacts").len(), if page < 3 { 2 } else { 1 });
        for contact in answer.list("contacts") {
            assert_shape(
                contact,
                "unique_id:uid nickname:text public_e2e_key:pem log:log",
            );
            found.push((contact.text("unique_id"), contact.text("nickname")));
        }
    }
    found.sort();
    assert_eq!(found, names);

    // Bounds, not errors.
    for (query, page, per_page, count) in [
        ("page=4&per_page=2", 4, 2, 0),
        ("page=0&per_page=0", 1, 1, 1),
        ("per_page=4000000000", 1, 100, 5),
        ("page=4294967295&per_page=100", 4_294_967_295, 100, 0),
    ] {
        let answer = anna.get(&format!("/contacts?{query}")).await.ok();
        assert_eq!(
            (answer.number("page"), answer.number("per_page")),
            (page, per_page),
            "{query}"
        );
        assert_eq!(answer.list("contacts").len(), count, "{query}");
    }
    for query in ["page=-1", "page=x", "per_page=1.5", "page=4294967296"] {
        anna.get(&format!("/contacts?{query}"))
            .await
            .problem(ErrorCode::Malformed);
    }
}

#[tokio::test]
async fn a_contact_sees_the_profile_but_not_the_phone() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let path = format!("/profile?user_id={}", anna.uid);
    boris.get(&path).await.problem(ErrorCode::NotAContact);
    anna.subscribe(&boris.uid, false).await.ok();
    boris.get(&path).await.problem(ErrorCode::NotAContact);
    boris.confirm(&anna.uid).await.ok();
    let seen = boris.get(&path).await.ok();
    assert_shape(
        &seen,
        "csrf_token:text unique_id:uid name:text nickname:text public_e2e_key:pem",
    );
    assert_eq!(seen["name"], "Anna");
    assert_eq!(seen.get("phone"), None);
    // The csrf_token is the caller's.
    let clara = server.anonymous().join("Clara").await;
    let body = json!({"target_id": clara.uid, "csrf_token": seen["csrf_token"]});
    boris
        .call(Method::POST, "/subscribe")
        .json(&body)
        .send()
        .await
        .ok();
}

#[tokio::test]
async fn a_pong_tells_which_contacts_are_there() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    befriend(&anna, &boris).await;
    anna.subscribe(&clara.uid, false).await.ok();
    let mut annas = anna.settled().await;
    let boriss = boris.settled().await;
    let _claras = clara.settled().await;

    annas.send(&json!({"type": "ping"})).await;
    let pong = annas.expect_frame("pong").await;
    assert_shape(
        &pong,
        "contacts_status:object server_version:text timestamp:time",
    );
    let only_boris =
        |status: &str| json!({ boris.uid.clone(): {"status": status, "typing": false} });
    assert_eq!(pong["contacts_status"], only_boris("online"));
    boriss.close().await;
    annas.send(&json!({"type": "ping"})).await;
    let pong = annas.expect_frame("pong").await;
    let left = pong["contacts_status"][&boris.uid].text("status");
    assert!(left.starts_with("was at 20"), "{left}");
    boris
        .put("/privacy", &json!({"last_seen": "nobody"}))
        .await
        .ok();
    annas.send(&json!({"type": "ping"})).await;
    let pong = annas.expect_frame("pong").await;
    assert_eq!(pong["contacts_status"], only_boris("inactive"));
}
