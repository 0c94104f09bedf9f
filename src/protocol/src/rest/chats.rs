//! Bodies of calls about groups and channels.

use melo_domain::{ChatId, LogId, Secret, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::keys::KeyDirectory;

/// POST /chats/create.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateRequest {
    /// The title, 2 to 128 characters.
    pub name: String,
    /// `chat` (a group) or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it has a code that everybody may know.
    #[serde(default)]
    pub is_public: bool,
    /// Who is to be in it, 100 at most: contacts are at once, others are invited.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Answer of POST /chats/create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAnswer {
    /// True.
    pub ok: bool,
    /// The chat.
    pub chat_id: ChatId,
    /// As asked for.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its log, the same number.
    pub log: LogId,
    /// Those who are no contacts, and are asked first.
    pub invited: Vec<Uid>,
}

/// A chat, as one of its members sees it.
// The switches of a chat are told apart by name on the wire and in its row.
#[expect(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatView {
    /// The chat.
    pub id: ChatId,
    /// The title.
    pub name: String,
    /// The same.
    pub title: String,
    /// `chat` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As entered.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who owns it.
    pub owner_id: Uid,
    /// Whether it has a public code.
    pub is_public: bool,
    /// That code.
    pub invite_code: Option<Secret>,
    /// Seconds a member waits between two messages.
    pub slow_mode_seconds: u32,
    /// Seconds a message lives; 0: as long as the chat keeps it.
    pub disappearing_seconds: u64,
    /// Seconds that events are kept; 0: as long as the server keeps them.
    pub retention_seconds: u64,
    /// Whether who joins by a code waits to be let in.
    pub by_request: bool,
    /// Whether new members read what was before them.
    pub share_history: bool,
    /// Whether it has a picture.
    pub has_avatar: bool,
    /// The caller's rank: `owner`, `admin` or `member`.
    pub role: String,
    /// Its log.
    pub log: LogId,
    /// The newest event.
    pub last_seq: Seq,
    /// How far the caller has read, on any device.
    pub read_seq: Seq,
    /// Messages by others after that; 1,000 stands for any more.
    pub unread: u64,
    /// People in it.
    pub members_count: u64,
    /// When the last message was written; of one over 64 KiB only the day.
    pub last_message_at: Option<Timestamp>,
}

/// `?page=&per_page=`, or `?after=&limit=`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ChatsQuery {
    /// Default 1.
    pub page: Option<u32>,
    /// Default 20, at most 100.
    pub per_page: Option<u32>,
    /// The last chat of the page before.
    pub after: Option<String>,
    /// Default 20, at most 100.
    pub limit: Option<u32>,
}

/// Answer of GET /chats/list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatsAnswer {
    /// In the order of their ids.
    pub chats: Vec<ChatView>,
    /// Counted from 1.
    pub page: u32,
    /// Entries a page.
    pub per_page: u32,
    /// Chats in all.
    pub total: u64,
    /// Pages in all.
    pub pages: u64,
    /// What to ask for `after` next; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ChatId>,
}

/// PUT /chats/{id}: what is absent stays.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct UpdateRequest {
    /// 2 to 128 characters.
    #[serde(default, alias = "name", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 1,000 characters; an empty one takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// 0 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_mode_seconds: Option<u64>,
    /// 0, or 60 to 31,536,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disappearing_seconds: Option<u64>,
    /// 0, or 3,600 to 315,360,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_seconds: Option<u64>,
    /// See [`ChatView`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_history: Option<bool>,
    /// See [`ChatView`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_request: Option<bool>,
}

/// A body that names a chat.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The chat.
    pub chat_id: ChatId,
}

/// A body that names somebody in a chat.
#[derive(Debug, Serialize, Deserialize)]
pub struct MemberRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// Who.
    pub user_unique_id: String,
}

/// POST /chats/members/role.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoleRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// Who.
    pub user_unique_id: String,
    /// `admin` or `member`.
    pub role: String,
}

/// Answer of POST /chats/members/add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddAnswer {
    /// True.
    pub ok: bool,
    /// `added`, `invited`, or `member` when they were in it before.
    pub status: String,
}

/// POST /`chats/set_public`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetPublicRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// Public, or private.
    pub is_public: bool,
}

/// Answer of POST /`chats/set_public`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetPublicAnswer {
    /// True.
    pub ok: bool,
    /// The public code; null when the chat is private.
    pub invite: Option<Secret>,
}

