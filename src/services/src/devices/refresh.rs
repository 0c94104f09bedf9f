//! Replaces a device token by the next one. One that was replaced and shows up again has been copied.

use melo_crypto::{BearerToken, TokenHash};
use melo_domain::{ClientDeviceId, EventKind, Secret};
use melo_protocol::CloseCode;
use melo_storage::devices::{self, Device, Tokens};
use melo_storage::sessions::Which;
use melo_storage::{StorageError, accounts};
use serde_json::json;

use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::notices::{self, Recipient};
use crate::{Caller, Core, Grant, Origin, sessions};

/// Replaces the token. Of any number of calls with one token at once exactly one gets the next.
pub async fn refresh(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: &ClientDeviceId,
    presented: &Secret,
) -> Result<Secret, AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    limits::take(core, Limit::Refresh, caller.uid).await?;
    let (keys, now) = (&core.store.keys, core.now());
    let old = TokenHash::of(presented.expose());
    let tx = core.store.db.begin().await?;
    let device = devices::find(&tx, keys, caller.uid, id)
        .await?
        .ok_or(AccessError::InvalidDeviceToken)?;
    let good = device
        .token
        .as_ref()
        .is_some_and(|(hash, expires)| *hash == old && *expires > now);
    let (token, hash) = BearerToken::generate();
    let next = (&hash, now.plus(core.policy.device_token_life));
    if good && devices::rotate_token(&tx, keys, device.handle, &old, next, now).await? {
        tx.commit().await.map_err(StorageError::from)?;
        return Ok(token);
    }
    // A retry whose answer was lost, or two tabs at once, are no theft.
    let spent = devices::spent_token(&tx, keys, device.handle, &old).await?;
    let lately = core.policy.device_token_leeway;
    if spent.is_none_or(|at| now.since(at) < lately) {
        return Err(AccessError::InvalidDeviceToken);
    }
    drop(tx);
    sign_out(core, caller, origin, &device).await?;
    Err(AccessError::TokenReused)
}

/// Somebody has a copy of this device's token: nobody goes on with it, and the person is told.
async fn sign_out(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    device: &Device,
) -> Result<(), AccessError> {
    let tx = core.store.db.begin().await?;
    let ended = sessions::end(&tx, caller.uid, Which::OfDevice(device.handle)).await?;
    devices::drop_tokens(&tx, caller.uid, Tokens::Of(device.handle)).await?;
    let account = accounts::find(&tx, &core.store.keys, caller.uid)
        .await?
        .ok_or(AccessError::NotFound("account"))?;
    let recipient = Recipient {
        uid: caller.uid,
        private_log: account.private_log,
    };
    let members = json!({"alert": "device_token_reused", "device": device.handle});
    let kind = EventKind::SecurityAlert;
    let notice = notices::append(core, &tx, recipient, kind, caller.uid, &members).await?;
    let (action, object) = (Action::DeviceTokenReused, Object::Device(device.handle));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, [notice]);
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
