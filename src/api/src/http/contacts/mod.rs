//! Contacts.

mod confirm;
mod list;
mod subscribe;

use actix_web::web::{ServiceConfig, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/subscribe").route(post().to(subscribe::handle)))
        .service(resource("/confirm_subscribe").route(post().to(confirm::handle)))
        .service(resource("/contacts").route(get().to(list::handle)));
}
