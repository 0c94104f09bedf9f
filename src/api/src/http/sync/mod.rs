//! How a device stands to its logs.

mod acknowledge;
mod snapshot;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/sync").route(get().to(snapshot::handle)))
        .service(resource("/events/ack").route(post().to(acknowledge::handle)));
}
