//! Who there is, and what they do next.

use std::collections::BTreeSet;

use melo_tests::shape::Fields as _;
use melo_tests::{Server, befriend};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::client::{Client, Fate};

const PEOPLE: [&str; 4] = ["Anna", "Boris", "Vera", "Gleb"];
const CHATS: [(&str, &str); 2] = [("Team", "chat"), ("News", "channel")];
/// What happens between two looks at the whole.
const STEPS: usize = 40;
/// How often everybody connects and sends again what was not answered.
const TRIES: usize = 10;

pub struct Chat {
    pub id: u64,
    pub log: String,
}

pub struct World {
    server: Server,
    chance: Chance,
    /// The first two are Anna's, who owns the chats and is never removed; then two of Boris's, one of each other's.
    pub clients: Vec<Client>,
    pub chats: Vec<Chat>,
    kills: usize,
    cuts: usize,
    removals: usize,
}

impl World {
    pub async fn begin(chance: Chance) -> Self {
        let server = Server::start().await;
        let anonymous = server.anonymous();
        let mut firsts = Vec::new();
        for name in PEOPLE {
            firsts.push(anonymous.join(name).await);
        }
        for (at, one) in firsts.iter().enumerate() {
            for other in &firsts[at + 1..] {
                befriend(one, other).await;
            }
        }
        let mut chats = Vec::new();
        for (name, kind) in CHATS {
            let body = json!({"name": name, "type": kind});
            let made = firsts[0].post("/chats/create", &body).await.ok();
            let id = made.number("chat_id");
            for member in &firsts[1..] {
                let body = json!({"chat_id": id, "user_unique_id": member.uid});
                firsts[0].post("/chats/members/add", &body).await.ok();
            }
            chats.push(Chat {
                id,
                log: id.to_string(),
            });
        }
        let mut clients = Vec::new();
        for (at, first) in firsts.into_iter().enumerate() {
            let second = if at < 2 {
                Some(first.user.login_new().await)
            } else {
                None
            };
            clients.push(Client::new(first));
            clients.extend(second.map(Client::new));
        }
        Self {
            server,
            chance,
            clients,
            chats,
            kills: 0,
            cuts: 0,
            removals: 0,
        }
    }

    /// A while of everything at once, which a kill of the server may end.
    pub async fn round(&mut self) {
        for _ in 0..STEPS {
            self.step().await;
        }
        if self.chance.once_in(2) {
            self.kill().await;
        }
    }

    async fn step(&mut self) {
        let who = self.chance.below(self.clients.len());
        match self.chance.below(20) {
            0..=8 => self.write(who).await,
            9 | 10 => self.change(who).await,
            11 => self.repeat(who).await,
            12 => {
                self.clients[who].disconnect();
                self.cuts += 1;
            }
            13..=15 if self.clients[who].socket.is_none() => self.clients[who].connect().await,
            13 | 14 => self.clients[who].drain().await,
            15 => self.clients[who].acknowledge().await,
            16 => self.remove().await,
            17 => self.add().await,
            18 => self.leave(who).await,
            _ if self.chance.once_in(6) => self.kill().await,
            _ => self.clients[who].drain().await,
        }
    }

    /// Where a message of this device goes: to somebody else, or to a chat, be they in it or not.
    fn somewhere(&mut self, who: usize) -> Value {
        if self.chance.once_in(2) {
            return json!({"chat_id": self.chance.pick(&self.chats).id});
        }
        let own = self.clients[who].device.uid.clone();
        loop {
            let at = self.chance.below(self.clients.len());
            let uid = &self.clients[at].device.uid;
            if *uid != own {
                return json!({"target": uid});
            }
        }
    }

    async fn write(&mut self, who: usize) {
        let mut frame = self.somewhere(who);
        frame["type"] = json!("relay");
        frame["payload"] = json!(format!("text {}", melo_tests::unique::client_id()));
        self.clients[who].send(frame).await;
    }

    /// Edits, deletes or reacts to something that this device wrote.
    async fn change(&mut self, who: usize) {
        let client = &self.clients[who];
        let written: Vec<(Value, String)> = client.sent.iter().filter_map(place(client)).collect();
        if written.is_empty() {
            return;
        }
        let (mut frame, message_id) = self.chance.pick(&written).clone();
        frame["message_id"] = json!(message_id);
        match self.chance.below(4) {
            0 => frame["type"] = json!("delete"),
            1 => {
                frame["type"] = json!("react");
                frame["reaction"] = json!("+");
            }
            _ => {
                frame["type"] = json!("edit");
                frame["payload"] = json!(format!("edit {}", melo_tests::unique::client_id()));
            }
        }
        self.clients[who].send(frame).await;
    }

