//! The endpoints of groups and channels.

use melo_domain::{ChatId, LogId, MessageId, Seq, Timestamp, Uid};
use melo_protocol::rest::keys::KeyDirectory;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::HistorySlice;
use super::{ApiError, Call};
use crate::keystore::{ChatKind, Role, Target};

/// An answer whose members do not matter.
pub type Done = IgnoredAny;

/// Answer of POST /chats/create.
#[derive(Debug, Deserialize)]
pub struct Created {
    /// The new chat.
    pub chat_id: ChatId,
    /// Those of the asked members who were invited instead of being added.
    #[serde(default)]
    pub invited: Vec<Uid>,
}

/// Answer of POST /chats/members/add.
#[derive(Debug, Clone, Deserialize)]
pub struct Added {
    /// `added`, `invited`, or `member` when they were in it before.
    pub status: String,
}

/// An event that a call wrote.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Appended {
    /// Its log.
    pub log: LogId,
    /// Its position there.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
}

/// A chat as the server lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct ChatInfo {
    /// The chat.
    #[serde(alias = "id")]
    pub chat_id: ChatId,
    /// What it is called.
    pub title: String,
    /// Group or channel.
    #[serde(rename = "type")]
    pub kind: ChatKind,
    /// One's own rank.
    #[serde(default)]
    pub role: Option<Role>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether anybody finds and joins it.
    #[serde(default)]
    pub is_public: bool,
    /// How many are in it.
    #[serde(default)]
    pub members_count: u64,
    /// Messages that one has not read.
    #[serde(default)]
    pub unread: u64,
    /// The last event.
    #[serde(default)]
    pub last_seq: Seq,
    /// When the last message came.
    #[serde(default)]
    pub last_message_at: Option<Timestamp>,
    /// For how long messages are kept, in seconds; 0 or none for always.
    #[serde(default)]
    pub retention_seconds: Option<u64>,
    /// After how many seconds messages disappear; 0 or none for never.
    #[serde(default)]
    pub disappearing_seconds: Option<u64>,
    /// Whether new members are handed the earlier keys.
    #[serde(default)]
    pub share_history: bool,
}

/// Answer of GET /chats/list.
#[derive(Debug, Deserialize)]
pub struct ChatsPage {
    /// The chats.
    pub chats: Vec<ChatInfo>,
    /// Pages in all.
    #[serde(default)]
    pub pages: u64,
}

/// A member.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// Who.
    pub user_id: Uid,
    /// As what.
    pub role: Role,
    /// What they call themselves, where one may see it.
    #[serde(default)]
    pub nickname: Option<String>,
}

/// A part of a list that goes on after `next`.
#[derive(Debug, Deserialize)]
pub struct MembersPage {
    /// The members.
    pub members: Vec<Member>,
    /// Where the next part begins; none at the end.
    #[serde(default)]
    pub next: Option<Uid>,
}

/// Answer of GET /chats/{id}/keys.
#[derive(Debug, Deserialize)]
pub struct KeysPage {
    /// The members' directories.
    pub keys: Vec<KeyDirectory>,
    /// Where the next part begins; none at the end.
    #[serde(default)]
    pub next: Option<Uid>,
}

/// Answer of POST /invites/create.
#[derive(Debug, Clone, Deserialize)]
pub struct Invite {
    /// What is told to the people who are to join.
    pub code: String,
    /// For how many seconds it is good.
    #[serde(default)]
    pub expires_in: u64,
}

/// Answer of POST /invites/join.
#[derive(Debug, Clone, Deserialize)]
pub struct Joined {
    /// The chat.
    pub chat_id: ChatId,
    /// `joined`, or `requested` where those who run the chat decide.
    #[serde(default)]
    pub status: Option<String>,
}

/// Which part of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The newest.
    Newest,
    /// What lies before this position.
    Before(Seq),
    /// What lies after it.
    After(Seq),
}

fn chat(log: LogId) -> ChatId {
    ChatId(log)
}

/// POST /chats/create.
pub fn create(
    name: &str,
    kind: ChatKind,
    description: Option<&str>,
    members: &[Uid],
) -> Result<Call<Created>, ApiError> {
    let mut body = json!({"name": name, "type": kind, "members": members});
    if let Some(description) = description {
        body["description"] = json!(description);
    }
    Call::post("/chats/create", &body)
}

/// GET /chats/list.
pub fn list(page: u32, per_page: u32) -> Call<ChatsPage> {
    Call::get(format!("/chats/list?page={page}&per_page={per_page}"))
}

/// GET /chats/{id}.
pub fn info(log: LogId) -> Call<ChatInfo> {
    Call::get(format!("/chats/{log}"))
}

/// PUT /chats/{id}: what is in `changes`.
pub fn change(log: LogId, changes: &Value) -> Result<Call<Done>, ApiError> {
    Call::with_body(Method::PUT, &format!("/chats/{log}"), changes)
}

/// DELETE /chats/{id}.
pub fn delete(log: LogId) -> Call<Done> {
    Call::get(format!("/chats/{log}")).with_method(Method::DELETE)
}

