//! REST handlers: one file per call; each area lists its own routes.

mod account;
mod contacts;
mod keys;
mod messages;
mod status;

use actix_web::web::{ServiceConfig, get, resource};

/// Every REST route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .configure(account::routes)
        .configure(contacts::routes)
        .configure(messages::routes)
        .configure(keys::routes)
        .service(resource("/status").route(get().to(status::handle)));
}
