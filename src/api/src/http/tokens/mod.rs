//! Personal access tokens.

mod create;
mod list;
mod revoke;

pub(super) use create::words;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/tokens")
                .route(get().to(list::handle))
                .route(post().to(create::handle)),
        )
        .service(resource("/tokens/{id}").route(delete().to(revoke::handle)));
}
