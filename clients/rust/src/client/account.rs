//! Signing in, publishing keys, the key backup.

use melo_domain::{DeviceHandle, Secret, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::rest::account::{KeyBackupUpdate, LoginAnswer, LoginRequest, ProfileAnswer};

use super::{Client, Connector, Inner, Options, off_thread, tokens_of};
use crate::crypto::backup::{open_identity, seal_identity};
use crate::crypto::encoding::encode;
use crate::crypto::identity::{DeviceSecrets, SignatureKey};
use crate::crypto::passphrase::{Kdf, PassphraseError};
use crate::crypto::random;
use crate::crypto::rsa_keys::DecryptionKey;
use crate::error::ClientError;
use crate::keystore::{Account, KeystoreError, Server, State, StoredKeys, Vault};
use crate::rest::calls;

/// Signing in on this device.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// User id or phone.
    pub identifier: String,
    /// The account's password.
    pub password: Secret,
    /// The second factor's code, or a recovery code, where one is set up.
    pub code: Option<Secret>,
    /// Where the account's identity comes from.
    pub identity: Identity,
}

/// Where a new device has the account's identity key from.
#[derive(Debug, Clone)]
pub enum Identity {
    /// From the key backup, opened with this recovery passphrase.
    Backup(Secret),
    /// A new one, backed up under this passphrase. Every other device leaves the directory, and contacts are
    /// warned.
    New(Secret),
}

/// A key store that is there already is never overwritten.
pub(super) fn refuse_existing(options: &Options) -> Result<(), ClientError> {
    if Vault::exists(&options.keystore) {
        return Err(KeystoreError::Exists(options.keystore.clone()).into());
    }
    Ok(())
}

impl Client {
    /// Signs in: again on a device whose key store is there, or on a new one.
    pub async fn login(
        options: Options,
        server: Server,
        sign_in: SignIn,
    ) -> Result<Self, ClientError> {
        if Vault::exists(&options.keystore) {
            return Self::login_again(options, server, sign_in).await;
        }
        let connector = Connector::new(&server, &options.user_agent, options.certificate.clone())?;
        let device_id = hex::encode(random::bytes::<8>()?);
        let answer = password_login(&connector, &sign_in, device_id).await?;
        let uid = answer.unique_id;
        let (identity, fresh) = match sign_in.identity {
            Identity::Backup(passphrase) => (
                restore_identity(&connector, &answer.access_token, uid, passphrase).await?,
                None,
            ),
            Identity::New(passphrase) => (SignatureKey::generate()?, Some(passphrase)),
        };
        let encryption = DecryptionKey::generate_off_thread().await?;
        let secrets = DeviceSecrets {
            encryption,
            signing: SignatureKey::generate()?,
            identity,
        };
        let client = Self::create(options, connector, server, &answer, &secrets).await?;
        client.inner.publish(fresh.is_some()).await?;
        if let Some(passphrase) = fresh {
            client.store_backup(passphrase).await?;
        } else {
            client.inner.state().backed_up = true;
            client.inner.save().await?;
        }
        Ok(client)
    }

    /// The device was signed out, or moves to another address of its server.
    async fn login_again(
        options: Options,
        server: Server,
        sign_in: SignIn,
    ) -> Result<Self, ClientError> {
        let Options {
            keystore,
            passphrase,
            user_agent,
            clock,
            certificate,
            ..
        } = options;
        let (vault, mut state) =
            off_thread(move || Vault::open(&keystore, passphrase.expose())).await?;
        let connector = Connector::new(&server, &user_agent, certificate)?;
        let answer = password_login(&connector, &sign_in, state.account.device_id.clone()).await?;
        if answer.unique_id != state.account.uid {
            return Err(ClientError::OtherAccount(state.account.uid));
        }
        // A server that forgot the device gives it another name: its keys must be signed for that one.
        state.published &= answer.device == state.account.device;
        state.account.device = answer.device;
        state.tokens = tokens_of(&answer, clock.now());
        state.server = server;
        let fresh = renew_identity(&connector, &answer, &mut state, sign_in.identity).await?;
        let client = Self::assemble(connector, (user_agent, clock), vault, state)?;
        client.inner.save().await?;
        match fresh {
            Some(passphrase) => {
                client.inner.publish(true).await?;
                client.store_backup(passphrase).await?;
            }
            None => client.inner.ensure_published().await?,
        }
        Ok(client)
    }

    pub(super) async fn create(
        options: Options,
        connector: Connector,
        server: Server,
        answer: &LoginAnswer,
        secrets: &DeviceSecrets,
    ) -> Result<Self, ClientError> {
        let state = State {
            server,
            account: account_of(answer),
            tokens: tokens_of(answer, options.clock.now()),
            keys: StoredKeys::store(secrets)?,
            published: false,
            backed_up: false,
            people: std::collections::BTreeMap::new(),
            contacts: std::collections::BTreeMap::new(),
            requests: std::collections::BTreeMap::new(),
            cursors: std::collections::BTreeMap::new(),
            outbox: Vec::new(),
            received: std::collections::BTreeMap::new(),
            chats: std::collections::BTreeMap::new(),
        };
        let Options {
            keystore,
            passphrase,
            kdf,
            user_agent,
            clock,
            ..
        } = options;
        let (vault, state) = off_thread(move || {
            let vault = Vault::create(&keystore, passphrase.expose(), kdf, &state)?;
            Ok::<_, KeystoreError>((vault, state))
        })
        .await?;
        Self::assemble(connector, (user_agent, clock), vault, state)
    }

