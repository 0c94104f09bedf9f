//! Contacts, and how far their keys are believed: trust on first use, a warning and a refusal when an identity
//! changes, and the safety number to compare.

use melo_domain::Uid;
use melo_protocol::ErrorCode;
use melo_protocol::rest::contacts::{ConfirmRequest, SubscribeRequest};

use super::{Client, Inner};
use crate::crypto::directory::{DirectoryError, LastSeen, VerifiedDirectory, check_continuity};
use crate::crypto::rsa_keys::EncryptionKey;
use crate::crypto::safety_number::SafetyNumber;
use crate::error::ClientError;
use crate::keystore::{IncomingRequest, KnownContact, Person, State};
use crate::rest::calls;

/// Contacts a page, the most that the server gives.
const PER_PAGE: u32 = 100;
/// The most pages that are asked for.
const MAX_PAGES: u32 = 1000;

/// What there is to compare with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The number both people see.
    pub number: SafetyNumber,
    /// The identity key it was made with: what [`Client::trust_identity`] takes.
    pub identity: [u8; 32],
    /// Whether this identity was marked as compared before.
    pub verified: bool,
    /// Whether another identity of this person was known before. Nothing is sent to them until the new one
    /// is trusted.
    pub changed: bool,
}

impl Client {
    /// Asks somebody to become a contact. With `secret`, they are not told one's phone.
    pub async fn add_contact(&self, uid: Uid, secret: bool) -> Result<(), ClientError> {
        let csrf_token = self.inner.csrf_token().await?;
        let request = SubscribeRequest {
            target_id: uid.to_string(),
            secret,
            csrf_token,
        };
        match self.inner.call(&calls::subscribe(&request)?).await {
            Err(error) if error.code() == Some(ErrorCode::CsrfFailed) => {
                let request = SubscribeRequest {
                    csrf_token: self.inner.csrf_token().await?,
                    ..request
                };
                self.inner.call(&calls::subscribe(&request)?).await?;
            }
            other => {
                other?;
            }
        }
        Ok(())
    }

    /// Accepts somebody's request.
    pub async fn accept_contact(&self, uid: Uid) -> Result<(), ClientError> {
        let csrf_token = self.inner.csrf_token().await?;
        let request = ConfirmRequest {
            target_id: uid.to_string(),
            csrf_token,
        };
        match self.inner.call(&calls::confirm_subscribe(&request)?).await {
            Err(error) if error.code() == Some(ErrorCode::CsrfFailed) => {
                let request = ConfirmRequest {
                    csrf_token: self.inner.csrf_token().await?,
                    ..request
                };
                self.inner
                    .call(&calls::confirm_subscribe(&request)?)
                    .await?;
            }
            other => {
                other?;
            }
        }
        self.inner.state().requests.remove(&uid);
        self.inner.save().await
    }

    /// The contact of the server's own that answers every call and sends the sound back, where it has one.
    pub async fn echo(&self) -> Result<Option<Uid>, ClientError> {
        Ok(self.inner.call(&calls::ice_servers()).await?.echo)
    }

    /// The accepted contacts, from the server.
    pub async fn contacts(&self) -> Result<Vec<(Uid, KnownContact)>, ClientError> {
        self.inner.refresh_contacts().await?;
        let state = self.inner.state();
        Ok(state
            .contacts
            .iter()
            .map(|(uid, contact)| (*uid, contact.clone()))
            .collect())
    }

    /// Requests to become a contact that this device saw and that were not accepted yet.
    pub fn requests(&self) -> Vec<(Uid, IncomingRequest)> {
        self.inner
            .state()
            .requests
            .iter()
            .map(|(uid, request)| (*uid, request.clone()))
            .collect()
    }

    /// What a contact calls themselves, as far as this device knows.
    pub fn nickname(&self, uid: Uid) -> Option<String> {
        self.inner
            .state()
            .contacts
            .get(&uid)
            .map(|c| c.nickname.clone())
    }

    /// Whether the safety number with that person was compared.
    pub fn is_verified(&self, uid: Uid) -> bool {
        self.inner
            .state()
            .people
            .get(&uid)
            .is_some_and(|p| p.verified)
    }

    /// Fetches a person's keys and says what there is to compare.
    pub async fn verification(&self, uid: Uid) -> Result<Verification, ClientError> {
        let changed = match self.inner.refresh_person(uid).await {
            Ok(_) => false,
            Err(ClientError::Directory {
                error: DirectoryError::IdentityChanged,
                ..
            }) => true,
            Err(error) => return Err(error),
        };
        let identity = if changed {
            self.inner.fetch_directory(uid).await?.map(|d| d.identity)
        } else {
            self.inner
                .state()
                .people
                .get(&uid)
                .and_then(Person::identity)
        };
        let identity = identity.ok_or(ClientError::NoIdentity(uid))?;
        Ok(Verification {
            number: SafetyNumber::of(&self.identity_key(), &identity),
            identity,
            verified: !changed && self.is_verified(uid),
            changed,
        })
    }

