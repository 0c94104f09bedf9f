//! GET /status/me.

use actix_web::web::{Data, Json};
use melo_protocol::rest::presence::OwnStatus;
use melo_services::presence;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<OwnStatus>, ApiError> {
    let own = presence::own(&state.core, caller).await?;
    Ok(Json(OwnStatus {
        user_id: caller.uid,
        status: own.status,
        last_seen: own.last_seen,
        is_typing_in_chat: own.typing_in,
    }))
}
