//! Groups and channels, as people use them.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::people::Device;
use crate::shape::Fields;

/// A group or channel, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chat(pub u64);

impl Chat {
    /// Makes a group of its owner's with these members, who must be contacts.
    pub async fn group(owner: &Device, members: &[&Device]) -> Self {
        Self::make(owner, "chat", members).await
    }

    /// Makes a channel.
    pub async fn channel(owner: &Device, members: &[&Device]) -> Self {
        Self::make(owner, "channel", members).await
    }

    async fn make(owner: &Device, kind: &str, members: &[&Device]) -> Self {
        let members: Vec<&str> = members.iter().map(|m| m.uid.as_str()).collect();
        let body = json!({"name": "Choir practice", "type": kind, "members": members});
        let made = owner.post("/chats/create", &body).await.ok();
        assert_eq!(made["invited"], json!([]), "all of them are contacts");
        Self(made.number("chat_id"))
    }

    /// Its log.
    pub fn log(self) -> String {
        self.0.to_string()
    }

    /// A path of it.
    pub fn path(self, rest: &str) -> String {
        format!("/chats/{}{rest}", self.0)
    }

    /// POST `path` about somebody.
    pub async fn post(self, by: &Device, path: &str, whom: &Device) -> Answer {
        self.post_uid(by, path, &whom.uid).await
    }

    /// POST `path` about somebody.
    pub async fn post_uid(self, by: &Device, path: &str, whom: &str) -> Answer {
        let body = json!({"chat_id": self.0, "user_unique_id": whom});
        by.post(path, &body).await
    }

    /// POST `path` with nothing but the chat, and what `more` says.
    pub async fn ask(self, by: &Device, path: &str, more: Value) -> Answer {
        let mut body = json!({"chat_id": self.0});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        by.post(path, &body).await
    }

    /// Gives a member a role.
    pub async fn set_role(self, by: &Device, whom: &Device, role: &str) -> Answer {
        let more = json!({"user_unique_id": whom.uid, "role": role});
        self.ask(by, "/chats/members/role", more).await
    }

    /// Sends a text over REST.
    pub async fn say(self, from: &Device, text: &str) -> Answer {
        self.ask(from, "/messages/send", json!({"data": text}))
            .await
    }

    /// The code of a new invite.
    pub async fn invite(self, by: &Device, more: Value) -> String {
        let made = self.ask(by, "/invites/create", more).await.ok();
        made.text("code")
    }

    /// Who is in it, as what.
    pub async fn members(self, asked_by: &Device) -> Vec<(String, String)> {
        let path = self.path("/members?limit=500");
        let answer = asked_by.get(&path).await.ok();
        let members = answer.list("members");
        members
            .iter()
            .map(|m| (m.text("user_id"), m.text("role")))
            .collect()
    }

    /// The chat as somebody sees it.
    pub async fn view(self, asked_by: &Device) -> Value {
        asked_by.get(&self.path("")).await.ok()
    }
}

/// POST /invites/join.
pub async fn join(who: &Device, code: &str) -> Answer {
    who.post("/invites/join", &json!({"code": code})).await
}
