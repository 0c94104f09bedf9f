//! Messages.

mod history;
mod send;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/messages/send").route(post().to(send::handle)))
        .service(resource("/messages/history/dm/{uid}").route(get().to(history::handle)))
        .service(resource("/history/{uid}").route(get().to(history::handle)));
}
