//! GET /chats/invitations, POST /chats/invitations/accept and /decline.

use actix_web::web::{Data, Json};
use melo_domain::ChatId;
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::{ChatRequest, InvitationView, InvitationsAnswer};
use melo_services::chats;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<InvitationsAnswer>, ApiError> {
    let found = chats::list_invitations(&state.core, caller).await?;
    let invitations = found.into_iter().map(|(entry, chat)| InvitationView {
        chat_id: ChatId(chat.log),
        title: chat.title,
        kind: chat.kind.chat_type().to_owned(),
        by: entry.by,
        created_at: entry.created,
    });
    Ok(Json(InvitationsAnswer {
        invitations: invitations.collect(),
    }))
}

pub(crate) async fn accept(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<ChatRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::answer_invitation(&state.core, caller, body.chat_id.0, true).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn decline(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<ChatRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::answer_invitation(&state.core, caller, body.chat_id.0, false).await?;
    Ok(Json(OkAnswer { ok: true }))
}
