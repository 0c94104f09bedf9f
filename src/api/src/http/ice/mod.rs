//! Servers for calls.

mod servers;

use actix_web::web::{ServiceConfig, get, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/ice_servers").route(get().to(servers::handle)));
}
