//! POST /invites/join.

use actix_web::web::{Data, Json};
use melo_domain::ChatId;
use melo_protocol::rest::chats::{JoinAnswer, JoinRequest};
use melo_services::chats::{self, Entry};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<JoinRequest>,
) -> Result<Json<JoinAnswer>, ApiError> {
    let mut check = Check::default();
    check.credential("code", &body.code);
    check.finish()?;
    let (log, entry) = chats::join(&state.core, caller, body.code.expose()).await?;
    let status = match entry {
        Entry::Joined => "joined",
        Entry::Requested => "requested",
    };
    Ok(Json(JoinAnswer {
        ok: true,
        chat_id: ChatId(log),
        status: status.to_owned(),
    }))
}
