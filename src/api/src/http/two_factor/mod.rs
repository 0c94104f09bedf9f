//! The second factor.

mod confirm;
mod disable;
mod enrol;
mod renew_codes;
mod view;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/two_factor").route(get().to(view::handle)))
        .service(resource("/two_factor/enrol").route(post().to(enrol::handle)))
        .service(resource("/two_factor/confirm").route(post().to(confirm::handle)))
        .service(resource("/two_factor/disable").route(post().to(disable::handle)))
        .service(resource("/two_factor/recovery_codes").route(post().to(renew_codes::handle)));
}
