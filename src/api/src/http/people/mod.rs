//! Other people, and what they see of oneself.

mod blocks;
mod privacy;
mod search;

use actix_web::web::{ServiceConfig, delete, get, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/users/search").route(get().to(search::handle)))
        .service(resource("/privacy").get(privacy::view).put(privacy::set))
        .service(resource("/blocks").get(blocks::list).post(blocks::add))
        .service(resource("/blocks/{uid}").route(delete().to(blocks::remove)));
}
