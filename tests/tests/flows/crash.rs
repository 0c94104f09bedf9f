//! SIGKILL at any moment: what a client saw as `queued` is there, in its place, once.

use std::collections::{BTreeMap, HashMap};

use melo_tests::socket::relay;
use melo_tests::unique::{Dice, client_id};
use melo_tests::{Device, Fields, Server, Socket, befriend};
use serde_json::{Value, json};
use uuid::Uuid;

/// Messages that a sender has under way at once.
const OUTSTANDING: usize = 16;

/// A sender that remembers what it was told.
struct Sender {
    device: Device,
    target: String,
    /// In the order they were first sent. Sent, told, sent again: always the same id and text.
    sent: Vec<(Uuid, String)>,
    /// The first answer to each.
    queued: HashMap<Uuid, Value>,
}

impl Sender {
    /// Sends until the connection is lost: first what has no answer yet, then something it has an answer to,
    /// then news. Tells `progress` about every new answer.
    async fn run(mut self, progress: tokio::sync::mpsc::UnboundedSender<()>) -> Self {
        let mut socket = self.device.connect().await;
        let mut again: Vec<Uuid> = Vec::new();
        again.extend(
            self.sent
                .iter()
                .rev()
                .map(|(id, _)| *id)
                .find(|id| self.queued.contains_key(id)),
        );
        again.extend(
            self.sent
                .iter()
                .map(|(id, _)| *id)
                .filter(|id| !self.queued.contains_key(id)),
        );
        let mut again = again.into_iter();
        let mut outstanding = 0;
        loop {
            while outstanding < OUTSTANDING {
                let id = again.next().unwrap_or_else(|| self.make_another());
                let text = &self.sent.iter().find(|(other, _)| *other == id).unwrap().1;
                let frame = relay(&self.target, &json!(text), id);
                if socket.try_send(&frame).await.is_err() {
                    break;
                }
                outstanding += 1;
            }
            match socket.next().await {
                Ok(frame) if frame["type"] == "msg_status" && frame["status"] == "queued" => {
                    // Answers to earlier connections' messages come by themselves on reconnecting.
                    outstanding = outstanding.saturating_sub(1);
                    self.note(frame);
                    let _ = progress.send(());
                }
                Ok(_) => {}
                Err(_) => return self,
            }
        }
    }

    fn make_another(&mut self) -> Uuid {
        let id = client_id();
        self.sent
            .push((id, format!("{} {}", self.device.handle, self.sent.len())));
        id
    }

    fn note(&mut self, frame: Value) {
        let id: Uuid = frame.text("client_id").parse().unwrap();
        let first = self.queued.entry(id).or_insert_with(|| frame.clone());
        for field in ["message_id", "log", "seq", "at"] {
            assert_eq!(
                frame[field], first[field],
                "another answer to the same message"
            );
        }
    }
}

/// A receiver that resumes at its own position.
struct Receiver {
    device: Device,
    log: String,
    received: Vec<Value>,
}

impl Receiver {
    async fn open(&self) -> Socket {
        let mut socket = Socket::open_at(
            self.device.site(),
            &format!("/?resume=1&token={}", self.device.token),
        )
        .await;
        socket
            .resume(&BTreeMap::from([(
                self.log.clone(),
                self.received.len() as u64,
            )]))
            .await;
        socket
    }

    /// Takes frames until the connection is lost.
    async fn run(mut self) -> Self {
        let mut socket = self.open().await;
        while let Ok(frame) = socket.next().await {
            self.take(frame);
        }
        self
    }

    fn take(&mut self, frame: Value) {
        if frame["log"] == self.log.as_str() {
            assert_eq!(
                frame.number("seq"),
                self.received.len() as u64 + 1,
                "a gap, or a repetition"
            );
            self.received.push(frame);
        }
    }
}

#[tokio::test]
async fn what_was_queued_survives_being_killed_at_any_moment() {
    const KILLS: u64 = 6;
    let mut server = Server::start().await;
    let anna = server.anonymous().join("Anna").await;
    let tablet = anna.user.login_new().await;
    let boris = server.anonymous().join("Boris").await;
    let log = befriend(&anna, &boris).await;
    let mut senders: Vec<Sender> = [&anna, &tablet]
        .into_iter()
        .map(|device| Sender {
            device: device.clone(),
            target: boris.uid.clone(),
            sent: Vec::new(),
            queued: HashMap::new(),
        })
        .collect();
    let mut receiver = Receiver {
        device: boris.clone(),
        log: log.clone(),
        received: Vec::new(),
    };

    for round in 0..KILLS {
        let (progress, mut made) = tokio::sync::mpsc::unbounded_channel();
        let sending: Vec<_> = senders
            .drain(..)
            .map(|sender| tokio::spawn(sender.run(progress.clone())))
            .collect();
        let receiving = tokio::spawn(receiver.run());
        for _ in 0..Dice::new(round).roll(40..400) {
            made.recv().await.expect("a sender");
        }
        server.kill();
        for sender in sending {
            senders.push(sender.await.unwrap());
        }
        receiver = receiving.await.unwrap();
        server.start_again().await;
    }

    // The last time nobody kills it: everything that was ever sent gets its answer.
    for sender in &mut senders {
        let mut socket = sender.device.connect().await;
        socket.until("synced").await;
        for (id, text) in sender.sent.clone() {
            socket.send(&relay(&sender.target, &json!(text), id)).await;
            loop {
                let frame = socket.frame().await;
                if frame["type"] == "msg_status" && frame["client_id"] == id.to_string() {
                    sender.note(frame);
                    break;
                }
            }
        }
    }
    let mut socket = receiver.open().await;
    for frame in socket.until("synced").await {
        receiver.take(frame);
    }

    let sent: usize = senders.iter().map(|s| s.sent.len()).sum();
    assert_eq!(
        receiver.received.len(),
        sent,
        "everything, and nothing twice"
    );
    for sender in &senders {
        assert_eq!(sender.queued.len(), sender.sent.len());
        let from_it: Vec<&Value> = receiver
            .received
            .iter()
            .filter(|f| f["device"] == sender.device.handle)
            .collect();
        for (frame, (id, text)) in from_it.iter().zip(&sender.sent) {
            assert_eq!(frame["payload"], *text, "in the order of sending");
            for field in ["message_id", "seq", "at"] {
                assert_eq!(
                    frame[field], sender.queued[id][field],
                    "in the place that was told"
                );
            }
        }
    }
    // And that is what the database says, too.
    let page = boris
        .get(&format!("/history/{}?per_page=1", anna.uid))
        .await
        .ok();
    assert_eq!(page.number("total"), sent as u64);
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn an_account_that_was_answered_is_there_after_a_kill() {
    let mut server = Server::start().await;
    for round in 0..3 {
        let one = server.anonymous().join(&format!("One {round}")).await;
        let other = server.anonymous().join(&format!("Other {round}")).await;
        let log = befriend(&one, &other).await;
        one.post(
            "/e2e/secret_key",
            &json!({"ciphertext": "sixteen or more letters"}),
        )
        .await
        .ok();
        one.put("/profile", &json!({"bio": "kept"})).await.ok();
        server.kill();
        server.start_again().await;
        let profile = one.get("/profile").await.ok();
        assert_eq!(profile["bio"], "kept");
        assert_eq!(one.log_with(&other.uid).await, log);
        assert_eq!(other.log_with(&one.uid).await, log);
        one.get("/e2e/secret_key").await.ok();
        let (_, missed) = other.catch_up().await;
        assert_eq!(missed[0]["type"], "subscription_request");
    }
}