/// POST /`chats/set_slow_mode`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SlowModeRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// 0 to 86,400.
    pub seconds: u64,
}

/// Answer of POST /`chats/set_slow_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowModeAnswer {
    /// True.
    pub ok: bool,
    /// As asked for.
    pub slow_mode: u32,
}

/// Answer of GET /`chats/by_invite`/{code}.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByInviteAnswer {
    /// The chat.
    pub chat_id: ChatId,
    /// Its title.
    pub name: String,
    /// `chat` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As entered.
    pub description: Option<String>,
}

/// `?after=&limit=` for lists of people.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PeopleQuery {
    /// The last one of the page before.
    pub after: Option<String>,
    /// Default 100, at most 500; of keys at most 100.
    pub limit: Option<u32>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    pub user_id: Uid,
    /// As they entered it; null between people of whom one has blocked the other.
    pub nickname: Option<String>,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// Since when.
    pub joined_at: Timestamp,
}

/// Answer of GET /chats/{id}/members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersAnswer {
    /// In the order of their ids.
    pub members: Vec<MemberView>,
    /// What to ask for `after` next; null on the last page.
    pub next: Option<Uid>,
}

/// Answer of GET /chats/{id}/keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatKeysAnswer {
    /// As the answers of GET /keys/{uid}, in the order of their ids.
    pub keys: Vec<KeyDirectory>,
    /// What to ask for `after` next; null on the last page.
    pub next: Option<Uid>,
}

/// POST /chats/keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShareKeyRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// The key envelope. 1 MiB at most.
    pub payload: Box<RawValue>,
    /// Makes sending again safe; the `Idempotency-Key` header does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// Somebody who waits, or is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedView {
    /// Who.
    pub user_id: Uid,
    /// Who put them there; themselves for a request.
    pub by: Uid,
    /// When.
    pub created_at: Timestamp,
}

/// Answer of GET /chats/{id}/requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsAnswer {
    /// In the order of their ids.
    pub requests: Vec<ListedView>,
    /// What to ask for `after` next; null on the last page.
    pub next: Option<Uid>,
}

/// Answer of GET /chats/{id}/bans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BansAnswer {
    /// In the order of their ids.
    pub bans: Vec<ListedView>,
    /// What to ask for `after` next; null on the last page.
    pub next: Option<Uid>,
}

/// A chat that the caller was asked to come into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// The chat.
    pub chat_id: ChatId,
    /// Its title.
    pub title: String,
    /// `chat` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who asks.
    pub by: Uid,
    /// Since when.
    pub created_at: Timestamp,
}

/// Answer of GET /chats/invitations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationsAnswer {
    /// In the order of the chats' ids.
    pub invitations: Vec<InvitationView>,
}

/// POST /invites/create.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// Minutes it is good for, up to a year. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_minutes: Option<u32>,
    /// People it is good for, up to 100,000. Absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
}

/// Answer of POST /invites/create.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteAnswer {
    /// True.
    pub ok: bool,
    /// What is shown to get in.
    pub code: Secret,
    /// Seconds it is good for.
    pub expires_in: u64,
    /// Its name, for DELETE /invites/{id}.
    pub id: u64,
}

/// `?chat_id=`.
#[derive(Debug, Clone, Deserialize)]
pub struct InvitesQuery {
    /// The chat.
    pub chat_id: String,
}

/// An invite.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteView {
    /// Its name.
    pub id: u64,
    /// What is shown to get in.
    pub code: Secret,
    /// Who made it.
    pub created_by: Uid,
    /// When.
    pub created_at: Timestamp,
    /// It is good until then.
    pub expires_at: Option<Timestamp>,
    /// How many have used it.
    pub uses: u32,
    /// How many more may; null: any number.
    pub uses_left: Option<u32>,
}

/// Answer of GET /invites.
#[derive(Debug, Serialize, Deserialize)]
pub struct InvitesAnswer {
    /// Newest first.
    pub invites: Vec<InviteView>,
}

/// POST /invites/join.
#[derive(Debug, Serialize, Deserialize)]
pub struct JoinRequest {
    /// Of an invite, or of a public chat.
    pub code: Secret,
}

/// Answer of POST /invites/join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinAnswer {
    /// True.
    pub ok: bool,
    /// The chat.
    pub chat_id: ChatId,
    /// `joined`, or `requested` when those who run the chat are asked first.
    pub status: String,
}
