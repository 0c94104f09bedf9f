//! Being away and coming back.

use std::collections::BTreeMap;

use melo_tests::unique::Dice;
use melo_tests::{Fields, Server, assert_shape, befriend, socket};
use serde_json::{Value, json};

fn seqs(frames: &[Value]) -> Vec<u64> {
    frames.iter().map(|f| f.number("seq")).collect()
}

#[tokio::test]
async fn what_was_missed_comes_in_order_and_then_synced() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let clara = server.anonymous().join("Clara").await;
    let with_anna = befriend(&anna, &boris).await;
    let with_clara = befriend(&clara, &boris).await;
    let mut annas = anna.settled().await;
    let mut claras = clara.settled().await;
    // More than one page of the log.
    for n in 1..=230 {
        annas.relay(&boris.uid, &json!(format!("a{n}"))).await;
    }
    for _ in 1..=230 {
        annas.expect_frame("msg_status").await;
    }
    for n in 1..=3 {
        claras.say(&boris.uid, &json!(format!("c{n}"))).await;
    }

    let mut boriss = boris.connect().await;
    let mut frames = Vec::new();
    let synced = loop {
        let frame = boriss.frame().await;
        if frame["type"] == "synced" {
            break frame;
        }
        frames.push(frame);
    };
    let of = |log: &str| -> Vec<u64> {
        let of_log: Vec<Value> = frames.iter().filter(|f| f["log"] == log).cloned().collect();
        seqs(&of_log)
    };
    assert_eq!(of(&with_anna), (1..=230).collect::<Vec<_>>());
    assert_eq!(of(&with_clara), [1, 2, 3]);
    let requests = frames
        .iter()
        .filter(|f| f["type"] == "subscription_request");
    assert_eq!(requests.count(), 2);
    assert_eq!(frames.len(), 235);
    assert_shape(&synced, "cursors:object");
    assert_eq!(synced["cursors"][&with_anna], 230);
    assert_eq!(synced["cursors"][&with_clara], 3);
    assert_eq!(
        synced["cursors"].as_object().unwrap().len(),
        3,
        "and the private log"
    );
}

#[tokio::test]
async fn a_client_may_say_where_it_is() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let (mut annas, mut boriss) = (anna.settled().await, boris.settled().await);
    for n in 1..=5 {
        annas.say(&boris.uid, &json!(n.to_string())).await;
        boriss.expect_frame("relay_delivery").await;
    }
    boriss.ack(&log, 5).await;
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);

    // Back, though acknowledged: at any time, as often as one likes.
    for from in [2, 0, 4, 5, 0] {
        boriss.resume(&BTreeMap::from([(log.clone(), from)])).await;
        assert_eq!(
            seqs(&boriss.until("synced").await),
            (from + 1..=5).collect::<Vec<_>>()
        );
    }
    // A position that does not exist yet is the end.
    boriss
        .resume(&BTreeMap::from([(log.clone(), 1_000_000)]))
        .await;
    assert_eq!(seqs(&boriss.until("synced").await), [0; 0]);
    annas.say(&boris.uid, &json!("6")).await;
    assert_eq!(boriss.expect_frame("relay_delivery").await["seq"], 6);
    // No positions at all: nothing to repeat.
    boriss.resume(&BTreeMap::new()).await;
    assert_eq!(boriss.until("synced").await, [Value::Null; 0]);

    // Own messages come back as their answers, so that a lost `queued` is made up for.
    let queued = boriss.say(&anna.uid, &json!("7")).await;
    boriss.resume(&BTreeMap::from([(log.clone(), 6)])).await;
    let replayed = boriss.until("synced").await;
    assert_eq!(replayed, [queued]);
}

#[tokio::test]
async fn with_resume_announced_nothing_comes_before_it() {
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    for n in 1..=3 {
        annas.say(&boris.uid, &json!(n.to_string())).await;
    }
    let open = async |site| {
        let mut request = socket::request(site, "/?resume=1");
        socket::bear(&mut request, &boris.token);
        melo_tests::Socket::handshake(site, request).await.unwrap()
    };
    let mut boriss = open(boris.site()).await;
    assert_eq!(
        boriss.barrier().await,
        [Value::Null; 0],
        "waits for the positions"
    );
    boriss.resume(&BTreeMap::from([(log.clone(), 2)])).await;
    let frames = boriss.until("synced").await;
    let messages: Vec<_> = frames
        .iter()
        .filter(|f| f["type"] == "relay_delivery")
        .collect();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["seq"], 3);
    for frame in &frames {
        boriss.ack(&frame.text("log"), frame.number("seq")).await;
    }
    boriss.barrier().await;
    boriss.close().await;

    // What happens between connecting and `resume` is not forgotten, in logs that it does not name either.
    let mut boriss = open(boris.site()).await;
    annas.say(&boris.uid, &json!("4")).await;
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
    boriss.resume(&BTreeMap::new()).await;
    let mut frames = boriss.until("synced").await;
    if frames.is_empty() {
        // It came to this connection only now.
        frames = boriss.deliveries(1).await;
    }
    assert_eq!(seqs(&frames), [4]);
    assert_eq!(boriss.barrier().await, [Value::Null; 0]);
}

