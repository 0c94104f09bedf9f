//! Pictures of people.

mod remove;
mod upload;
mod view;

use actix_web::web::{ServiceConfig, delete, get, post, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/avatar/upload").route(post().to(upload::handle)))
        .service(resource(["/avatar", "/avatar/"]).route(delete().to(remove::handle)))
        .service(resource("/avatar/{uid}").route(get().to(view::handle)));
}
