//! Makes a token.

use std::time::Duration;

use melo_crypto::{BearerToken, TokenHash, random};
use melo_domain::{
    Area, ClientDeviceId, DeviceHandle, DeviceType, Level, Role, Scope, Scopes, Secret, SessionId,
    SessionKind, Timestamp,
};
use melo_storage::access_tokens::{self, AccessToken};
use melo_storage::sessions::NewSession;
use melo_storage::{StorageError, accounts, cursors, devices, sessions};
use serde_json::json;

use super::{MAX_TOKENS, PREFIX, RECENT};
use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::sessions::is_recent;
use crate::{Caller, Core, Fault, Grant, Origin};

/// What to make.
pub struct NewToken {
    /// What the person calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// For how long; a year at most.
    pub life: Duration,
}

/// A new token.
pub struct Created {
    /// Shown once.
    pub token: Secret,
    /// Its id.
    pub id: SessionId,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// Makes a token on a session and a device of its own. Only a login can: a token does not beget tokens.
pub async fn create(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: NewToken,
) -> Result<Created, AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    limits::take(core, Limit::Token, caller.uid).await?;
    let (keys, now) = (&core.store.keys, core.now());
    let session = SessionId::from_random(random::u64());
    let device = DeviceHandle::from_random(random::u64());
    let device_id: ClientDeviceId = format!("{:016x}", random::u64())
        .parse()
        .map_err(|_| Fault::Task)?;
    let (secret, _) = BearerToken::generate();
    let token = Secret::new(format!("{PREFIX}{}", secret.expose()));

    let tx = core.store.db.begin().await?;
    let account = accounts::find(&tx, keys, caller.uid)
        .await?
        .ok_or(AccessError::NotFound("account"))?;
    let reads_admin = Scope {
        area: Area::Admin,
        level: Level::Read,
    };
    if new.scopes.allow(reads_admin) {
        if account.role < Role::Moderator {
            return Err(AccessError::AdminScope);
        }
        if !is_recent(core, caller, RECENT).await? {
            return Err(AccessError::ReauthenticationRequired);
        }
    }
    if access_tokens::of_person(&tx, keys, caller.uid).await?.len() >= MAX_TOKENS {
        return Err(AccessError::TooManyTokens);
    }
    devices::insert(&tx, keys, device, caller.uid, &device_id, now).await?;
    cursors::start_at_end(&tx, keys, caller.uid, device).await?;
    let stands_on = NewSession {
        id: session,
        kind: SessionKind::Token,
        uid: caller.uid,
        device,
        device_type: DeviceType::Unknown,
        device_name: &new.name,
        ip_address: &origin.address.to_string(),
        user_agent: &origin.user_agent,
        created: now,
        authenticated: None,
    };
    sessions::insert(&tx, keys, &stands_on).await?;
    let stored = AccessToken {
        session,
        uid: caller.uid,
        scopes: new.scopes,
        name: new.name,
        expires: now.plus(new.life.min(super::MAX_LIFE)),
    };
    let hash = TokenHash::of(token.expose());
    access_tokens::insert(&tx, keys, &stored, &hash).await?;
    let details = json!({"scopes": new.scopes.to_string(), "expires": stored.expires});
    let (action, object) = (Action::TokenCreate, Object::Token(session));
    audit::record(
        core,
        &tx,
        origin,
        Some(caller.uid),
        action,
        object,
        &details,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(Created {
        token,
        id: session,
        expires: stored.expires,
    })
}
