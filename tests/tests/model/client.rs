//! One device as a good client keeps it: cursors on its own disk, an outbox of what was not answered, and everything
//! that it was ever sent.

use std::collections::{BTreeMap, BTreeSet};

use melo_tests::Device;
use melo_tests::shape::Fields as _;
use melo_tests::socket::{Closed, Socket, bear, request};
use serde_json::{Value, json};
use uuid::Uuid;

/// An event as this device saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The frame's type; `own` for what this device sent itself.
    pub kind: String,
    pub frame: Value,
}

/// What became of something that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    At { log: String, seq: u64 },
    Refused(String),
}

pub struct Client {
    pub device: Device,
    pub socket: Option<Socket>,
    /// Sent and not answered.
    pub outbox: BTreeMap<Uuid, Value>,
    /// Everything that was ever sent, by its id.
    pub sent: BTreeMap<Uuid, Value>,
    pub fates: BTreeMap<Uuid, Fate>,
    pub seen: BTreeMap<String, BTreeMap<u64, Seen>>,
    /// Where this device is in the logs whose beginning it knows.
    pub cursors: BTreeMap<String, u64>,
    /// The chats that it was taken out of, and not let in again.
    pub left: BTreeSet<String>,
}

impl Client {
    pub fn new(device: Device) -> Self {
        Self {
            device,
            socket: None,
            outbox: BTreeMap::new(),
            sent: BTreeMap::new(),
            fates: BTreeMap::new(),
            seen: BTreeMap::new(),
            cursors: BTreeMap::new(),
            left: BTreeSet::new(),
        }
    }

    /// Connects, says where it is, takes what it has missed and sends again what was not answered.
    pub async fn connect(&mut self) {
        let site = self.device.site();
        let mut handshake = request(site, "/?resume=1");
        bear(&mut handshake, &self.device.token);
        let opened = Socket::handshake(site, handshake).await;
        let mut socket = opened.expect("an open WebSocket");
        socket.resume(&self.cursors).await;
        self.socket = Some(socket);
        loop {
            let frame = self.socket.as_mut().unwrap().any().await;
            let frame = frame.expect("what was missed, then synced");
            let is_end = frame["type"] == "synced";
            self.take(frame);
            if is_end {
                break;
            }
        }
        for frame in self.outbox.values().cloned().collect::<Vec<_>>() {
            self.push(&frame).await;
        }
    }

    /// Gone, without a word.
    pub fn disconnect(&mut self) {
        self.socket = None;
    }

    /// Sends something new, or puts it into the outbox for later.
    pub async fn send(&mut self, mut frame: Value) {
        let id = melo_tests::unique::client_id();
        frame["client_id"] = json!(id);
        self.sent.insert(id, frame.clone());
        self.outbox.insert(id, frame.clone());
        self.push(&frame).await;
    }

    /// Sends something once more that was sent before, answered or not.
    pub async fn repeat(&mut self, id: Uuid) {
        if let Some(frame) = self.sent.get(&id).cloned() {
            // What was refused may be taken now: it waits for its answer again.
            if !matches!(self.fates.get(&id), Some(Fate::At { .. })) {
                self.outbox.insert(id, frame.clone());
            }
            self.push(&frame).await;
        }
    }

    async fn push(&mut self, frame: &Value) {
        if let Some(socket) = &mut self.socket
            && socket.try_send(frame).await.is_err()
        {
            self.socket = None;
        }
    }

    /// Takes everything that is under way.
    pub async fn drain(&mut self) {
        let mut pongs = 0;
        self.push(&json!({"type": "ping"})).await;
        while let Some(socket) = &mut self.socket {
            match socket.any().await {
                Ok(frame) if frame["type"] == "pong" => {
                    pongs += 1;
                    if pongs == 2 {
                        return;
                    }
                    self.push(&json!({"type": "ping"})).await;
                }
                Ok(frame) => self.take(frame),
                Err(Closed { code, reason }) => {
                    assert!(
                        matches!(code, 1006 | 4100 | 4101 | 4005),
                        "closed with {code} {reason}"
                    );
                    self.socket = None;
                }
            }
        }
    }

    /// Tells the server how far it is.
    pub async fn acknowledge(&mut self) {
        for (log, seq) in self.cursors.clone() {
            self.push(&json!({"type": "ack", "log": log, "seq": seq}))
                .await;
        }
    }

