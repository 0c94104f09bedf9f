//! Password or device token in, session and tokens out.

use melo_crypto::{AccessClaims, BearerToken, Verdict, e2e::PublicKeyPem, random};
use melo_domain::{
    Banned, ClientDeviceId, DeviceHandle, DeviceType, Phone, Secret, SessionId, SessionKind, Uid,
};
use melo_storage::accounts::{self, Account, ProfileChange};
use melo_storage::devices::{self, Device};
use melo_storage::sessions::{self, NewSession};
use melo_storage::{DatabaseTransaction, StorageError, bans as bans_rows, second_factors};

use serde_json::json;

use super::add_device::find_or_add_device;
use super::note_refusal::note_refusal;
use super::{AccountError, check_standing};
use crate::audit::{self, Action, Object};
use crate::limits::{self, lockout};
use crate::second_factor::{self, Passed, Shown};
use crate::{Core, Origin, bans, notices};

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
    /// Of the second factor, where one is set up.
    pub code: Option<Secret>,
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
    /// The password; the hash to store when it was made with older parameters; and the second factor.
    Password {
        rehashed: Option<String>,
        passed: Passed,
    },
    /// The device token, which stays good.
    DeviceToken(Secret),
}

/// Checks the credentials and begins a session.
pub async fn login(core: &Core, input: LoginInput) -> Result<LoggedIn, AccountError> {
    limits::open_call(core, input.origin.address).await?;
    let named = match &input.identifier {
        Identifier::Phone(phone) => Some(phone.clone()),
        _ => None,
    };
    keep_out(core, &input, named.as_ref()).await?;
    let account = find_account(core, &input.identifier).await?;
    let (account, proof) =
        if let Some(known) = prove_by_token(core, &input, account.as_ref()).await? {
            known
        } else {
            prove_by_password(core, &input, account).await?
        };
    if named.is_none() {
        // Only now: that somebody's number is banned is for nobody who cannot sign in as them.
        let phone = account.phone.parse().ok();
        keep_out(core, &input, phone.as_ref()).await?;
    }
    begin(core, &input, account, proof).await
}

/// Refuses banned addresses, devices and phones.
async fn keep_out(
    core: &Core,
    input: &LoginInput,
    phone: Option<&Phone>,
) -> Result<(), AccountError> {
    let mut suspects = vec![
        Banned::address(input.origin.address),
        Banned::Device(input.device_id.clone()),
    ];
    suspects.extend(phone.cloned().map(Banned::Phone));
    if bans::check(core, &suspects).await? {
        return Err(AccountError::KeptOut);
    }
    Ok(())
}

