//! DELETE /tokens/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_services::access::AccessError;
use melo_services::tokens;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let id = id.parse().map_err(|_| AccessError::NotFound("token"))?;
    tokens::revoke(&state.core, caller, &origin, id).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
