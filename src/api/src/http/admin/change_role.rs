//! POST /admin/users/{uid}/role.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::admin::RoleBody;
use melo_services::admin;

use super::{reason, uid};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Body(body): Body<RoleBody>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let uid = uid(&path)?;
    let mut check = Check::default();
    let role = check.parse("role", &body.role);
    if !body.reason.is_empty() {
        reason(&mut check, &body.reason);
    }
    check.finish()?;
    let (role, reason) = (checked(role)?, body.reason.trim());
    admin::change_role(&state.core, caller, &origin, uid, role, reason).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
