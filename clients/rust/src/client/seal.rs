//! Sealing what is sent: for all devices of two people, or under the key of a chat.

use melo_domain::{LogId, Uid};
use uuid::Uuid;

use super::Inner;
use crate::crypto::chat_key::{ChatKey, KeyRef};
use crate::crypto::chat_message::ChatEnvelope;
use crate::crypto::content::Content;
use crate::crypto::envelope::{Context, Envelope};
use crate::crypto::legacy::{self, LegacyError};
use crate::crypto::rsa_keys::EncryptionKey;
use crate::error::ClientError;
use crate::keystore::{Outgoing, Target};

impl Inner {
    /// The payload, as JSON text; empty for what has none. `fresh` fetches everybody's keys anew.
    pub(super) async fn seal(
        &self,
        outgoing: &Outgoing,
        fresh: bool,
    ) -> Result<String, ClientError> {
        let Some(content) = outgoing.content() else {
            return Ok(String::new());
        };
        let id = outgoing.client_id;
        match outgoing.target {
            Target::Person(uid) => self.seal_direct(uid, &content, id, fresh).await,
            Target::Chat { chat } => {
                let (name, key) = self.key_to_write_under(chat).await?;
                self.seal_in_chat(chat, &content, id, &name, &key)
            }
        }
    }

    fn seal_in_chat(
        &self,
        log: LogId,
        content: &Content,
        id: Uuid,
        name: &KeyRef,
        key: &ChatKey,
    ) -> Result<String, ClientError> {
        let context = self.context(log, id);
        let sealed = ChatEnvelope::seal(&context, content, key, &self.secrets.signing)?;
        if let Some(chat) = self.state().chats.get_mut(&log) {
            chat.used(name);
        }
        Ok(sealed.to_json()?)
    }

    /// The payload, as JSON text, of `content` for `target`. `fresh` fetches everybody's keys anew.
    async fn seal_direct(
        &self,
        target: Uid,
        content: &Content,
        client_id: Uuid,
        fresh: bool,
    ) -> Result<String, ClientError> {
        let contact = self.contact(target).await?;
        let Some(mut recipients) = self.recipients(target, fresh).await? else {
            return match content {
                Content::Text(written) => self.seal_legacy(target, &written.text).await,
                _ => Err(ClientError::TextsOnly(target)),
            };
        };
        recipients.extend(self.recipients(self.uid, fresh).await?.unwrap_or_default());
        let own = self.secrets.encryption.public();
        if !recipients.contains(own) {
            recipients.push(own.clone());
        }
        let context = self.context(contact.log, client_id);
        Ok(Envelope::seal(&context, content, &recipients, &self.secrets.signing)?.to_json()?)
    }

    /// What this device's envelopes are bound to.
    pub(super) fn context(&self, log: LogId, id: Uuid) -> Context {
        Context {
            log,
            uid: self.uid,
            device: self.device,
            id,
        }
    }

    async fn seal_legacy(&self, target: Uid, text: &str) -> Result<String, ClientError> {
        // Existing clients replace their key without telling anybody.
        self.refresh_contacts().await?;
        let recipient = EncryptionKey::from_pem(&self.contact(target).await?.public_e2e_key)?;
        let payload = legacy::seal_text(text, &recipient)?;
        serde_json::to_string(&payload).map_err(|_| LegacyError::Malformed.into())
    }
}
