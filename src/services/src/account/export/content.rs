//! What is in the archive: one JSON file for each thing that is kept, and the events of each conversation as
//! lines of JSON. Of secrets (password, tokens) there is nothing, of others only what they sent to the person.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::{ContactStatus, LogEvent, LogId, Privacy, Seq, SessionKind, Timestamp, Uid};
use melo_protocol::SERVER_VERSION;
use melo_storage::accounts::{self, Account};
use melo_storage::audit::{self, AuditFilter};
use melo_storage::sessions::SessionView;
use melo_storage::{
    StorageError, access_tokens, avatars, blocks, contacts, devices, emails, events, logs,
    presence, privacy, second_factors, sessions,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::archive::{Archive, Gone};
use super::{chats, unsent};
use crate::{Caller, Core};

/// Rows read at once.
const PAGE: u32 = 500;
/// More devices than anybody has.
const MAX_DEVICES: u64 = 100_000;
/// Bytes of events read at once.
const PAGE_BYTES: usize = 1 << 20;

/// Why an archive stays incomplete.
pub(super) enum Stopped {
    /// Nobody fetches it.
    Gone,
    /// The server could not read.
    Failed(StorageError),
}

impl From<Gone> for Stopped {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<StorageError> for Stopped {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

pub(super) type Written = Result<(), Stopped>;

/// Writes everything of `account` into the archive.
pub(super) async fn write(
    core: &Core,
    caller: Caller,
    account: &Account,
    archive: &mut Archive,
) -> Written {
    let about = json!({
        "unique_id": account.uid,
        "exported_at": core.now(),
        "server_version": SERVER_VERSION,
    });
    json_file(archive, "about.json", &about).await?;
    profile(core, account, archive).await?;
    avatar(core, account.uid, archive).await?;
    owned_devices(core, account.uid, archive).await?;
    logins_and_tokens(core, account.uid, archive).await?;
    relations(core, account.uid, archive).await?;
    chats::write(core, account.uid, archive).await?;
    unsent::write(core, account.uid, archive).await?;
    audit_entries(core, account.uid, archive).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    for state in logs::of_person(db, keys, account.uid, caller.device).await? {
        let name = if state.log == account.private_log {
            "notices.jsonl".to_owned()
        } else {
            format!("conversations/{}.jsonl", state.log)
        };
        archive.file(name).await?;
        // What was in a chat before the person was is not theirs.
        log(core, state.log, state.from_seq.saturating_sub(1), archive).await?;
    }
    Ok(())
}

pub(super) async fn json_file(archive: &Archive, name: &str, value: &impl Serialize) -> Written {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|_| StorageError::Corrupt("value that is no JSON"))?;
    archive.file(name).await?;
    Ok(archive.bytes(text).await?)
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn profile(core: &Core, account: &Account, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let email = emails::find(db, keys, account.uid).await?;
    let backup = accounts::key_backup(db, keys, account.uid).await?;
    let backup = backup.map(|(ciphertext, at)| json!({"ciphertext": ciphertext, "updated_at": at}));
    let last_seen = presence::last_seen(db, keys, &[account.uid]).await?;
    let profile = json!({
        "unique_id": account.uid,
        "phone": account.phone,
        "name": account.name,
        "nickname": account.nickname,
        "username": account.username,
        "bio": account.bio,
        "email": email.map(|email| email.email),
        "public_e2e_key": account.e2e_key,
        "identity_key": account.identity_key.as_deref().map(base64),
        "key_backup": backup,
        "role": account.role.as_str(),
        "state": account.state.as_str(),
        "created_at": account.created,
        "last_seen": last_seen.get(&account.uid),
    });
    json_file(archive, "profile.json", &profile).await?;
    let switches = privacy::of(db, keys, &[account.uid]).await?;
    let switches: Privacy = switches.first().map(|(_, p)| *p).unwrap_or_default();
    json_file(archive, "privacy.json", &switches).await
}

async fn avatar(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let found = avatars::find(core.store.db.read(), &core.store.keys, uid).await?;
    let Some(avatar) = found else {
        return Ok(());
    };
    let ending = if avatar.mime == "image/png" {
        "png"
    } else {
        "jpg"
    };
    archive.file(format!("avatar.{ending}")).await?;
    Ok(archive.bytes(avatar.image).await?)
}

async fn owned_devices(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = devices::of_person(db, keys, uid, MAX_DEVICES).await?;
    let published = devices::published(db, keys, &[uid]).await?;
    let listed = found.iter().map(|device| {
        let own = published.iter().find(|keys| keys.handle == device.handle);
        let own = own.map(|keys| {
            json!({
                "kid": keys.kid,
                "encryption_key": base64(&keys.encryption_key),
                "signing_key": base64(&keys.signing_key),
                "signature": base64(&keys.signature),
            })
        });
        json!({
            "device": device.handle,
            "device_id": device.device_id,
            "created_at": device.created,
            "token_expires_at": device.token_expires,
            "published_keys": own,
        })
    });
    json_file(archive, "devices.json", &listed.collect::<Vec<_>>()).await
}

async fn logins_and_tokens(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let all = sessions::all(db, keys, uid).await?;
    let listed: Vec<Value> = all
        .iter()
        .map(|(view, live)| session(view, *live))
        .collect();
    json_file(archive, "sessions.json", &listed).await?;
    let tokens = access_tokens::of_person(db, keys, uid).await?;
    let listed = tokens.iter().map(|token| {
        json!({
            "id": token.session,
            "name": token.name,
            "scopes": token.scopes.to_string(),
            "expires_at": token.expires,
        })
    });
    json_file(archive, "tokens.json", &listed.collect::<Vec<_>>()).await?;
    let factor = json!({
        "enabled": second_factors::is_confirmed(db, uid).await?,
        "recovery_codes_left": second_factors::recovery_codes_left(db, uid).await?,
    });
    json_file(archive, "second_factor.json", &factor).await
}

fn session(view: &SessionView, live: bool) -> Value {
    json!({
        "id": view.id,
        "kind": match view.kind {
            SessionKind::Login => "login",
            SessionKind::Token => "token",
        },
        "device": view.device,
        "device_type": view.device_type,
        "device_name": view.device_name,
        "ip_address": view.ip_address,
        "user_agent": view.user_agent,
        "created_at": view.created,
        "last_activity": view.last_activity,
        "active": live,
    })
}

async fn relations(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let all = contacts::all(db, keys, uid).await?;
    let listed = all.iter().map(|(contact, since)| {
        let status = match contact.status {
            // Whether it was held or refused is for the other alone to know.
            ContactStatus::Pending | ContactStatus::Held | ContactStatus::Rejected => "requested",
            ContactStatus::Accepted => "accepted",
            ContactStatus::Ended => "ended",
            ContactStatus::Gone => "deleted",
        };
        json!({
            "unique_id": contact.peer,
            "status": status,
            "secret": contact.secret,
            "log": contact.log,
            "created_at": since,
        })
    });
    json_file(archive, "contacts.json", &listed.collect::<Vec<_>>()).await?;
    let mut blocked = Vec::new();
    for page in 1.. {
        let (found, _) = blocks::page(db, keys, uid, page, PAGE).await?;
        let last = found.len() < PAGE as usize;
        let listed = found
            .iter()
            .map(|block| json!({"user_id": block.peer, "created_at": block.created}));
        blocked.extend(listed);
        if last {
            break;
        }
    }
    json_file(archive, "blocks.json", &blocked).await
}

#[derive(Serialize)]
struct AuditLine<'a> {
    id: i64,
    at: Timestamp,
    action: &'a str,
    object: &'a str,
    details: Box<RawValue>,
    ip_address: &'a str,
    user_agent: &'a str,
}

/// What the person did. What others did to the account names those others, and is the operator's to show.
async fn audit_entries(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let filter = AuditFilter {
        actor: Some(uid),
        ..AuditFilter::default()
    };
    archive.file("audit.jsonl").await?;
    let mut before = None;
    loop {
        let (db, keys) = (core.store.db.read(), &core.store.keys);
        let page = audit::search(db, keys, &filter, before, u64::from(PAGE)).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        before = Some(last.id);
        let mut lines = Vec::new();
        for entry in &page {
            let line = AuditLine {
                id: entry.id,
                at: entry.at,
                action: &entry.action,
                object: &entry.object,
                details: raw(&entry.details)?,
                ip_address: &entry.ip_address,
                user_agent: &entry.user_agent,
            };
            push_line(&mut lines, &line)?;
        }
        archive.bytes(lines).await?;
    }
}

#[derive(Serialize)]
struct EventLine {
    message_id: melo_domain::MessageId,
    seq: Seq,
    at: Timestamp,
    kind: &'static str,
    from: Uid,
    device: Option<melo_domain::DeviceHandle>,
    client_id: Option<Uuid>,
    payload: Box<RawValue>,
}

fn line_of(event: &LogEvent) -> Result<EventLine, StorageError> {
    Ok(EventLine {
        message_id: event.message_id(),
        seq: event.seq,
        at: event.at,
        kind: event.kind.as_str(),
        from: event.sender,
        device: event.device,
        client_id: event.client_id,
        payload: raw(&event.payload)?,
    })
}

/// The events as they are stored: ciphertext stays ciphertext.
async fn log(core: &Core, log: LogId, mut after: Seq, archive: &Archive) -> Written {
    loop {
        let (db, keys) = (core.store.db.read(), &core.store.keys);
        let page = events::after(db, keys, log, after, u64::from(PAGE), PAGE_BYTES).await?;
        let mut lines = Vec::new();
        for event in &page.events {
            push_line(&mut lines, &line_of(event)?)?;
            after = event.seq;
        }
        archive.bytes(lines).await?;
        if page.whole {
            return Ok(());
        }
    }
}

fn raw(text: &str) -> Result<Box<RawValue>, StorageError> {
    RawValue::from_string(text.to_owned()).map_err(|_| StorageError::Corrupt("stored JSON"))
}

pub(super) fn push_line(lines: &mut Vec<u8>, value: &impl Serialize) -> Result<(), StorageError> {
    serde_json::to_writer(&mut *lines, value)
        .map_err(|_| StorageError::Corrupt("value that is no JSON"))?;
    lines.push(b'\n');
    Ok(())
}
