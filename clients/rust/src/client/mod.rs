//! The whole of a client: an account on one device, its contacts and its conversations.

mod account;
#[cfg(test)]
mod bench;
mod call;
mod call_plain;
mod call_seal;
mod changes;
mod chat_keys;
mod chat_log;
#[cfg(test)]
mod chat_tests;
mod chats;
mod collect;
mod engine;
mod events;
mod handle;
mod live;
mod messages;
mod over;
mod people;
mod progress;
mod register;
mod seal;
mod send;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use melo_domain::{Clock, DeviceHandle, MessageId, Secret, SystemClock, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::rest::account::{LoginAnswer, LoginRequest};
use rustls::client::danger::ServerCertVerifier;
use serde::de::DeserializeOwned;

pub use account::{Identity, SignIn};
pub use call::{CallDeed, CallEvent, CallHeard, CallLine, CallWords, Plain};
pub use changes::{Change, Changed};
pub use chat_keys::KeyProgress;
pub use events::{ChatEvent, ChatNews, Ended, Event, SendError};
pub use live::{Events, Live};
pub use messages::{Body, HistoryPage, Message, Proof, Reaction, Refusal, Since};
pub use people::Verification;
pub use register::Registration;
pub use send::Sent;

use chat_keys::OnProgress;

use crate::address::ServerAddress;
use crate::crypto::identity::DeviceSecrets;
use crate::crypto::passphrase::Kdf;
use crate::error::ClientError;
use crate::keystore::{Server, State, Tokens, Vault};
use crate::rest::{Api, Call, calls};
use crate::tls;

/// Where a client keeps its keys and how it presents itself.
#[derive(Clone)]
pub struct Options {
    /// The key store's file.
    pub keystore: PathBuf,
    /// Seals that file.
    pub passphrase: Secret,
    /// How the passphrase becomes a key, for a new file.
    pub kdf: Kdf,
    /// What session lists show.
    pub user_agent: String,
    /// What time it is: when tokens are renewed, and how old the keys of chats are.
    pub clock: Arc<dyn Clock>,
    /// Says whether the server's certificate is good, in place of the certificates that are trusted: for a client in the
    /// server's own process, which knows the certificate itself.
    pub certificate: Option<Arc<dyn ServerCertVerifier>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("keystore", &self.keystore)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The usual options for a key store at `keystore`.
    pub fn new(keystore: PathBuf, passphrase: Secret) -> Self {
        let user_agent = concat!("melo-cli/", env!("CARGO_PKG_VERSION")).to_owned();
        Self {
            keystore,
            passphrase,
            kdf: Kdf::STRONG,
            user_agent,
            clock: Arc::new(SystemClock),
            certificate: None,
        }
    }
}

/// An account on this device. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) api: Api,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) address: ServerAddress,
    pub(crate) user_agent: String,
    pub(crate) uid: Uid,
    pub(crate) device: DeviceHandle,
    pub(crate) secrets: Arc<DeviceSecrets>,
    pub(crate) clock: Arc<dyn Clock>,
    state: Mutex<State>,
    vault: Arc<Vault>,
    /// Files are written in the order in which they were sealed.
    saving: tokio::sync::Mutex<()>,
    /// One login at a time.
    renewing: tokio::sync::Mutex<()>,
    /// Events that this device wrote by calls: the live connection is not sent them.
    appended: Mutex<Vec<MessageId>>,
    key_progress: Mutex<Option<OnProgress>>,
    /// Whether there is a live connection, or attempts at one.
    engaged: AtomicBool,
    /// Whether a live connection has caught up.
    live: AtomicBool,
}

/// Everything needed to talk to a server before there is an account.
struct Connector {
    api: Api,
    tls: Arc<rustls::ClientConfig>,
    address: ServerAddress,
}

impl Connector {
    fn new(
        server: &Server,
        user_agent: &str,
        certificate: Option<Arc<dyn ServerCertVerifier>>,
    ) -> Result<Self, ClientError> {
        let address = ServerAddress::parse(&server.url, server.ws.as_deref())?;
        let tls = match certificate {
            Some(certificate) => tls::config_verified_by(certificate)?,
            None => tls::client_config(server.ca_pem.as_deref())?,
        };
        let api = Api::new(address.https(), &tls, user_agent)?;
        Ok(Self { api, tls, address })
    }
}

/// Runs slow work on a thread of the blocking pool.
async fn off_thread<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ClientError>
where
    T: Send + 'static,
    E: Send + 'static,
    ClientError: From<E>,
{
    Ok(tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ClientError::Stopping)??)
}

impl Client {
    /// Opens the key store and makes sure that the server has this device's keys. With `ca_pem`, those
    /// certificates are trusted instead of the remembered ones, this time.
    pub async fn open(options: Options, ca_pem: Option<String>) -> Result<Self, ClientError> {
        let client = Self::open_offline(options, ca_pem).await?;
        client.inner.ensure_published().await?;
        Ok(client)
    }

    /// Opens the key store without asking the server anything.
    pub async fn open_offline(
        options: Options,
        ca_pem: Option<String>,
    ) -> Result<Self, ClientError> {
        let Options {
            keystore,
            passphrase,
            user_agent,
            clock,
            certificate,
            ..
        } = options;
        let (vault, state) =
            off_thread(move || Vault::open(&keystore, passphrase.expose())).await?;
        let mut server = state.server.clone();
        server.ca_pem = ca_pem.or(server.ca_pem);
        let connector = Connector::new(&server, &user_agent, certificate)?;
        Self::assemble(connector, (user_agent, clock), vault, state)
    }

