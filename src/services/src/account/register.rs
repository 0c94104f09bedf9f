//! A new account with its first device.

use melo_crypto::{e2e::PublicKeyPem, random};
use melo_domain::{
    Banned, ClientDeviceId, DeviceHandle, DisplayName, LogId, LogKind, PasswordOwner, Phone,
    Secret, Uid,
};
use melo_storage::accounts::{self, NewAccount};
use melo_storage::{StorageError, devices, logs};

use super::AccountError;
use super::admit::{Admission, admit};
use super::issue_challenge::{Work, use_work};
use crate::audit::{self, Action, Object};
use crate::credentials::{CredentialError, check_fit_of};
use crate::{Core, Origin, bans, limits};

/// Random ids that may collide before something must be wrong: with a million accounts the chance of one
/// collision is one in ninety.
const ATTEMPTS: usize = 12;

/// What a person registers with.
pub struct Registration {
    /// Unique.
    pub phone: Phone,
    /// Shown to contacts.
    pub name: DisplayName,
    /// Shown to contacts.
    pub nickname: DisplayName,
    /// Checked for its form already.
    pub password: Secret,
    /// That was sent to the phone.
    pub code: Option<Secret>,
    /// That an admin made.
    pub invite: Option<Secret>,
    /// The first device.
    pub device_id: ClientDeviceId,
    /// The account's RSA key.
    pub e2e_key: PublicKeyPem,
    /// Work done for it.
    pub work: Option<Work>,
    /// Where the call came from.
    pub origin: Origin,
}

/// A new account.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    /// Public id.
    pub uid: Uid,
    /// The first device's public name.
    pub device: DeviceHandle,
}

/// Creates the account, its private log and its first device in one transaction.
pub async fn register(core: &Core, new: &Registration) -> Result<Registered, AccountError> {
    limits::open_call(core, new.origin.address).await?;
    let suspects = [
        Banned::address(new.origin.address),
        Banned::Device(new.device_id.clone()),
        Banned::Phone(new.phone.clone()),
    ];
    if bans::check(core, &suspects).await? {
        return Err(AccountError::KeptOut);
    }
    // Before anything is looked up: whoever tries out phone numbers pays for each.
    use_work(core, new.work.as_ref()).await?;
    let owner = PasswordOwner::new(&new.phone, new.name.as_str(), new.nickname.as_str());
    // Before the code is looked at, which has only so many attempts.
    check_fit_of(core, &new.password, &owner).map_err(CredentialError::Unfit)?;
    // Before the phone is: whether it is taken is told to who may register only.
    let admission = admit(core, new).await?;
    // Before the costly hash; the unique index decides between two at once.
    if phone_known(core, &new.phone).await? {
        return Err(AccountError::PhoneTaken);
    }
    let password_hash = core.passwords.hash(new.password.clone()).await?;
    for _ in 0..ATTEMPTS {
        match insert(core, new, &admission, &password_hash).await {
            Ok(outcome) => return Ok(outcome?),
            Err(error) if error.is_unique_violation() => {
                if phone_known(core, &new.phone).await? {
                    return Err(AccountError::PhoneTaken);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StorageError::Corrupt("no free user id found").into())
}

async fn phone_known(core: &Core, phone: &Phone) -> Result<bool, StorageError> {
    let found = accounts::find_by_phone(core.store.db.write(), &core.store.keys, phone).await?;
    Ok(found.is_some())
}

async fn insert(
    core: &Core,
    new: &Registration,
    admission: &Admission,
    password_hash: &str,
) -> Result<Result<Registered, CredentialError>, StorageError> {
    let (keys, now) = (&core.store.keys, core.clock.now());
    let uid = Uid::from_random(random::u64());
    let device = DeviceHandle::from_random(random::u64());
    let private_log = LogId::from_random(random::u64());
    let tx = core.store.db.begin().await?;
    if let Err(refused) = admission.take(&tx).await? {
        return Ok(Err(refused));
    }
    let account = NewAccount {
        uid,
        phone: &new.phone,
        name: &new.name,
        nickname: &new.nickname,
        password_hash,
        e2e_key: new.e2e_key.as_str(),
        created: now,
        private_log,
    };
    accounts::insert(&tx, keys, &account).await?;
    logs::create(&tx, keys, private_log, LogKind::Private, &[uid], now).await?;
    devices::insert(&tx, keys, device, uid, &new.device_id, now).await?;
    let (action, object) = (Action::AccountRegister, Object::User(uid));
    audit::record(core, &tx, &new.origin, Some(uid), action, object, &()).await?;
    tx.commit().await?;
    Ok(Ok(Registered { uid, device }))
}
