//! DELETE /avatar/ and /avatar.

use actix_web::web::{Data, Json};
use melo_protocol::rest::avatar::OkAnswer;
use melo_services::avatar;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
) -> Result<Json<OkAnswer>, ApiError> {
    avatar::remove(&state.core, caller, &origin).await?;
    Ok(Json(OkAnswer { ok: true }))
}
