//! One's own devices.

mod authorize;
mod list;
mod refresh;
mod register;
mod revoke;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/devices").route(get().to(list::handle)))
        .service(resource("/devices/register").route(post().to(register::handle)))
        .service(resource("/devices/refresh").route(post().to(refresh::handle)))
        .service(resource("/devices/revoke").route(post().to(revoke::by_client)))
        .service(resource("/devices/authorize").route(post().to(authorize::handle)))
        .service(resource("/devices/{device}").route(delete().to(revoke::by_name)));
}
