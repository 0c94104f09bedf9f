//! DELETE /admin/users/{uid}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::admin::ReasonBody;
use melo_services::admin;

use super::{reason, uid};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Body(body): Body<ReasonBody>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let uid = uid(&path)?;
    let mut check = Check::default();
    reason(&mut check, &body.reason);
    check.finish()?;
    admin::delete_account(&state.core, caller, &origin, uid, body.reason.trim()).await?;
    Ok(Json(StatusAnswer::of("deleted")))
}
