//! Personal access tokens.

mod create;
mod list;
mod revoke;

pub(super) use create::words;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, get, post, resource};

use crate::http::idempotency::once;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/tokens")
                .wrap(from_fn(once))
                .route(get().to(list::handle))
                .route(post().to(create::handle)),
        )
        .service(resource("/tokens/{id}").route(delete().to(revoke::handle)));
}
