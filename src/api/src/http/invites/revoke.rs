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
    let unknown = |_| ApiError::new(ErrorCode::NotFound, "there is no such invite");
    let id = super::id_of(&id).map_err(unknown)?;
    invites::revoke(&state.core, caller, &origin, id).await?;
    Ok(Json(StatusAnswer::of("revoked")))
}
