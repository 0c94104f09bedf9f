//! `group` and `channel`.

use std::process::ExitCode;

use melo_client::Client;
use melo_client::keystore::{ChatKind, Target};
use melo_client::rest::chats::{ChatInfo, Part};
use melo_domain::{ChatId, LogId, Uid};
use serde_json::{Map, Value, json};

use crate::args::Common;
use crate::catalogue::{Text, text};
use crate::fail::Failure;
use crate::group_args::{Changes, Create, Group, History, Invite, NewRole, Switch};
use crate::message::{self, as_json, name_of, plain};
use crate::{chat, local_time, output, profile};

/// Runs a `group` or `channel` command.
pub async fn run(common: &Common, kind: ChatKind, command: Group) -> Result<ExitCode, Failure> {
    let command = match command {
        Group::Chat(args) => return chat::run(common, Target::chat(args.id), args.view).await,
        Group::Send(send) => {
            message::send_to(common, Target::chat(send.id), &send.text).await?;
            return Ok(ExitCode::SUCCESS);
        }
        other => other,
    };
    let client = profile::open(common).await?;
    show_progress(common, &client);
    let cli = Cli {
        json: common.json,
        client,
    };
    match command {
        Group::Create(create) => cli.create(kind, create).await?,
        Group::List => cli.list(kind).await?,
        Group::Members { id } => cli.members(id).await?,
        Group::Invite(invite) => cli.invite(invite).await?,
        Group::Join { code } => cli.join(&code).await?,
        Group::History(history) => cli.history(history).await?,
        Group::Set(set) => {
            cli.client
                .change_chat(set.id, &changes(&set.changes))
                .await?;
            cli.done("changed", set.id, None, Text::GroupChanged);
        }
        other => cli.on_members(other).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// With many devices, wrapping the chat's key takes a while: says how far it is.
pub fn show_progress(common: &Common, client: &Client) {
    if !common.json {
        client.on_key_progress(|progress| {
            if progress.total > melo_protocol::MAX_ENVELOPE_KEYS {
                let values = [progress.done, progress.total];
                eprintln!("{}", text(Text::Wrapping, &[&values[0], &values[1]]));
            }
        });
    }
}

struct Cli {
    json: bool,
    client: Client,
}

impl Cli {
    fn done(&self, status: &str, id: LogId, uid: Option<Uid>, what: Text) {
        if self.json {
            let mut answer = json!({"status": status, "chat_id": ChatId(id)});
            if let Some(uid) = uid {
                answer["uid"] = json!(uid);
            }
            output::line(answer);
        } else {
            let uid = uid.map(|u| u.to_string()).unwrap_or_default();
            output::line(text(what, &[&id, &uid]));
        }
    }

    async fn create(&self, kind: ChatKind, create: Create) -> Result<(), Failure> {
        let about = create.about.as_deref();
        let made = self
            .client
            .create_chat(&create.name, kind, about, &create.members)
            .await?;
        if self.json {
            output::line(json!({"chat_id": made.chat_id, "type": kind, "invited": made.invited}));
            return Ok(());
        }
        let id = made.chat_id;
        output::line(text(Text::GroupMade, &[&plain(&create.name), &id]));
        for uid in &made.invited {
            output::line(text(Text::GroupInvited, &[uid]));
        }
        output::line(text(Text::GroupTalk, &[&id]));
        Ok(())
    }

    async fn list(&self, kind: ChatKind) -> Result<(), Failure> {
        let mut chats = self.client.chats().await?;
        chats.retain(|chat| chat.kind == kind);
        if self.json {
            let chats: Vec<_> = chats.iter().map(info_as_json).collect();
            output::line(json!({ "chats": chats }));
            return Ok(());
        }
        for chat in &chats {
            let role = chat.role.map(|r| r.to_string()).unwrap_or_default();
            let unread = match chat.unread {
                0 => String::new(),
                unread => text(Text::Unread, &[&unread]),
            };
            let title = plain(&chat.title);
            let row = format!("{:<16}  {title:<30}  {role:<6}  {unread}", chat.chat_id);
            output::line(row.trim_end());
        }
        if chats.is_empty() {
            output::line(text(Text::NoGroups, &[]));
        }
        Ok(())
    }

    async fn members(&self, id: LogId) -> Result<(), Failure> {
        let members = self.client.members(id).await?;
        if members
            .iter()
            .any(|m| self.client.nickname(m.user_id).is_none())
        {
            // Only for the names.
            self.client.contacts().await?;
        }
        if self.json {
            let members: Vec<_> = members
                .iter()
                .map(|m| {
                    let verified = self.client.is_verified(m.user_id);
                    json!({"uid": m.user_id, "role": m.role, "nickname": m.nickname, "verified": verified})
                })
                .collect();
            output::line(json!({ "members": members }));
            return Ok(());
        }
        for member in &members {
            let uid = member.user_id;
            let known = self
                .client
                .nickname(uid)
                .or_else(|| member.nickname.clone());
            let name = if uid == self.client.uid() {
                text(Text::Me, &[])
            } else {
                known.map(|name| plain(&name)).unwrap_or_default()
            };
            let verified = if self.client.is_verified(uid) {
                text(Text::Verified, &[])
            } else {
                String::new()
            };
            let row = format!(
                "{uid}  {:<6}  {name:<30}  {verified}",
                member.role.to_string()
            );
            output::line(row.trim_end());
        }
        Ok(())
    }

    async fn invite(&self, invite: Invite) -> Result<(), Failure> {
        let made = self
            .client
            .create_invite(invite.id, invite.minutes, invite.uses)
            .await?;
        if self.json {
            output::line(json!({"code": made.code, "expires_in": made.expires_in}));
        } else {
            output::line(text(Text::InviteMade, &[&plain(&made.code)]));
        }
        Ok(())
    }

    async fn join(&self, code: &str) -> Result<(), Failure> {
        let joined = self.client.join_chat(code).await?;
        let requested = joined.status.as_deref() == Some("requested");
        let (status, what) = if requested {
            ("requested", Text::JoinAsked)
        } else {
            ("joined", Text::GroupTalk)
        };
        self.done(status, joined.chat_id.0, None, what);
        Ok(())
    }

    async fn history(&self, history: History) -> Result<(), Failure> {
        let part = match (history.before, history.after) {
            (Some(seq), _) => Part::Before(seq),
            (None, Some(seq)) => Part::After(seq),
            (None, None) => Part::Newest,
        };
        let messages = self
            .client
            .chat_history(history.id, part, history.limit)
            .await?;
        if self.json {
            let messages: Vec<_> = messages.iter().map(as_json).collect();
            output::line(json!({ "messages": messages }));
            return Ok(());
        }
        if messages.is_empty() {
            output::line(text(Text::NoMessages, &[]));
        }
        for shown in &messages {
            let date = local_time::date(shown.at);
            let line = message::line(&self.client, shown);
            output::line(format!("{date} {line} #{}", shown.id.seq));
        }
        Ok(())
    }

    /// What is done to members, or about oneself as one.
    async fn on_members(&self, command: Group) -> Result<(), Failure> {
        let client = &self.client;
        match command {
            Group::Add(on) => {
                let status = client.add_member(on.id, on.uid).await?;
                let what = if status == "invited" {
                    Text::MemberInvited
                } else {
                    Text::MemberAdded
                };
                self.done(&status, on.id, Some(on.uid), what);
            }
            Group::Remove(on) => {
                client.remove_member(on.id, on.uid).await?;
                self.done("removed", on.id, Some(on.uid), Text::MemberRemoved);
            }
            Group::Approve(on) => {
                client.answer_join_request(on.id, on.uid, true).await?;
                self.done("approved", on.id, Some(on.uid), Text::MemberAdded);
            }
            Group::Reject(on) => {
                client.answer_join_request(on.id, on.uid, false).await?;
                self.done("rejected", on.id, Some(on.uid), Text::RequestRejected);
            }
            Group::Role { id, uid, role } => self.give_role(id, uid, role).await?,
            Group::Accept { id } => {
                client.answer_invitation(id, true).await?;
                self.done("accepted", id, None, Text::GroupTalk);
            }
            Group::Decline { id } => {
                client.answer_invitation(id, false).await?;
                self.done("declined", id, None, Text::InvitationDeclined);
            }
            Group::Leave { id } => {
                client.leave_chat(id).await?;
                self.done("left", id, None, Text::GroupLeft);
            }
            Group::Delete { id } => {
                client.delete_chat(id).await?;
                self.done("deleted", id, None, Text::GroupDeleted);
            }
            // The others are not about members.
            _ => {}
        }
        Ok(())
    }

    async fn give_role(&self, id: LogId, uid: Uid, role: NewRole) -> Result<(), Failure> {
        match role.role() {
            Some(role) => self.client.set_role(id, uid, role).await?,
            None => self.client.transfer_chat(id, uid).await?,
        }
        self.done("changed", id, Some(uid), Text::RoleGiven);
        Ok(())
    }
}

fn info_as_json(chat: &ChatInfo) -> Value {
    json!({
        "chat_id": chat.chat_id, "title": chat.title, "type": chat.kind, "role": chat.role,
        "description": chat.description, "is_public": chat.is_public, "members_count": chat.members_count,
        "unread": chat.unread, "last_seq": chat.last_seq, "last_message_at": chat.last_message_at,
    })
}

/// The body of PUT /chats/{id}.
fn changes(set: &Changes) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("title", set.title.as_ref().map(|t| json!(t)));
    put("description", set.about.as_ref().map(|t| json!(t)));
    let on = |switch: Switch| json!(switch == Switch::On);
    put("share_history", set.share_history.map(on));
    put("by_request", set.by_request.map(on));
    put("slow_mode_seconds", set.slow_mode.map(|s| json!(s)));
    put("disappearing_seconds", set.disappearing.map(|s| json!(s)));
    Value::Object(body)
}

/// What a conversation is called.
pub fn title_of(client: &Client, target: Target) -> String {
    match target {
        Target::Person(uid) => name_of(client, uid),
        Target::Chat { chat } => {
            let known = client.remembered_chat(chat).map(|c| plain(&c.title));
            known.unwrap_or_else(|| chat.to_string())
        }
    }
}