/// GET /chats/{id}/members.
pub fn members(log: LogId, after: Option<Uid>, limit: u32) -> Call<MembersPage> {
    Call::get(part_of(&format!("/chats/{log}/members"), after, limit))
}

/// GET /chats/{id}/keys.
pub fn keys(log: LogId, after: Option<Uid>, limit: u32) -> Call<KeysPage> {
    Call::get(part_of(&format!("/chats/{log}/keys"), after, limit))
}

fn part_of(path: &str, after: Option<Uid>, limit: u32) -> String {
    match after {
        Some(after) => format!("{path}?after={after}&limit={limit}"),
        None => format!("{path}?limit={limit}"),
    }
}

fn on_member<T>(path: &str, log: LogId, uid: Uid) -> Result<Call<T>, ApiError> {
    let body = json!({"chat_id": chat(log), "user_unique_id": uid});
    Call::post(path, &body)
}

/// POST /chats/members/add.
pub fn add_member(log: LogId, uid: Uid) -> Result<Call<Added>, ApiError> {
    on_member("/chats/members/add", log, uid)
}

/// POST /chats/members/remove.
pub fn remove_member(log: LogId, uid: Uid) -> Result<Call<Done>, ApiError> {
    on_member("/chats/members/remove", log, uid)
}

/// POST /chats/members/role.
pub fn set_role(log: LogId, uid: Uid, role: Role) -> Result<Call<Done>, ApiError> {
    let body = json!({"chat_id": chat(log), "user_unique_id": uid, "role": role});
    Call::post("/chats/members/role", &body)
}

/// POST /chats/transfer.
pub fn transfer(log: LogId, uid: Uid) -> Result<Call<Done>, ApiError> {
    on_member("/chats/transfer", log, uid)
}

/// POST /chats/leave.
pub fn leave(log: LogId) -> Result<Call<Done>, ApiError> {
    Call::post("/chats/leave", &json!({"chat_id": chat(log)}))
}

/// POST /chats/keys: a key envelope, as JSON text.
pub fn share_key(
    log: LogId,
    payload: &RawValue,
    client_id: Uuid,
) -> Result<Call<Appended>, ApiError> {
    let body = json!({"chat_id": chat(log), "payload": payload, "client_id": client_id});
    Call::post("/chats/keys", &body)
}

/// POST /invites/create.
pub fn create_invite(
    log: LogId,
    ttl_minutes: Option<u32>,
    max_uses: Option<u32>,
) -> Result<Call<Invite>, ApiError> {
    let mut body = json!({"chat_id": chat(log)});
    if let Some(minutes) = ttl_minutes {
        body["ttl_minutes"] = json!(minutes);
    }
    if let Some(uses) = max_uses {
        body["max_uses"] = json!(uses);
    }
    Call::post("/invites/create", &body)
}

/// POST /invites/join.
pub fn join(code: &str) -> Result<Call<Joined>, ApiError> {
    Call::post("/invites/join", &json!({ "code": code }))
}

/// POST /chats/invitations/accept, /chats/invitations/decline.
pub fn answer_invitation(log: LogId, accept: bool) -> Result<Call<Done>, ApiError> {
    let answer = if accept { "accept" } else { "decline" };
    let body = json!({"chat_id": chat(log)});
    Call::post(&format!("/chats/invitations/{answer}"), &body)
}

/// POST /chats/requests/approve, /chats/requests/reject.
pub fn answer_request(log: LogId, uid: Uid, approve: bool) -> Result<Call<Done>, ApiError> {
    let answer = if approve { "approve" } else { "reject" };
    on_member(&format!("/chats/requests/{answer}"), log, uid)
}

/// GET /messages/history/chat/{id}.
pub fn history(log: LogId, part: Part, limit: u32) -> Call<HistorySlice> {
    let path = format!("/messages/history/chat/{log}");
    Call::get(match part {
        Part::Newest => format!("{path}?limit={limit}"),
        Part::Before(seq) => format!("{path}?before={seq}&limit={limit}"),
        Part::After(seq) => format!("{path}?after={seq}&limit={limit}"),
    })
}

/// POST /messages/edit, delete, pin, unpin, react: something done to a message.
pub fn act(
    name: &str,
    target: Target,
    message: MessageId,
    payload: Option<&RawValue>,
    client_id: Uuid,
) -> Result<Call<Appended>, ApiError> {
    let mut body = json!({"message_id": message, "client_id": client_id});
    match target {
        Target::Person(uid) => body["target_id"] = json!(uid),
        Target::Chat { chat: log } => body["chat_id"] = json!(chat(log)),
    }
    let name = match name {
        "pin" | "unpin" => {
            body["pinned"] = json!(name == "pin");
            "pin"
        }
        name => name,
    };
    if let Some(payload) = payload {
        let member = if name == "edit" {
            "new_data"
        } else {
            "payload"
        };
        body[member] = json!(payload);
    }
    Call::post(&format!("/messages/{name}"), &body)
}
