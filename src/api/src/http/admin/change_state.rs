//! POST /admin/users/{uid}/lock, unlock, ban, unban.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::admin::{ReasonBody, StateAnswer};
use melo_services::admin::{self, StateChange};

use super::{reason, uid};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    change: StateChange,
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Body(body): Body<ReasonBody>,
) -> Result<Json<StateAnswer>, ApiError> {
    let uid = uid(&path)?;
    let mut check = Check::default();
    reason(&mut check, &body.reason);
    check.finish()?;
    let reason = body.reason.trim();
    let after = admin::change_state(&state.core, caller, &origin, uid, change, reason).await?;
    Ok(Json(StateAnswer {
        status: "ok".to_owned(),
        state: after.as_str().to_owned(),
    }))
}
