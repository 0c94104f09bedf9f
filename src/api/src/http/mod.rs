//! REST handlers: one file per call.

mod account;
mod contacts;
mod keys;
mod messages;
mod status;

use actix_web::web::{ServiceConfig, delete, get, post, put, resource};

/// Every REST route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/register").route(post().to(account::register::handle)))
        .service(resource("/login").route(post().to(account::login::handle)))
        .service(resource("/public_key").route(get().to(account::public_key::handle)))
        .service(resource("/encryption_public_key").route(get().to(account::public_key::handle)))
        .service(resource("/csrf_token").route(get().to(account::csrf_token::handle)))
        .service(
            resource("/profile")
                .route(get().to(account::view_profile::handle))
                .route(put().to(account::update_profile::handle)),
        )
        .service(resource("/e2e/public_key").route(post().to(account::set_public_key::handle)))
        .service(
            resource("/e2e/secret_key")
                .route(post().to(account::key_backup::store))
                .route(get().to(account::key_backup::load)),
        )
        .service(resource("/ws_ticket").route(post().to(account::ws_ticket::handle)))
        .service(resource("/subscribe").route(post().to(contacts::subscribe::handle)))
        .service(resource("/confirm_subscribe").route(post().to(contacts::confirm::handle)))
        .service(resource("/contacts").route(get().to(contacts::list::handle)))
        .service(resource("/messages/send").route(post().to(messages::send::handle)))
        .service(resource("/messages/history/dm/{uid}").route(get().to(messages::history::handle)))
        .service(resource("/history/{uid}").route(get().to(messages::history::handle)))
        .service(resource("/keys").route(post().to(keys::publish::handle)))
        .service(
            resource("/keys/{name}")
                .route(get().to(keys::fetch::handle))
                .route(delete().to(keys::remove::handle)),
        )
        .service(resource("/status").route(get().to(status::handle)));
}
