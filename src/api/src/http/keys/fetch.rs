//! GET /keys/{uid}.

use actix_web::web::{Data, Json, Path};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_protocol::rest::keys::{DeviceKeys, KeyDirectory};
use melo_services::keys;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    name: Path<String>,
) -> Result<Json<KeyDirectory>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &name);
    check.finish()?;
    let uid = checked(uid)?;
    let found = keys::fetch(&state.core, caller, uid).await?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let devices = found.devices.iter().map(|d| DeviceKeys {
        device: d.handle,
        kid: d.kid.clone(),
        encryption_key: encode(&d.encryption_key),
        signing_key: encode(&d.signing_key),
        signature: encode(&d.signature),
    });
    Ok(Json(KeyDirectory {
        uid,
        identity_key: found.identity_key.as_deref().map(encode),
        version: found.version,
        devices: devices.collect(),
    }))
}