#[tokio::test]
async fn reconnecting_in_the_middle_of_a_burst_loses_and_repeats_nothing() {
    const MESSAGES: u64 = 600;
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    boris.settled().await.close().await;

    let sending = tokio::spawn({
        let target = boris.uid.clone();
        async move {
            for n in 1..=MESSAGES {
                annas.relay(&target, &json!(n.to_string())).await;
                if n % 32 == 0 {
                    for _ in 0..32 {
                        annas.expect_frame("msg_status").await;
                    }
                }
            }
            annas
        }
    });
    let mut dice = Dice::new(7);
    let mut received: Vec<Value> = Vec::new();
    let mut connections = 0;
    while received.len() < usize::try_from(MESSAGES).unwrap() {
        connections += 1;
        let mut boriss = boris.connect().await;
        boriss
            .resume(&BTreeMap::from([(log.clone(), received.len() as u64)]))
            .await;
        // The server may have begun at the stored position before it read `resume`: what follows `synced`
        // for the second time begins where we said.
        let mut synced = 0;
        let stay = dice.roll(10..120);
        let mut taken = 0;
        while taken < stay && received.len() < usize::try_from(MESSAGES).unwrap() {
            let frame = boriss.frame().await;
            match frame.text("type").as_str() {
                "synced" => synced += 1,
                "relay_delivery" => {
                    let seq = frame.number("seq");
                    let next = received.len() as u64 + 1;
                    assert!(seq <= next, "a gap: {seq} after {}", next - 1);
                    if seq == next {
                        received.push(frame);
                        taken += 1;
                    } else {
                        assert_eq!(
                            received[usize::try_from(seq).unwrap() - 1],
                            frame,
                            "the same again"
                        );
                        assert!(synced < 2, "repeated though we said where we are");
                    }
                }
                other => panic!("{other}"),
            }
        }
        if connections % 2 == 0 {
            boriss.close().await;
        }
    }
    sending.await.unwrap();
    assert!(connections > 4, "{connections}");
    let texts: Vec<String> = received.iter().map(|f| f.text("payload")).collect();
    assert_eq!(
        texts,
        (1..=MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_client_that_trusts_its_acknowledgements_sees_everything_once() {
    const MESSAGES: u64 = 400;
    let server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut annas = anna.settled().await;
    boris.settled().await.close().await;
    let sending = tokio::spawn({
        let target = boris.uid.clone();
        async move {
            for n in 1..=MESSAGES {
                annas.say(&target, &json!(n.to_string())).await;
            }
            annas
        }
    });
    let mut dice = Dice::new(11);
    let mut received = 0;
    while received < MESSAGES {
        let mut boriss = boris.connect().await;
        let stay = received + dice.roll(5..80);
        while received < stay.min(MESSAGES) {
            let frame = boriss.frame().await;
            if frame["type"] == "relay_delivery" {
                assert_eq!(frame.number("seq"), received + 1, "no gap, no repetition");
                received += 1;
            }
        }
        // Acknowledged before it goes, with the pong as the proof that the server has read it.
        boriss.ack(&log, received).await;
        boriss.send(&json!({"type": "ping"})).await;
        loop {
            let frame = boriss.frame().await;
            match frame.text("type").as_str() {
                "pong" => break,
                "relay_delivery" => {
                    assert_eq!(frame.number("seq"), received + 1);
                    received += 1;
                }
                _ => {}
            }
        }
        boriss.ack(&log, received).await;
        boriss.send(&json!({"type": "ping"})).await;
        let late = boriss.until("pong").await;
        if let Some(last) = late.iter().rfind(|f| f["type"] == "relay_delivery") {
            // Came after the last acknowledgement: they come again, and count then.
            assert!(last.number("seq") > received);
        }
    }
    sending.await.unwrap();
    boris.online().await;
}
