//! The key directory.

mod fetch;
mod publish;
mod remove;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/keys").route(post().to(publish::handle)))
        .service(
            resource("/keys/{name}")
                .route(get().to(fetch::handle))
                .route(delete().to(remove::handle)),
        );
}