    fn assemble(
        connector: Connector,
        (user_agent, clock): (String, Arc<dyn Clock>),
        vault: Vault,
        state: State,
    ) -> Result<Self, ClientError> {
        let secrets = state.keys.load().map_err(|_| ClientError::UnreadableKeys)?;
        let inner = Inner {
            api: connector.api,
            tls: connector.tls,
            address: connector.address,
            user_agent,
            uid: state.account.uid,
            device: state.account.device,
            secrets: Arc::new(secrets),
            clock,
            state: Mutex::new(state),
            vault: Arc::new(vault),
            saving: tokio::sync::Mutex::new(()),
            renewing: tokio::sync::Mutex::new(()),
            appended: Mutex::default(),
            key_progress: Mutex::default(),
            engaged: AtomicBool::new(false),
            live: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The account.
    pub fn uid(&self) -> Uid {
        self.inner.uid
    }

    /// This device's public name.
    pub fn device(&self) -> DeviceHandle {
        self.inner.device
    }

    /// A copy of what the key store holds of the account.
    pub fn account(&self) -> crate::keystore::Account {
        self.inner.state().account.clone()
    }

    /// The server's address.
    pub fn server(&self) -> &ServerAddress {
        &self.inner.address
    }

    /// The public half of the account's identity key.
    pub fn identity_key(&self) -> [u8; 32] {
        self.inner.secrets.identity.public()
    }

    /// The REST interface, for calls that this type has no method for.
    pub fn api(&self) -> &Api {
        &self.inner.api
    }

    /// An access token that is good now.
    pub async fn access_token(&self) -> Result<Secret, ClientError> {
        self.inner.access_token(None).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}, {})", self.inner.uid, self.inner.device)
    }
}

/// What a login gave, as the key store keeps it.
fn tokens_of(answer: &LoginAnswer, now: Timestamp) -> Tokens {
    Tokens {
        device_token: answer.device_token.clone(),
        access_token: answer.access_token.clone(),
        access_renew: now.plus(Duration::from_secs(answer.expires_in) * 3 / 4),
        access_expires: now.plus(Duration::from_secs(answer.expires_in)),
        csrf_token: answer.csrf_token.clone(),
    }
}

impl Inner {
    /// The state. Held for moments only, never over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an event that this device wrote by a call.
    pub(crate) fn note_appended(&self, event: MessageId) {
        let mut appended = self.appended.lock().unwrap_or_else(PoisonError::into_inner);
        appended.push(event);
    }

    /// The events that this device wrote by calls, once.
    pub(crate) fn take_appended(&self) -> Vec<MessageId> {
        let mut appended = self.appended.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut appended)
    }

    /// Counts them as handled, when there is no live connection that does.
    pub(crate) fn settle_appended(&self) {
        if !self.is_engaged() {
            for event in self.take_appended() {
                self.note_own(event.log, event.seq);
            }
        }
    }

    pub(crate) fn key_progress(&self) -> MutexGuard<'_, Option<OnProgress>> {
        let held = self.key_progress.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a live connection, or attempts at one. A second one of the same device would end it.
    pub(crate) fn is_engaged(&self) -> bool {
        self.engaged.load(Ordering::Acquire)
    }

    pub(crate) fn set_engaged(&self, engaged: bool) {
        self.engaged.store(engaged, Ordering::Release);
    }

    /// Whether a live connection has caught up.
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    pub(crate) fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    /// Writes the state to disk.
    pub(crate) async fn save(&self) -> Result<(), ClientError> {
        let _turn = self.saving.lock().await;
        let sealed = self.vault.seal(&self.state())?;
        let vault = Arc::clone(&self.vault);
        off_thread(move || vault.write(&sealed)).await
    }

    /// An access token; renewed by device token when it is about to expire, or when `refused` is the one
    /// at hand.
    pub(crate) async fn access_token(
        &self,
        refused: Option<&Secret>,
    ) -> Result<Secret, ClientError> {
        let _turn = self.renewing.lock().await;
        let (tokens, device_id) = {
            let state = self.state();
            (state.tokens.clone(), state.account.device_id.clone())
        };
        let was_refused = refused.is_some_and(|r| r.expose() == tokens.access_token.expose());
        let now = self.clock.now();
        if !was_refused && now < tokens.access_renew {
            return Ok(tokens.access_token);
        }
        let login = LoginRequest {
            identifier: self.uid.to_string(),
            password: None,
            device_id,
            device_token: Some(tokens.device_token),
            public_e2e_key: None,
            code: None,
            cookie: false,
        };
        match self.api.send(&calls::login(&login)?, None).await {
            Ok(answer) => {
                self.state().tokens = tokens_of(&answer, now);
                self.save().await?;
                Ok(answer.access_token)
            }
            Err(error) if error.code() == Some(ErrorCode::InvalidCredentials) => {
                Err(ClientError::SignedOut)
            }
            Err(error) if error.is_transient() && !was_refused && now < tokens.access_expires => {
                Ok(tokens.access_token)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a call with an access token; once more when the token is refused.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T, ClientError> {
        let token = self.access_token(None).await?;
        match self.api.send(call, Some(&token)).await {
            Err(error) if is_token_fault(error.code()) => {
                let token = self.access_token(Some(&token)).await?;
                Ok(self.api.send(call, Some(&token)).await?)
            }
            other => Ok(other?),
        }
    }
}

fn is_token_fault(code: Option<ErrorCode>) -> bool {
    matches!(
        code,
        Some(
            ErrorCode::InvalidToken
                | ErrorCode::TokenExpired
                | ErrorCode::SessionRevoked
                | ErrorCode::CsrfFailed
        )
    )
}
