//! Contacts.

mod cancel;
mod confirm;
mod list;
mod reject;
mod remove;
mod requests;
mod subscribe;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, get, post, resource};

use crate::http::idempotency::once;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/subscribe")
                .wrap(from_fn(once))
                .route(post().to(subscribe::handle)),
        )
        .service(resource("/subscribe/reject").route(post().to(reject::handle)))
        .service(resource("/subscribe/cancel").route(post().to(cancel::handle)))
        .service(
            resource("/confirm_subscribe")
                .wrap(from_fn(once))
                .route(post().to(confirm::handle)),
        )
        .service(resource("/contacts").route(get().to(list::handle)))
        .service(resource("/contacts/requests").route(get().to(requests::handle)))
        .service(resource("/contacts/{uid}").route(delete().to(remove::handle)));
}
