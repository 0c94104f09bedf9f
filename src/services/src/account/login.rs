//! Password or device token in, session and tokens out.

use melo_crypto::{AccessClaims, BearerToken, Verdict, e2e::PublicKeyPem, random};
use melo_domain::{
    ClientDeviceId, DeviceHandle, DeviceType, Phone, Secret, SessionId, SessionKind, Uid,
};
use melo_storage::accounts::{self, Account, ProfileChange};
use melo_storage::devices::{self, Device};
use melo_storage::sessions::{self, NewSession};
use melo_storage::{ConnectionTrait, StorageError, cursors};

use serde_json::json;

use super::{AccountError, check_standing};
use crate::audit::{self, Action, Object};
use crate::{Core, Origin, limits};

/// What an access token of a person's login is good for.
const SCOPE: &str = "user";
/// Longest device name made of it, in characters.
const MAX_DEVICE_NAME: usize = 100;

/// Whom somebody says to be.
pub enum Identifier {
    /// By public id.
    Uid(Uid),
    /// By phone.
    Phone(Phone),
    /// Neither: answered like an account that does not exist.
    Unrecognised(String),
}

impl Identifier {
    fn text(&self) -> String {
        match self {
            Self::Uid(uid) => uid.to_string(),
            Self::Phone(phone) => phone.as_str().to_owned(),
            Self::Unrecognised(text) => text.clone(),
        }
    }
}

/// A login.
pub struct LoginInput {
    /// Who.
    pub identifier: Identifier,
    /// Needed without a good device token.
    pub password: Option<Secret>,
    /// On which device.
    pub device_id: ClientDeviceId,
    /// From an earlier login there.
    pub device_token: Option<Secret>,
    /// Replaces the account's key.
    pub e2e_key: Option<PublicKeyPem>,
    /// Where the call came from.
    pub origin: Origin,
}

/// A session that has begun.
pub struct LoggedIn {
    /// JWT.
    pub access_token: Secret,
    /// For calls that take one.
    pub csrf_token: String,
    /// For the next login on this device.
    pub device_token: Secret,
    /// The person.
    pub account: Account,
    /// The device's public name.
    pub device: DeviceHandle,
    /// The session.
    pub session: SessionId,
    /// Seconds the access token is good for.
    pub expires_in: u64,
}

/// What let somebody in.
enum Proof {
    /// The password; the hash to store when it was made with older parameters.
    Password { rehashed: Option<String> },
    /// The device token, which stays good.
    DeviceToken(Secret),
}

/// Checks the credentials and begins a session.
pub async fn login(core: &Core, input: LoginInput) -> Result<LoggedIn, AccountError> {
    limits::open_call(core, input.origin.address).await?;
    let identifier = input.identifier.text();
    limits::may_try_login(core, &identifier, input.origin.address).await?;
    let account = find_account(core, &input.identifier).await?;
    let Some((account, proof)) = prove(core, &input, account).await? else {
        limits::login_failed(core, &identifier, input.origin.address).await?;
        return Err(AccountError::InvalidCredentials);
    };
    limits::login_succeeded(core, &identifier, input.origin.address).await?;
    begin(core, &input, account, proof).await
}

async fn find_account(
    core: &Core,
    identifier: &Identifier,
) -> Result<Option<Account>, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    match identifier {
        Identifier::Uid(uid) => accounts::find(db, keys, *uid).await,
        Identifier::Phone(phone) => accounts::find_by_phone(db, keys, phone).await,
        Identifier::Unrecognised(_) => Ok(None),
    }
}

async fn prove(
    core: &Core,
    input: &LoginInput,
    account: Option<Account>,
) -> Result<Option<(Account, Proof)>, AccountError> {
    if let Some(token) = &input.device_token {
        // Looked up for an unknown account as well, so that both take the same time.
        let nobody = Uid::from_random(0);
        let uid = account.as_ref().map_or(nobody, |a| a.uid);
        let device = devices::find(
            core.store.db.read(),
            &core.store.keys,
            uid,
            &input.device_id,
        )
        .await?;
        let good = device.is_some_and(|device| token_is_good(core, &device, token));
        if let (Some(account), true) = (&account, good) {
            return Ok(Some((account.clone(), Proof::DeviceToken(token.clone()))));
        }
    }
    let Some(password) = &input.password else {
        return Ok(None);
    };
    let stored = account.as_ref().map(|a| a.password_hash.clone());
    let verdict = core.passwords.verify(password.clone(), stored).await?;
    let rehashed = match verdict {
        Verdict::Wrong => return Ok(None),
        Verdict::Right => None,
        Verdict::RightButOutdated => Some(core.passwords.hash(password.clone()).await?),
    };
    Ok(account.map(|account| (account, Proof::Password { rehashed })))
}

