//! Messages that are to be sent later.

mod cancel;
mod list;
mod message;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/schedule/message").route(post().to(message::handle)))
        .service(resource("/schedule").route(get().to(list::all)))
        .service(
            resource("/schedule/{id}")
                .route(get().to(list::one))
                .route(delete().to(cancel::handle)),
        );
}
