//! Calls that go on, and how they were.

mod active;
mod quality;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/calls/active").route(get().to(active::handle)))
        .service(resource("/calls/quality").route(post().to(quality::handle)));
}