    /// Trusts `identity` as that person's, also when another one was known before. `compared` says that the
    /// safety numbers were compared and are the same.
    pub async fn trust_identity(
        &self,
        uid: Uid,
        identity: &[u8; 32],
        compared: bool,
    ) -> Result<(), ClientError> {
        let directory = self
            .inner
            .fetch_directory(uid)
            .await?
            .ok_or(ClientError::NoIdentity(uid))?;
        if directory.identity != *identity || uid == self.inner.uid {
            return Err(ClientError::Directory {
                uid,
                error: DirectoryError::IdentityChanged,
            });
        }
        {
            let mut state = self.inner.state();
            let mut person = Person::remember(&directory, state.people.get(&uid));
            person.verified |= compared;
            remember(&mut state, uid, person);
        }
        self.inner.save().await
    }
}

impl Inner {
    async fn csrf_token(&self) -> Result<String, ClientError> {
        // A token that is about to expire takes the CSRF token with it.
        self.access_token(None).await?;
        Ok(self.state().tokens.csrf_token.clone())
    }

    /// Fetches all contacts.
    pub(super) async fn refresh_contacts(&self) -> Result<(), ClientError> {
        let mut contacts = std::collections::BTreeMap::new();
        for page in 1..=MAX_PAGES {
            let answer = self.call(&calls::contacts(page, PER_PAGE)).await?;
            for c in answer.contacts {
                let contact = KnownContact {
                    nickname: c.nickname,
                    log: c.log,
                    public_e2e_key: c.public_e2e_key,
                };
                contacts.insert(c.unique_id, contact);
            }
            if u64::from(page) >= answer.pages {
                break;
            }
        }
        let changed = {
            let mut state = self.state();
            state.requests.retain(|uid, _| !contacts.contains_key(uid));
            let changed = state.contacts != contacts;
            state.contacts = contacts;
            changed
        };
        if changed { self.save().await } else { Ok(()) }
    }

    /// A contact, from the key store or the server.
    pub(super) async fn contact(&self, uid: Uid) -> Result<KnownContact, ClientError> {
        if let Some(contact) = self.state().contacts.get(&uid) {
            return Ok(contact.clone());
        }
        self.refresh_contacts().await?;
        self.state()
            .contacts
            .get(&uid)
            .cloned()
            .ok_or(ClientError::NotAContact(uid))
    }

    /// A person's directory with every signature checked, not yet held against what was seen before.
    pub(super) async fn fetch_directory(
        &self,
        uid: Uid,
    ) -> Result<Option<VerifiedDirectory>, ClientError> {
        let directory = self.call(&calls::directory(uid)).await?;
        VerifiedDirectory::verify(uid, &directory)
            .map_err(|error| ClientError::Directory { uid, error })
    }

    /// Fetches a person's directory, believes it if it continues what was seen before, and remembers it.
    /// `None`: the person has no device of the new kind.
    pub(super) async fn refresh_person(
        &self,
        uid: Uid,
    ) -> Result<Option<VerifiedDirectory>, ClientError> {
        let offered = self.fetch_directory(uid).await?;
        if self.believe(uid, offered.as_ref())? {
            self.save().await?;
        }
        Ok(offered)
    }

    /// Holds a directory against what was seen before and remembers it. Whether that is anything new.
    pub(super) fn believe(
        &self,
        uid: Uid,
        offered: Option<&VerifiedDirectory>,
    ) -> Result<bool, ClientError> {
        let mut state = self.state();
        let known = state.people.get(&uid);
        let mut seen = known.and_then(Person::last_seen);
        if uid == self.uid {
            // One's own identity is not learnt from the server.
            let version = seen.map_or(0, |s| s.version);
            seen = Some(LastSeen {
                identity: self.secrets.identity.public(),
                version,
            });
        }
        check_continuity(seen, offered).map_err(|error| match error {
            DirectoryError::IdentityChanged if uid == self.uid => {
                ClientError::OwnIdentityChanged(uid)
            }
            error => ClientError::Directory { uid, error },
        })?;
        let person = offered.map(|o| Person::remember(o, known));
        match person {
            Some(person) if known != Some(&person) => {
                remember(&mut state, uid, person);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The keys of a person's devices; `None` when they have none of the new kind. `fresh` asks the server
    /// in any case.
    pub(super) async fn recipients(
        &self,
        uid: Uid,
        fresh: bool,
    ) -> Result<Option<Vec<EncryptionKey>>, ClientError> {
        let known = |inner: &Self| {
            inner
                .state()
                .people
                .get(&uid)
                .filter(|p| !p.stale)
                .map(Person::recipients)
        };
        let remembered = if fresh {
            None
        } else {
            known(self).filter(|keys| !keys.is_empty())
        };
        let keys = match remembered {
            Some(keys) => keys,
            None if self.refresh_person(uid).await?.is_none() => return Ok(None),
            None => known(self).unwrap_or_default(),
        };
        if keys.is_empty() {
            Err(ClientError::NoDevices(uid))
        } else {
            Ok(Some(keys))
        }
    }
}

/// Puts down what is known of a person now. A device that is gone could open the keys of the chats that the person
/// is in: they are not written under any more.
fn remember(state: &mut State, uid: Uid, person: Person) {
    let before = state.people.get(&uid);
    if before.is_some_and(|before| person.lost_devices_since(before)) {
        let shared = state.chats.values_mut();
        for chat in shared.filter(|chat| chat.may_be_member(uid)) {
            chat.retire_all();
        }
    }
    state.people.insert(uid, person);
}
