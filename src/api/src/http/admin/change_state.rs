//! POST /admin/users/{uid}/lock, unlock, ban, unban.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::admin::{ReasonBody, StateAnswer};
use melo_services::admin::{self, StateChange};

use super::whom_and_why;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;

pub(crate) async fn handle(
    change: StateChange,
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Body(body): Body<ReasonBody>,
) -> Result<Json<StateAnswer>, ApiError> {
    let (uid, reason) = whom_and_why(&path, &body)?;
    let after = admin::change_state(&state.core, caller, &origin, uid, change, reason).await?;
    Ok(Json(StateAnswer {
        status: "ok".to_owned(),
        state: after.as_str().to_owned(),
    }))
}
