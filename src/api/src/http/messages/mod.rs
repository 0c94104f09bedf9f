//! Messages.

mod change;
mod disappearing;
mod drafts;
mod history;
mod pins;
mod receipts;
mod send;
mod view;

use actix_web::HttpRequest;
use actix_web::web::{ServiceConfig, get, post, put, resource};
use melo_domain::ChatId;
use melo_services::messages::Destination;
use uuid::Uuid;

use crate::validate::Check;

/// Where a call's message goes: it names a person or a chat, and not both.
pub(in crate::http) fn destination(
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

/// The `Idempotency-Key` header, where a body has no `client_id`.
pub(in crate::http) fn idempotency_key(req: &HttpRequest, check: &mut Check) -> Option<Uuid> {
    let value = req.headers().get("idempotency-key")?;
    let parsed = value
        .to_str()
        .ok()
        .and_then(|text| Uuid::try_parse(text.trim_matches('"')).ok());
    check.take("Idempotency-Key", parsed.ok_or("must be a UUID"))
}

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/messages/send").route(post().to(send::handle)))
        .service(resource("/messages/edit").route(post().to(change::edit)))
        .service(resource("/messages/delete").route(post().to(change::delete)))
        .service(resource("/messages/pin").route(post().to(change::pin)))
        .service(resource("/messages/react").route(post().to(change::react)))
        .service(resource("/messages/history/dm/{uid}").route(get().to(history::direct)))
        .service(resource("/messages/history/chat/{chat_id}").route(get().to(history::chat)))
        .service(resource("/history/{uid}").route(get().to(history::direct)))
        .service(resource("/messages/pins/dm/{uid}").route(get().to(pins::direct)))
        .service(resource("/chats/{chat_id}/pins").route(get().to(pins::chat)))
        .service(resource("/messages/receipts/dm/{uid}").route(get().to(receipts::direct)))
        .service(resource("/chats/{chat_id}/receipts").route(get().to(receipts::chat)))
        .service(resource("/status/read").route(post().to(receipts::read)))
        .service(resource("/messages/disappearing/dm/{uid}").route(put().to(disappearing::handle)))
        .service(
            resource("/drafts")
                .route(post().to(drafts::save))
                .route(get().to(drafts::list)),
        );
}