    /// One's own profile.
    pub async fn profile(&self) -> Result<ProfileAnswer, ClientError> {
        self.inner.call(&calls::profile(None)).await
    }

    /// Seals the identity key under `passphrase` and gives it to the server to keep.
    pub async fn store_backup(&self, passphrase: Secret) -> Result<(), ClientError> {
        let (uid, identity) = (self.inner.uid, self.inner.secrets.identity.clone());
        let sealing = tokio::task::spawn_blocking(move || {
            seal_identity(uid, &identity, passphrase.expose(), Kdf::STRONG)
        });
        let ciphertext = sealing
            .await
            .map_err(|_| ClientError::Stopping)?
            .map_err(ClientError::Backup)?;
        self.inner
            .call(&calls::store_backup(&KeyBackupUpdate { ciphertext })?)
            .await?;
        self.inner.state().backed_up = true;
        self.inner.save().await
    }

    /// Whether the server keeps a backup that this device made or was restored from.
    pub fn is_backed_up(&self) -> bool {
        self.inner.state().backed_up
    }
}

impl Inner {
    /// Publishes this device's keys.
    pub(super) async fn publish(&self, replace_identity: bool) -> Result<(), ClientError> {
        let request = self
            .secrets
            .publish_request(self.uid, self.device, replace_identity);
        self.call(&calls::publish_keys(&request)?).await?;
        self.state().published = true;
        self.save().await
    }

    /// Publishes this device's keys unless that was done.
    pub(super) async fn ensure_published(&self) -> Result<(), ClientError> {
        if self.state().published {
            Ok(())
        } else {
            self.publish(false).await
        }
    }
}

fn account_of(answer: &LoginAnswer) -> Account {
    let device: DeviceHandle = answer.device;
    Account {
        uid: answer.unique_id,
        device,
        device_id: answer.device_id.clone(),
        phone: answer.phone.clone(),
        name: answer.name.clone(),
        nickname: answer.nickname.clone(),
    }
}

async fn password_login(
    connector: &Connector,
    sign_in: &SignIn,
    device_id: String,
) -> Result<LoginAnswer, ClientError> {
    let login = LoginRequest {
        identifier: sign_in.identifier.clone(),
        password: Some(sign_in.password.clone()),
        device_id,
        device_token: None,
        public_e2e_key: None,
        code: sign_in.code.clone(),
        cookie: false,
    };
    Ok(connector.api.send(&calls::login(&login)?, None).await?)
}

async fn restore_identity(
    connector: &Connector,
    token: &Secret,
    uid: Uid,
    passphrase: Secret,
) -> Result<SignatureKey, ClientError> {
    let backup = match connector
        .api
        .send(&calls::fetch_backup(), Some(token))
        .await
    {
        Ok(answer) => answer.ciphertext,
        Err(error) if error.code() == Some(ErrorCode::NotFound) => {
            return Err(ClientError::NoBackup);
        }
        Err(error) => return Err(error.into()),
    };
    let opening =
        tokio::task::spawn_blocking(move || open_identity(uid, &backup, passphrase.expose()));
    let opened: Result<_, PassphraseError> = opening.await.map_err(|_| ClientError::Stopping)?;
    opened.map_err(ClientError::Backup)
}

/// Gives a device that signs in again the identity the account has now: another device may have started over.
/// The passphrase is returned when the identity is a new one, to be published and backed up.
async fn renew_identity(
    connector: &Connector,
    answer: &LoginAnswer,
    state: &mut State,
    source: Identity,
) -> Result<Option<Secret>, ClientError> {
    let (uid, token) = (answer.unique_id, &answer.access_token);
    let mut secrets = state.keys.load().map_err(|_| ClientError::UnreadableKeys)?;
    let fresh = match source {
        Identity::New(passphrase) => {
            secrets.identity = SignatureKey::generate()?;
            Some(passphrase)
        }
        Identity::Backup(passphrase) => {
            let directory = connector
                .api
                .send(&calls::directory(uid), Some(token))
                .await?;
            let own = encode(&secrets.identity.public());
            if directory
                .identity_key
                .is_none_or(|published| published == own)
            {
                return Ok(None);
            }
            // What the backup holds was sealed by the account's owner; the directory alone proves nothing.
            secrets.identity = restore_identity(connector, token, uid, passphrase).await?;
            None
        }
    };
    state.keys = StoredKeys::store(&secrets)?;
    state.published = false;
    state.people.remove(&uid);
    Ok(fresh)
}
