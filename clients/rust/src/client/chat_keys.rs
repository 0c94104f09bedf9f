//! Keys of chats: making one, wrapping it for every device of every member whose keys hold, taking those that others
//! hand out.

use std::collections::BTreeMap;
use std::sync::Arc;

use melo_domain::{LogId, MessageId, Uid};
use melo_protocol::{ErrorCode, MAX_ENVELOPE_KEYS};
use serde_json::value::RawValue;

use super::messages::{Origin, Refusal};
use super::{Client, Inner};
use crate::crypto::chat_key::{ChatKey, ChatKeyError, KeyEnvelope, KeyRef};
use crate::crypto::chat_message::ChatEnvelope;
use crate::crypto::directory::VerifiedDirectory;
use crate::crypto::random;
use crate::crypto::rsa_keys::EncryptionKey;
use crate::error::ClientError;
use crate::keystore::{NewKey, Role};
use crate::rest::ApiError;
use crate::rest::chats::{self as calls, Appended};

/// Members a page of their keys, the most that the server gives.
const PER_PAGE: u32 = 100;
/// The most pages that are asked for.
const MAX_PAGES: u32 = 1_000;
/// How often a new key is made while members come and go.
const ATTEMPTS: u32 = 3;
/// The most earlier keys that a new member is handed.
const MAX_SHARED: usize = 200;

/// How far the wrapping of a chat's key got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyProgress {
    /// The chat.
    pub chat: LogId,
    /// Devices that the key was wrapped for.
    pub done: usize,
    /// Devices in all.
    pub total: usize,
}

/// What is called as the wrapping of a key goes on.
pub(super) type OnProgress = Arc<dyn Fn(KeyProgress) + Send + Sync>;

/// The keys of everybody in a chat.
#[derive(Debug, Default)]
struct MemberKeys {
    /// Of all devices with a good signature, by their key ids.
    good: BTreeMap<String, EncryptionKey>,
    /// Key ids of devices without one, and whose they claim to be.
    refused: BTreeMap<String, Uid>,
}

impl Client {
    /// Calls `report` as a chat's key is wrapped for its members: with many devices that takes a while.
    pub fn on_key_progress(&self, report: impl Fn(KeyProgress) + Send + Sync + 'static) {
        *self.inner.key_progress() = Some(Arc::new(report));
    }
}

impl Inner {
    /// The key that a chat's messages are sealed under now; a new one when there is none that may be.
    pub(super) async fn key_to_write_under(
        &self,
        log: LogId,
    ) -> Result<(KeyRef, ChatKey), ClientError> {
        self.known_chat(log).await?;
        self.look_after_devices(log).await?;
        let known = |inner: &Self| inner.state().chats.get(&log)?.usable(inner.clock.now());
        if let Some(key) = known(self) {
            return Ok(key);
        }
        // Another member may have made one while this device was away.
        self.collect_keys(log).await?;
        match known(self) {
            Some(key) => Ok(key),
            None => self.make_key(log).await,
        }
    }

    /// Fetches the directories of members of whom the server said that there is something newer: a device that left
    /// could open the key there is.
    async fn look_after_devices(&self, log: LogId) -> Result<(), ClientError> {
        let stale: Vec<Uid> = {
            let state = self.state();
            let members = state.chats.get(&log).map(|chat| chat.members.keys());
            let stale = |uid: &&Uid| state.people.get(*uid).is_some_and(|p| p.stale);
            members
                .into_iter()
                .flatten()
                .filter(stale)
                .copied()
                .collect()
        };
        match stale.as_slice() {
            [] => Ok(()),
            [one] => self.refresh_person(*one).await.map(drop),
            _ => self.member_keys(log).await.map(drop),
        }
    }

