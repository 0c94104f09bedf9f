//! One's own sessions.

mod list;
mod log_out;
mod reauthenticate;
mod revoke;
mod revoke_others;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(["/sessions", "/sessions/"]).route(get().to(list::handle)))
        .service(resource("/sessions/revoke_all").route(post().to(revoke_others::handle)))
        .service(resource("/sessions/terminate_all").route(post().to(revoke_others::handle)))
        .service(resource("/sessions/{id}").route(delete().to(revoke::handle)))
        .service(resource("/logout").route(post().to(log_out::handle)))
        .service(resource("/reauthenticate").route(post().to(reauthenticate::handle)));
}
