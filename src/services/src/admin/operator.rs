//! What the operator does at the machine itself, without an account: the first owner, and the way back when the
//! last one is lost. Whoever can run these has the keys and the database anyway; the audit log names no actor.

use melo_crypto::random;
use melo_domain::{DisplayName, LogId, LogKind, PasswordOwner, Phone, Role, Secret, Uid};
use melo_storage::accounts::{self, NewAccount, Standing};
use melo_storage::audit::{self as rows, AuditEntry, AuditFilter};
use melo_storage::{StorageError, logs, second_factors};
use serde_json::json;

use super::AdminError;
use super::change_role::set_role;
use crate::audit::{self, Action, Object};
use crate::credentials::check_fit_of;
use crate::{Core, Fault, Origin};

/// Random ids that may collide before something must be wrong.
const ATTEMPTS: usize = 12;

/// A person whom the operator makes.
pub struct NewPerson {
    /// Unique.
    pub phone: Phone,
    /// Shown to contacts.
    pub name: DisplayName,
    /// Rank from the beginning.
    pub role: Role,
    /// As typed.
    pub password: Secret,
}

/// Makes an account without a device. It has no keys until its first login: a client brings its own then. The
/// password is held to the same rules as anybody's.
pub async fn create_person(
    core: &Core,
    origin: &Origin,
    new: NewPerson,
) -> Result<Uid, AdminError> {
    let owner = PasswordOwner::new(&new.phone, new.name.as_str(), new.name.as_str());
    check_fit_of(core, &new.password, &owner)?;
    let hash = core.passwords.hash(new.password.clone()).await?;
    for _ in 0..ATTEMPTS {
        match insert(core, origin, &new, &hash).await {
            Ok(uid) => return Ok(uid),
            Err(error) if error.is_unique_violation() => {
                let (db, keys) = (core.store.db.write(), &core.store.keys);
                if accounts::find_by_phone(db, keys, &new.phone)
                    .await?
                    .is_some()
                {
                    return Err(AdminError::PhoneTaken);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::Storage(StorageError::Corrupt("no free user id found")).into())
}

async fn insert(
    core: &Core,
    origin: &Origin,
    new: &NewPerson,
    password_hash: &str,
) -> Result<Uid, StorageError> {
    let (keys, now) = (&core.store.keys, core.now());
    let uid = Uid::from_random(random::u64());
    let private_log = LogId::from_random(random::u64());
    let tx = core.store.db.begin().await?;
    let account = NewAccount {
        uid,
        phone: &new.phone,
        name: &new.name,
        nickname: &new.name,
        password_hash,
        e2e_key: "",
        created: now,
        private_log,
    };
    accounts::insert(&tx, keys, &account).await?;
    let standing = Standing {
        role: Some(new.role),
        ..Standing::default()
    };
    accounts::set_standing(&tx, uid, standing).await?;
    logs::create(&tx, keys, private_log, LogKind::Private, &[uid], now).await?;
    let (action, object) = (Action::AccountRegister, Object::User(uid));
    let details = json!({"role": new.role.as_str()});
    audit::record(core, &tx, origin, None, action, object, &details).await?;
    tx.commit().await?;
    Ok(uid)
}

/// Gives somebody a role; the last owner keeps theirs. Returns the role before.
pub async fn promote(
    core: &Core,
    origin: &Origin,
    uid: Uid,
    role: Role,
) -> Result<Role, AdminError> {
    let tx = core.store.db.begin().await?;
    let before = set_role(&tx, uid, role).await?;
    let details = json!({"from": before.as_str(), "to": role.as_str()});
    let (action, object) = (Action::AdminChangeRole, Object::User(uid));
    audit::record(core, &tx, origin, None, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(before)
}

/// Takes somebody's second factor and recovery codes away.
pub async fn take_second_factor(core: &Core, origin: &Origin, uid: Uid) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    accounts::hold_standing(&tx, uid)
        .await?
        .ok_or(AdminError::UserNotFound)?;
    if !second_factors::remove(&tx, uid).await? {
        return Err(AdminError::NoSecondFactor);
    }
    let (action, object) = (Action::AdminResetSecondFactor, Object::User(uid));
    audit::record(core, &tx, origin, None, action, object, &()).await?;
    Ok(tx.commit().await.map_err(StorageError::from)?)
}

/// Entries of the audit log, newest first, for whoever reads them at the machine. That is an entry too.
pub async fn read_log(
    core: &Core,
    origin: &Origin,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<AuditEntry>, AdminError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let entries = rows::search(db, keys, filter, before, limit).await?;
    let (action, object) = (Action::AuditRead, Object::Server);
    let details = json!({"actor": filter.actor, "action": filter.action, "object": filter.object});
    audit::record_alone(core, origin, None, action, object, &details).await?;
    Ok(entries)
}
