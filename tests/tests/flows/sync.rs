//! What a new device begins with.

use melo_tests::{Fields, Server, assert_shape, befriend};
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_device_sees_how_all_logs_stand() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let with_boris = befriend(&boris, &anna).await;
    let with_clara = befriend(&clara, &anna).await;
    let mut boriss = boris.settled().await;
    for n in 1..=3 {
        boriss.say(&anna.uid, &json!(n.to_string())).await;
    }
    let mut annas = anna.settled().await;
    let own = annas.say(&boris.uid, &json!("own")).await;
    annas.barrier().await;
    let read = json!({"read": {&with_boris: 2}});
    anna.post("/events/ack", &read).await.ok();

    let page = anna.get("/sync").await.ok();
    assert_shape(
        &page,
        "logs:list private_log:log next:null server_time:time",
    );
    let logs = page.list("logs");
    assert_eq!(logs.len(), 3);
    let of = |log: &str| logs.iter().find(|l| l["log"] == log).unwrap();
    assert_eq!(
        *of(&with_boris),
        json!({"log": with_boris, "kind": "direct", "peer": boris.uid, "last_seq": 4, "first_seq": 1,
            "delivered": 4, "read": 2, "unread": 1,
            "last_event": {"seq": 4, "at": own["at"], "kind": "message", "from": anna.uid}})
    );
    assert_eq!(
        *of(&with_clara),
        json!({"log": with_clara, "kind": "direct", "peer": clara.uid, "last_seq": 0, "first_seq": 1,
            "delivered": 0, "read": 0, "unread": 0})
    );
    let private = of(&page.text("private_log"));
    assert_eq!(private["kind"], "private");
    assert!(private.number("last_seq") >= 2);
    assert_eq!(private["last_event"]["seq"], private["last_seq"]);
    assert_shape(
        &private["last_event"],
        "seq:number at:time kind:text from:uid",
    );

    // A new device begins at the end.
    let tablet = anna.user.login_new().await;
    let seen = tablet.get("/sync").await.ok();
    let of_boris = seen.list("logs").iter();
    let of_boris = of_boris.filter(|l| l["log"] == with_boris);
    assert_eq!(of_boris.map(|l| l.number("unread")).sum::<u64>(), 0);

    // Page by page.
    let (mut paged, mut after) = (Vec::<Value>::new(), String::new());
    loop {
        let page = anna.get(&format!("/sync?limit=1{after}")).await.ok();
        assert_eq!(page.list("logs").len(), 1);
        paged.extend(page.list("logs").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let key = |list: &[Value]| {
        let mut logs: Vec<String> = list.iter().map(|l| l.text("log")).collect();
        logs.sort();
        logs
    };
    assert_eq!(key(&paged), key(page.list("logs")));
    let bad = anna.get("/sync?after=nonsense").await;
    assert_eq!(bad.refused_fields(), ["after"]);
}