    /// Makes a key and hands it to every device of every member.
    async fn make_key(&self, log: LogId) -> Result<(KeyRef, ChatKey), ClientError> {
        for _ in 0..ATTEMPTS {
            let members = self.member_keys(log).await?;
            let devices: Vec<_> = members.good.into_values().collect();
            if devices.is_empty() {
                return Err(ClientError::NobodyToReach(log));
            }
            let key = ChatKey::generate()?;
            match self.hand_out(log, &key, &devices).await {
                Ok(first) => {
                    let new = NewKey {
                        key: key.clone(),
                        seq: first.seq,
                        at: first.at,
                        trusted: true,
                    };
                    if let Some(chat) = self.state().chats.get_mut(&log) {
                        chat.learn(log, &new);
                    }
                    self.save().await?;
                    return Ok((key.key_ref(log), key));
                }
                // Somebody came or left in between: whoever left must not have the key that is used.
                Err(error) if is_unsettled(error.code()) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::Unsettled(log))
    }

    /// Wraps a key for devices and sends it, 512 at a time. The event of the first part.
    async fn hand_out(
        &self,
        log: LogId,
        key: &ChatKey,
        devices: &[EncryptionKey],
    ) -> Result<Appended, ClientError> {
        let mut first = None;
        let mut done = 0;
        for part in devices.chunks(MAX_ENVELOPE_KEYS) {
            let id = random::uuid()?;
            let context = self.context(log, id);
            let (key, part, secrets) = (key.clone(), part.to_vec(), Arc::clone(&self.secrets));
            done += part.len();
            let wrapping = tokio::task::spawn_blocking(move || {
                KeyEnvelope::seal(&context, &key, &part, &secrets.signing)?.to_json()
            });
            let payload = wrapping.await.map_err(|_| ClientError::Stopping)??;
            let payload = RawValue::from_string(payload).map_err(|_| ApiError::Request)?;
            let event = self.call(&calls::share_key(log, &payload, id)?).await?;
            self.note_appended(MessageId {
                log,
                seq: event.seq,
            });
            first.get_or_insert(event);
            self.report_progress(KeyProgress {
                chat: log,
                done,
                total: devices.len(),
            });
        }
        first.ok_or(ClientError::NobodyToReach(log))
    }

    fn report_progress(&self, progress: KeyProgress) {
        let report = self.key_progress().clone();
        if let Some(report) = report {
            report(progress);
        }
    }

    /// The keys of all members' devices, each with its signature checked and each person held against what was seen
    /// before.
    async fn member_keys(&self, log: LogId) -> Result<MemberKeys, ClientError> {
        let mut members = MemberKeys::default();
        let (mut after, mut changed) = (None, false);
        for _ in 0..MAX_PAGES {
            let page = self.call(&calls::keys(log, after, PER_PAGE)).await?;
            for listed in page.keys {
                let uid = listed.uid;
                let offered = VerifiedDirectory::verify(uid, &listed)
                    .map_err(|error| ClientError::Directory { uid, error })?;
                changed |= self.believe(uid, offered.as_ref())?;
                let good = offered.map(|o| o.devices).unwrap_or_default();
                for device in good {
                    let key = device.encryption;
                    members.good.insert(key.kid().to_owned(), key);
                }
                for device in listed.devices {
                    if !members.good.contains_key(&device.kid) {
                        members.refused.insert(device.kid, uid);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if changed {
            self.save().await?;
        }
        Ok(members)
    }

    /// Wraps a key for devices that it was not wrapped for: those the server names, as far as their signatures hold.
    pub(super) async fn cover(
        &self,
        log: LogId,
        name: &KeyRef,
        missing: &[String],
    ) -> Result<(), ClientError> {
        let key = self.state().chats.get(&log).and_then(|c| c.key(name));
        let Some(key) = key else {
            // Without the key nothing can be handed on: the message is sealed under another one.
            return Ok(());
        };
        let members = self.member_keys(log).await?;
        let found: Vec<_> = missing
            .iter()
            .filter_map(|kid| members.good.get(kid).cloned())
            .collect();
        if found.is_empty() {
            let unsigned = missing.iter().find_map(|kid| members.refused.get(kid));
            return match unsigned {
                Some(uid) => Err(ClientError::UnsignedDevice(*uid)),
                // They are gone again, or not listed yet.
                None => Ok(()),
            };
        }
        match self.hand_out(log, &key, &found).await {
            Err(error) if is_unsettled(error.code()) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Puts the key of a sealed payload aside.
    pub(super) fn retire_key_of(&self, log: LogId, payload: &str) {
        let mut state = self.state();
        let chat = state.chats.get_mut(&log);
        if let (Some(chat), Some(name)) = (chat, key_ref_of(payload)) {
            chat.retire(&name);
        }
    }

    /// Hands the earlier keys to a new member, where the chat shares its history.
    pub(super) async fn share_earlier_keys(
        &self,
        log: LogId,
        with: Uid,
    ) -> Result<(), ClientError> {
        let earlier = {
            let state = self.state();
            let chat = state.chats.get(&log);
            let shares =
                |c: &&crate::keystore::KnownChat| c.share_history && c.role.is_some_and(Role::runs);
            chat.filter(shares).map(|c| c.earlier(self.clock.now()))
        };
        let Some(mut earlier) = earlier.filter(|keys| !keys.is_empty()) else {
            return Ok(());
        };
        earlier.truncate(MAX_SHARED);
        let Some(devices) = self.recipients(with, true).await? else {
            return Ok(());
        };
        for (_, key) in earlier {
            self.hand_out(log, &key, &devices).await?;
        }
        Ok(())
    }

    /// Takes a key that a member handed out. Errors are of the network; whatever is wrong with the key itself is a
    /// refusal. `None`: it was known.
    pub(super) async fn take_key(
        &self,
        origin: Origin,
        payload: &RawValue,
    ) -> Result<Result<Option<KeyRef>, Refusal>, ClientError> {
        let log = origin.id.log;
        let envelope = match KeyEnvelope::parse(payload.get()) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Err(Refusal::ChatKey(error))),
        };
        if !envelope.is_for(self.secrets.encryption.public()) {
            return Ok(Err(Refusal::ChatKey(ChatKeyError::NotForThisDevice)));
        }
        let (device, signing) = match self.sender(origin).await? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (id, secrets) = (envelope.id(), Arc::clone(&self.secrets));
        let opening = tokio::task::spawn_blocking(move || {
            envelope.open(log, origin.from, device, &signing, &secrets.encryption)
        });
        let key = match opening.await.map_err(|_| ClientError::Stopping)? {
            Ok(key) => key,
            Err(error) => return Ok(Err(Refusal::ChatKey(error))),
        };
        let mut state = self.state();
        let received = state.received.entry(log).or_default();
        if !received.remember(device, id, origin.id.seq) {
            return Ok(Err(Refusal::Replayed));
        }
        let name = key.key_ref(log);
        let Some(chat) = state.chats.get_mut(&log) else {
            return Ok(Ok(None));
        };
        let new = NewKey {
            key,
            seq: origin.id.seq,
            at: origin.at,
            trusted: chat.may_be_member(origin.from),
        };
        Ok(Ok(chat.learn(log, &new).then_some(name)))
    }

    /// Opens a message, or a change to one, in a chat.
    pub(super) async fn open_in_chat(
        &self,
        origin: Origin,
        payload: &RawValue,
    ) -> Result<super::messages::Opened, ClientError> {
        let log = origin.id.log;
        let envelope = match ChatEnvelope::parse(payload.get()) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Err(Refusal::Envelope(error))),
        };
        let name = envelope.key_ref();
        let key = self.state().chats.get(&log).and_then(|c| c.key(&name));
        let Some(key) = key else {
            return Ok(Err(Refusal::NoKey));
        };
        let (device, signing) = match self.sender(origin).await? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let content = match envelope.open(log, origin.from, device, &signing, &key) {
            Ok(content) => content,
            Err(error) => return Ok(Err(Refusal::Envelope(error))),
        };
        let id = envelope.id();
        Ok(Ok((Some(super::messages::Signed { device, id }), content)))
    }
}

/// Whether the members or their devices were others than this device thought.
fn is_unsettled(code: Option<ErrorCode>) -> bool {
    matches!(code, Some(ErrorCode::DeviceMismatch | ErrorCode::StaleKey))
}

/// The key that a payload of a chat is sealed under.
pub(super) fn key_ref_of(payload: &str) -> Option<KeyRef> {
    ChatEnvelope::parse(payload).ok().map(|e| e.key_ref())
}