fn token_is_good(core: &Core, device: &Device, token: &Secret) -> bool {
    device
        .token
        .as_ref()
        .is_some_and(|(hash, expires)| hash.matches(token.expose()) && *expires > core.clock.now())
}

async fn begin(
    core: &Core,
    input: &LoginInput,
    mut account: Account,
    proof: Proof,
) -> Result<LoggedIn, AccountError> {
    let (keys, now) = (&core.store.keys, core.clock.now());
    let session = SessionId::from_random(random::u64());
    let tx = core.store.db.begin().await?;
    check_standing(&tx, account.uid).await?;
    let device = find_or_add_device(core, &tx, account.uid, &input.device_id).await?;
    let authenticated = matches!(proof, Proof::Password { .. }).then_some(now);
    let device_token = match proof {
        Proof::DeviceToken(token) => token,
        Proof::Password { rehashed } => {
            if let Some(hash) = rehashed {
                let change = ProfileChange {
                    password_hash: Some(&hash),
                    ..Default::default()
                };
                accounts::update_profile(&tx, keys, account.uid, &change).await?;
            }
            let (token, hash) = BearerToken::generate();
            let expires = now.plus(core.policy.device_token_life);
            devices::set_token(&tx, keys, device, &hash, expires).await?;
            token
        }
    };
    if let Some(key) = &input.e2e_key {
        accounts::set_e2e_key(&tx, keys, account.uid, key.as_str(), now).await?;
        key.as_str().clone_into(&mut account.e2e_key);
    }
    let user_agent = &input.origin.user_agent;
    let new_session = NewSession {
        id: session,
        kind: SessionKind::Login,
        uid: account.uid,
        device,
        device_type: DeviceType::from_user_agent(user_agent),
        device_name: &device_name(user_agent),
        ip_address: &input.origin.address.to_string(),
        user_agent,
        created: now,
        authenticated,
    };
    sessions::insert(&tx, keys, &new_session).await?;
    let details = json!({"device": device});
    let object = Object::Session(session);
    let actor = Some(account.uid);
    audit::record(
        core,
        &tx,
        &input.origin,
        actor,
        Action::SessionBegin,
        object,
        &details,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;

    let life = core.policy.access_token_life;
    let claims = AccessClaims::new(account.uid, session, device, SCOPE, now, life);
    Ok(LoggedIn {
        access_token: core.jwt.issue(&claims)?,
        csrf_token: core.csrf.issue(session, now.plus(life)),
        device_token,
        account,
        device,
        session,
        expires_in: life.as_secs(),
    })
}

async fn find_or_add_device(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    id: &ClientDeviceId,
) -> Result<DeviceHandle, StorageError> {
    let keys = &core.store.keys;
    if let Some(device) = devices::find(tx, keys, uid, id).await? {
        return Ok(device.handle);
    }
    let handle = DeviceHandle::from_random(random::u64());
    devices::insert(tx, keys, handle, uid, id, core.clock.now()).await?;
    cursors::start_at_end(tx, keys, uid, handle).await?;
    Ok(handle)
}

/// The product of a User-Agent, `melo-cli/0.1.0`: enough to recognise one's own device in a list.
fn device_name(user_agent: &str) -> String {
    let product = user_agent.split_whitespace().next().unwrap_or("");
    let name = if product.is_empty() {
        "unknown"
    } else {
        product
    };
    name.chars().take(MAX_DEVICE_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_short_and_never_empty() {
        assert_eq!(device_name("melo-cli/0.1.0 (linux)"), "melo-cli/0.1.0");
        assert_eq!(device_name(""), "unknown");
        assert_eq!(device_name(&"x".repeat(500)).len(), MAX_DEVICE_NAME);
    }
}
