//! REST handlers: one file per call; each area lists its own routes.

mod account;
mod admin;
mod avatar;
mod bans;
mod calls;
mod chats;
mod contacts;
mod credentials;
mod devices;
mod ice;
mod idempotency;
mod invites;
mod keys;
mod messages;
mod people;
mod presence;
mod schedule;
mod sessions;
mod status;
mod sync;
mod tokens;
mod two_factor;
mod webhooks;

use actix_web::web::{ServiceConfig, get, resource};

/// Every REST route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .configure(account::routes)
        .configure(sessions::routes)
        .configure(devices::routes)
        .configure(tokens::routes)
        .configure(ice::routes)
        .configure(two_factor::routes)
        .configure(bans::routes)
        .configure(avatar::routes)
        .configure(contacts::routes)
        .configure(people::routes)
        .configure(presence::routes)
        .configure(messages::routes)
        .configure(schedule::routes)
        .configure(sync::routes)
        .configure(chats::routes)
        .configure(calls::routes)
        .configure(keys::routes)
        .configure(admin::routes)
        .configure(credentials::routes)
        .configure(invites::routes)
        .configure(webhooks::routes)
        .service(resource("/status").route(get().to(status::handle)));
}