    fn take(&mut self, frame: Value) {
        match frame["type"].as_str().unwrap() {
            "synced" => self.learn_beginnings(&frame),
            "reset" => {
                let log = frame.text("log");
                let first = frame.number("first_seq");
                self.cursors.insert(log.clone(), first - 1);
                self.advance(&log);
            }
            "error" => self.take_error(&frame),
            "msg_status" => self.take_status(frame),
            // Names a place in a log, and is none.
            "messages_read" => {}
            _ if frame.get("seq").is_some() => self.take_event(frame),
            // Presence, typing and the like are in no log.
            _ => {}
        }
    }

    /// Of a log that this device did not know, what comes after `synced` is everything there is.
    fn learn_beginnings(&mut self, synced: &Value) {
        for (log, seq) in synced["cursors"].as_object().unwrap() {
            self.left.remove(log);
            if self.cursors.contains_key(log) {
                continue;
            }
            let first = self.seen.get(log).and_then(|seen| {
                let end = seq.as_u64().unwrap();
                contiguous_before(seen, end)
            });
            let begin = first.unwrap_or_else(|| seq.as_u64().unwrap());
            self.cursors.insert(log.clone(), begin);
            self.advance(&log.clone());
        }
    }

    fn take_error(&mut self, frame: &Value) {
        let Some(id) = frame.get("client_id").and_then(Value::as_str) else {
            // An acknowledgement of a chat that it was taken out of meanwhile.
            assert_eq!(
                frame["code"], "not_found",
                "an error out of nowhere: {frame}"
            );
            return;
        };
        if frame["retryable"] == true && frame["code"] != "stale_key" {
            return;
        }
        let id: Uuid = id.parse().unwrap();
        self.outbox.remove(&id);
        let refused = Fate::Refused(frame.text("code"));
        // A repetition of what was taken is the same message, but its sender may have lost the right to it meanwhile.
        self.fates.entry(id).or_insert(refused);
    }

    fn take_status(&mut self, frame: Value) {
        if frame["status"] == "delivered" || frame["status"] == "read" {
            return;
        }
        assert_eq!(frame["status"], "queued", "{frame}");
        let (log, seq) = (frame.text("log"), frame.number("seq"));
        if let Some(id) = frame.get("client_id").and_then(Value::as_str) {
            let id: Uuid = id.parse().unwrap();
            self.outbox.remove(&id);
            let at = Fate::At {
                log: log.clone(),
                seq,
            };
            let first = self.fates.entry(id).or_insert_with(|| at.clone());
            if let Fate::At { .. } = first {
                assert_eq!(*first, at, "one id, two places");
            } else {
                *first = at;
            }
        }
        let own = Seen {
            kind: "own".to_owned(),
            frame,
        };
        self.note(log, seq, own);
    }

    fn take_event(&mut self, frame: Value) {
        let (log, seq) = (frame.text("log"), frame.number("seq"));
        let kind = frame.text("type");
        let out = kind == "member_left" && frame["user_id"] == self.device.uid.as_str();
        self.note(log.clone(), seq, Seen { kind, frame });
        if out {
            self.cursors.remove(&log);
            self.left.insert(log);
        }
    }

    fn note(&mut self, log: String, seq: u64, seen: Seen) {
        let place = self.seen.entry(log.clone()).or_default().entry(seq);
        let first = place.or_insert_with(|| seen.clone());
        // A message may have been deleted since it was sent, and its edits with it.
        let erased = seen.kind == "delete" && seen.frame["message_id"] == seen.frame["event_id"];
        let same = *first == seen || first.kind == "own" || seen.kind == "own" || erased;
        assert!(same, "two events in one place: {first:?} and {seen:?}");
        self.advance(&log);
    }

    fn advance(&mut self, log: &str) {
        let (Some(cursor), Some(seen)) = (self.cursors.get_mut(log), self.seen.get(log)) else {
            return;
        };
        while seen.contains_key(&(*cursor + 1)) {
            *cursor += 1;
        }
    }
}

/// The place before the unbroken stretch that ends at `end`.
fn contiguous_before(seen: &BTreeMap<u64, Seen>, end: u64) -> Option<u64> {
    let mut begin = end;
    while begin > 0 && seen.contains_key(&begin) {
        begin -= 1;
    }
    (begin < end).then_some(begin)
}
