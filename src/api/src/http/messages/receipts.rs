//! GET /chats/{chat_id}/receipts, GET /messages/receipts/dm/{uid}, POST /status/read.

use actix_web::web::{Data, Json, Path, Query};
use melo_domain::{ChatId, MessageId, Uid};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::receipts::{ReadRequest, ReceiptView, ReceiptsAnswer, ReceiptsQuery};
use melo_services::Caller;
use melo_services::messages::{self, Destination};
use melo_services::receipts::{self, MAX_LISTED};

use crate::error::ApiError;
use crate::extract::{Authenticated, BODY_LIMIT, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn direct(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    other: Path<String>,
    Query(query): Query<ReceiptsQuery>,
) -> Result<Json<ReceiptsAnswer>, ApiError> {
    let mut check = Check::default();
    let other = check.parse("uid", &other).map(Destination::Person);
    list(&state, caller, check, other, &query).await
}

pub(crate) async fn chat(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    chat: Path<String>,
    Query(query): Query<ReceiptsQuery>,
) -> Result<Json<ReceiptsAnswer>, ApiError> {
    let mut check = Check::default();
    let chat: Option<ChatId> = check.parse("chat_id", &chat);
    let chat = chat.map(|chat| Destination::Chat(chat.0));
    list(&state, caller, check, chat, &query).await
}

async fn list(
    state: &State,
    caller: Caller,
    mut check: Check,
    of: Option<Destination>,
    query: &ReceiptsQuery,
) -> Result<Json<ReceiptsAnswer>, ApiError> {
    let after: Option<Option<Uid>> = match &query.after {
        Some(text) => check.parse("after", text).map(Some),
        None => Some(None),
    };
    check.finish()?;
    let (of, after) = (checked(of)?, checked(after)?);
    let limit = query.limit.unwrap_or(MAX_LISTED);
    let page = receipts::list(&state.core, caller, of, after, limit).await?;
    let views = page.receipts.iter().map(|receipt| ReceiptView {
        user_id: receipt.uid,
        delivered: receipt.delivered,
        read: receipt.read,
    });
    Ok(Json(ReceiptsAnswer {
        receipts: views.collect(),
        next: page.next,
    }))
}

pub(crate) async fn read(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<ReadRequest, BODY_LIMIT>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let id: Option<MessageId> = check.parse("message_id", &body.message_id);
    check.finish()?;
    let chat = body.chat_id.map(|chat| chat.0);
    messages::spend_rest_send(&state.core, caller).await?;
    receipts::read(&state.core, caller, chat, checked(id)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
