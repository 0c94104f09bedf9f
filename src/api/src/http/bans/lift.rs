//! DELETE /admin/bans/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_services::bans::{self, BanError};

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    // What is no id is the id of nothing.
    let id = (id.len() == 16)
        .then(|| i64::from_str_radix(&id, 16).ok())
        .flatten()
        .ok_or(BanError::NotFound)?;
    bans::lift(&state.core, caller, &origin, id).await?;
    Ok(Json(StatusAnswer::of("lifted")))
}
