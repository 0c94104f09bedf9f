//! Messages.

mod history;
mod send;

use actix_web::web::{ServiceConfig, get, post, resource};
use melo_domain::ChatId;
use melo_services::messages::Destination;

use crate::validate::Check;

/// Where a call's message goes: it names a person or a chat, and not both.
pub(super) fn destination(
    check: &mut Check,
    target_id: Option<&str>,
    chat_id: Option<ChatId>,
) -> Option<Destination> {
    match (target_id, chat_id) {
        (Some(target), None) => check.parse("target_id", target).map(Destination::Person),
        (None, Some(chat)) => Some(Destination::Chat(chat.0)),
        _ => {
            check.refuse("target_id", "or chat_id must be given, and not both");
            None
        }
    }
}

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/messages/send").route(post().to(send::handle)))
        .service(resource("/messages/history/dm/{uid}").route(get().to(history::handle)))
        .service(resource("/history/{uid}").route(get().to(history::handle)));
}
