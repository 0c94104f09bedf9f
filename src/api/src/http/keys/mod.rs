//! The key directory.

mod fetch;
mod publish;
mod remove;

use actix_web::web::{ServiceConfig, delete, get, post, resource};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Uid;
use melo_protocol::rest::keys::{DeviceKeys, KeyDirectory};
use melo_services::keys::Directory;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/keys").route(post().to(publish::handle)))
        .service(
            resource("/keys/{name}")
                .route(get().to(fetch::handle))
                .route(delete().to(remove::handle)),
        );
}

/// A person's entry.
pub(super) fn entry_of(uid: Uid, found: Directory) -> KeyDirectory {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let devices = found.devices.into_iter().map(|d| DeviceKeys {
        device: d.handle,
        encryption_key: encode(&d.encryption_key),
        signing_key: encode(&d.signing_key),
        signature: encode(&d.signature),
        kid: d.kid,
    });
    KeyDirectory {
        uid,
        identity_key: found.identity_key.as_deref().map(encode),
        version: found.version,
        devices: devices.collect(),
    }
}
