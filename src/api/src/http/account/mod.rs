//! Coming in, and what one says about oneself.

mod csrf_token;
mod delete;
mod export;
mod jwks;
mod key_backup;
pub(super) mod login;
mod public_key;
mod register;
mod register_challenge;
mod set_public_key;
mod update_profile;
mod view_profile;
mod ws_ticket;

use actix_web::web::{ServiceConfig, get, post, put, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/register").route(post().to(register::handle)))
        .service(resource("/register/challenge").route(get().to(register_challenge::handle)))
        .service(resource("/login").route(post().to(login::handle)))
        .service(resource("/public_key").route(get().to(public_key::handle)))
        .service(resource("/encryption_public_key").route(get().to(public_key::handle)))
        .service(resource("/.well-known/jwks.json").route(get().to(jwks::handle)))
        .service(resource("/csrf_token").route(get().to(csrf_token::handle)))
        .service(
            resource("/profile")
                .route(get().to(view_profile::handle))
                .route(put().to(update_profile::handle)),
        )
        .service(resource("/e2e/public_key").route(post().to(set_public_key::handle)))
        .service(
            resource("/e2e/secret_key")
                .route(post().to(key_backup::store))
                .route(get().to(key_backup::load)),
        )
        .service(resource("/account/export").route(post().to(export::handle)))
        .service(resource("/account/delete").route(post().to(delete::handle)))
        .service(resource("/ws_ticket").route(post().to(ws_ticket::handle)));
}
