//! DELETE /sessions/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::access::SessionEndedAnswer;
use melo_services::access::AccessError;
use melo_services::sessions;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<SessionEndedAnswer>, ApiError> {
    // What is no id names no session.
    let id = id.parse().map_err(|_| AccessError::NotFound("session"))?;
    sessions::revoke(&state.core, caller, &origin, id).await?;
    Ok(Json(SessionEndedAnswer {
        status: "ok".to_owned(),
        message: "the session was ended".to_owned(),
    }))
}