/// The same within the transaction that begins the session, for what a ban puts out: one that is being written at
/// the same time comes before this and is seen, or after it and then finds the new session.
async fn still_let_in(
    core: &Core,
    tx: &DatabaseTransaction,
    input: &LoginInput,
    account: &Account,
) -> Result<(), AccountError> {
    let mut suspects = vec![Banned::Device(input.device_id.clone())];
    suspects.extend(account.phone.parse().map(Banned::Phone));
    if bans_rows::any_stands(tx, &core.store.keys, &suspects, core.now()).await? {
        return Err(AccountError::KeptOut);
    }
    Ok(())
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

/// A known device comes in by its token, whatever others have tried with the password.
async fn prove_by_token(
    core: &Core,
    input: &LoginInput,
    account: Option<&Account>,
) -> Result<Option<(Account, Proof)>, AccountError> {
    let Some(token) = &input.device_token else {
        return Ok(None);
    };
    // Looked up for an unknown account as well, so that both take the same time.
    let uid = account.map_or(Uid::from_random(0), |account| account.uid);
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let device = devices::find(db, keys, uid, &input.device_id).await?;
    let good = device.is_some_and(|device| token_is_good(core, &device, token));
    // It was given to who had shown everything; no second factor is asked for again.
    let known = account.filter(|_| good).cloned();
    Ok(known.map(|account| (account, Proof::DeviceToken(token.clone()))))
}

/// Tries the password, if there have not been too many wrong ones.
async fn prove_by_password(
    core: &Core,
    input: &LoginInput,
    account: Option<Account>,
) -> Result<(Account, Proof), AccountError> {
    let uid = account.as_ref().map(|account| account.uid);
    let Some(password) = &input.password else {
        // A device token has too many bits to be guessed: it is not counted as a wrong password.
        note_refusal(core, &input.origin, uid, None).await?;
        return Err(AccountError::InvalidCredentials);
    };
    let attempt = lockout::begin(core, &input.identifier.text(), input.origin.address).await?;
    let refused = match check_password(core, input, password, account).await {
        Ok(Proven::Yes(proven)) => {
            attempt.succeeded(core).await?;
            return Ok(*proven);
        }
        // The password was right: neither a failure nor a reason to forget failures.
        Ok(Proven::CodeMissing) => {
            attempt.dropped(core).await?;
            return Err(AccountError::SecondFactorRequired);
        }
        Err(error) => {
            attempt.dropped(core).await?;
            return Err(error);
        }
        Ok(Proven::No) => AccountError::InvalidCredentials,
        Ok(Proven::CodeWrong) => AccountError::SecondFactorInvalid,
    };
    let closed = attempt.failed(core).await?;
    note_refusal(core, &input.origin, uid, closed).await?;
    Err(refused)
}

/// What came of the password.
enum Proven {
    Yes(Box<(Account, Proof)>),
    No,
    /// The password is right.
    CodeMissing,
    /// The password is right.
    CodeWrong,
}

async fn check_password(
    core: &Core,
    input: &LoginInput,
    password: &Secret,
    account: Option<Account>,
) -> Result<Proven, AccountError> {
    let mut verdict = verify(core, password, account.as_ref()).await?;
    let mut used = (password.clone(), input.code.clone());
    // Existing clients have no field for the code: it may stand behind the password. Tried for everybody, so
    // that the time does not tell who has a second factor.
    if verdict == Verdict::Wrong
        && input.code.is_none()
        && let Some((front, code)) = split_code(password)
    {
        verdict = verify(core, &front, account.as_ref()).await?;
        let factor = account.as_ref().map(|account| account.uid);
        if !has_second_factor(core, factor).await? {
            verdict = Verdict::Wrong;
        }
        used = (front, Some(code));
    }
    let (Some(account), true) = (account, verdict != Verdict::Wrong) else {
        return Ok(Proven::No);
    };
    let (password, code) = used;
    let passed = match second_factor::check(core, account.uid, code.as_ref()).await? {
        Shown::Passed(passed) => passed,
        Shown::Missing => return Ok(Proven::CodeMissing),
        Shown::Wrong => return Ok(Proven::CodeWrong),
    };
    let rehashed = match verdict {
        Verdict::RightButOutdated => Some(core.passwords.hash(password).await?),
        _ => None,
    };
    let proof = Proof::Password { rehashed, passed };
    Ok(Proven::Yes(Box::new((account, proof))))
}

async fn verify(
    core: &Core,
    password: &Secret,
    account: Option<&Account>,
) -> Result<Verdict, AccountError> {
    let stored = account.map(|account| account.password_hash.clone());
    Ok(core.passwords.verify(password.clone(), stored).await?)
}

async fn has_second_factor(core: &Core, uid: Option<Uid>) -> Result<bool, StorageError> {
    let uid = uid.unwrap_or(Uid::from_random(0));
    second_factors::is_confirmed(core.store.db.read(), uid).await
}

/// The password and the six digits behind it.
fn split_code(password: &Secret) -> Option<(Secret, Secret)> {
    let text = password.expose();
    let (front, code) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let is_code = !front.is_empty() && code.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| {
        (
            Secret::new(front.trim_end().to_owned()),
            Secret::new(code.to_owned()),
        )
    })
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
    still_let_in(core, &tx, input, &account).await?;
    let (device, notice) =
        find_or_add_device(core, &tx, account.uid, &input.device_id, &input.origin).await?;
    let mut recovery_used = false;
    let authenticated = matches!(proof, Proof::Password { .. }).then_some(now);
    let device_token = match proof {
        Proof::DeviceToken(token) => token,
        Proof::Password { rehashed, passed } => {
            if passed == Passed::RecoveryCode {
                recovery_used = true;
            }
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
    let details =
        json!({"device": device, "new_device": notice.is_some(), "recovery_code": recovery_used});
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
    notices::publish(core, notice);

    let life = core.policy.access_token_life;
    let claims = AccessClaims::new(account.uid, session, device, SCOPE, now, life);
    Ok(LoggedIn {
        access_token: core.jwt.load().issue(&claims)?,
        csrf_token: core.csrf.issue(session, now.plus(life)),
        device_token,
        account,
        device,
        session,
        expires_in: life.as_secs(),
    })
}

/// The product of a User-Agent, `melo-cli/0.1.0`: enough to recognise one's own device in a list.
pub(super) fn device_name(user_agent: &str) -> String {
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
    fn a_code_may_stand_behind_the_password() {
        let split = |text: &str| {
            let parts = split_code(&Secret::new(text.to_owned()));
            parts.map(|(front, code)| (front.expose().to_owned(), code.expose().to_owned()))
        };
        let parted = Some(("secret".to_owned(), "123456".to_owned()));
        assert_eq!(split("secret123456"), parted);
        assert_eq!(split("secret 123456"), parted);
        for none in ["", "123456", "secret12345", "secret12345x", "secretя23456"] {
            assert_eq!(split(none), None, "{none}");
        }
    }

    #[test]
    fn device_names_are_short_and_never_empty() {
        assert_eq!(device_name("melo-cli/0.1.0 (linux)"), "melo-cli/0.1.0");
        assert_eq!(device_name(""), "unknown");
        assert_eq!(device_name(&"x".repeat(500)).len(), MAX_DEVICE_NAME);
    }
}