    async fn repeat(&mut self, who: usize) {
        let ids: Vec<Uuid> = self.clients[who].sent.keys().copied().collect();
        if !ids.is_empty() {
            let id = *self.chance.pick(&ids);
            self.clients[who].repeat(id).await;
        }
    }

    /// Anna takes somebody out of a chat, while messages are under way.
    async fn remove(&mut self) {
        let (chat, uid) = self.somebody();
        let body = json!({"chat_id": chat, "user_unique_id": uid});
        let answer = self.clients[0].device.post("/chats/members/remove", &body);
        if answer.await.status == 200 {
            self.removals += 1;
        }
    }

    async fn add(&mut self) {
        let (chat, uid) = self.somebody();
        let body = json!({"chat_id": chat, "user_unique_id": uid});
        // Whoever is in it already is not added again.
        self.clients[0]
            .device
            .post("/chats/members/add", &body)
            .await;
    }

    async fn leave(&mut self, who: usize) {
        let body = json!({"chat_id": self.chance.pick(&self.chats).id});
        // An owner stays, and who is not in it cannot leave.
        let answer = self.clients[who].device.post("/chats/leave", &body).await;
        if answer.status == 200 {
            self.removals += 1;
        }
    }

    fn somebody(&mut self) -> (u64, String) {
        let chat = self.chance.pick(&self.chats).id;
        let others = &self.clients[2..];
        (chat, self.chance.pick(others).device.uid.clone())
    }

    /// SIGKILL, in the middle of whatever is under way, and a start on the same data.
    async fn kill(&mut self) {
        self.server.kill();
        self.kills += 1;
        for client in &mut self.clients {
            client.disconnect();
        }
        self.server.start_again().await;
    }

    /// Everybody connects and takes everything; whatever was not answered is sent until it is.
    pub async fn settle(&mut self) {
        for _ in 0..TRIES {
            self.take_all().await;
            if self.clients.iter().all(|client| client.outbox.is_empty()) {
                break;
            }
        }
        // From nothing but what is on the devices' own disks once more: what the live connections may have missed.
        for client in &mut self.clients {
            client.disconnect();
        }
        self.take_all().await;
        for client in &self.clients {
            assert!(client.socket.is_some(), "a connection was lost");
            assert!(client.outbox.is_empty(), "unanswered: {:?}", client.outbox);
        }
    }

    async fn take_all(&mut self) {
        for client in &mut self.clients {
            if client.socket.is_none() {
                client.connect().await;
            }
        }
        // Twice: what one sends while the first round goes on is for those who were asked before it.
        for _ in 0..2 {
            for client in &mut self.clients {
                client.drain().await;
            }
        }
    }

    fn fates(&self) -> impl Iterator<Item = &Fate> {
        self.clients.iter().flat_map(|client| client.fates.values())
    }

    pub fn told(&self) -> String {
        let kept = self.fates().filter(|f| matches!(f, Fate::At { .. }));
        let codes: BTreeSet<&String> = self
            .fates()
            .filter_map(|fate| match fate {
                Fate::Refused(code) => Some(code),
                Fate::At { .. } => None,
            })
            .collect();
        format!(
            "{} events kept, {} refused ({codes:?}); {} kills, {} cuts, {} removals",
            kept.count(),
            self.fates()
                .filter(|f| matches!(f, Fate::Refused(_)))
                .count(),
            self.kills,
            self.cuts,
            self.removals
        )
    }

    pub fn did_something(&self) -> bool {
        self.kills > 0 && self.cuts > 0 && self.removals > 0 && self.fates().count() > 50
    }
}

/// Of what a device sent: whereto, and the id of the message that it became.
fn place(client: &Client) -> impl Fn((&Uuid, &Value)) -> Option<(Value, String)> + '_ {
    |(id, frame)| {
        let Some(Fate::At { log, seq }) = client.fates.get(id) else {
            return None;
        };
        if frame["type"] != "relay" {
            return None;
        }
        let own = client.seen.get(log)?.get(seq)?;
        let to = match frame.get("chat_id") {
            Some(chat) => json!({"chat_id": chat}),
            None => json!({"target": frame["target"]}),
        };
        Some((to, own.frame["message_id"].as_str()?.to_owned()))
    }
}
