//! POST /sessions/revoke_all and its other name /sessions/terminate_all.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::RevokedAnswer;
use melo_services::sessions;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
) -> Result<Json<RevokedAnswer>, ApiError> {
    Ok(Json(RevokedAnswer {
        status: "ok".to_owned(),
        revoked_count: sessions::revoke_others(&state.core, caller, &origin).await?,
    }))
}
