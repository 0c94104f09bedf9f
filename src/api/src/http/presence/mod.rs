//! Who is there, and who is writing.

mod contacts;
mod declare;
mod me;
mod statuses;
mod typing;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/status/me").route(get().to(me::handle)))
        .service(resource("/status/contacts").route(get().to(contacts::handle)))
        .service(resource("/status/online").route(post().to(declare::online)))
        .service(resource("/status/away").route(post().to(declare::away)))
        .service(resource("/status/offline").route(post().to(declare::offline)))
        .service(resource("/status/typing").route(post().to(typing::handle)))
        .service(resource("/statuses").route(get().to(statuses::handle)));
}
