//! Calls of those who work for this server.

mod sms;

use actix_web::web::{ServiceConfig, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/webhooks/sms").route(post().to(sms::handle)));
}
