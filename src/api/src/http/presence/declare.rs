//! POST /status/online, /status/away, /status/offline.

use actix_web::web::{Data, Json};
use melo_domain::PresenceStatus;
use melo_protocol::rest::StatusAnswer;
use melo_services::{Caller, presence};

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn online(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<StatusAnswer>, ApiError> {
    declare(&state, caller, PresenceStatus::Online).await
}

pub(crate) async fn away(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<StatusAnswer>, ApiError> {
    declare(&state, caller, PresenceStatus::Away).await
}

pub(crate) async fn offline(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<StatusAnswer>, ApiError> {
    declare(&state, caller, PresenceStatus::Offline).await
}

async fn declare(
    state: &State,
    caller: Caller,
    status: PresenceStatus,
) -> Result<Json<StatusAnswer>, ApiError> {
    presence::declare(&state.core, caller, status).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
