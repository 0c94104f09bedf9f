//! DELETE /admin/invites/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::ErrorCode;
use melo_protocol::rest::StatusAnswer;
use melo_services::invites;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let id = i64::from_str_radix(&id, 16)
        .map_err(|_| ApiError::new(ErrorCode::NotFound, "there is no such invite"))?;
    invites::revoke(&state.core, caller, &origin, id).await?;
    Ok(Json(StatusAnswer::of("revoked")))
}
