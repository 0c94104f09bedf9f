//! GET /admin/users/{uid}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::admin::AdminUserDetails;
use melo_services::admin;

use super::{uid, user};
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
) -> Result<Json<AdminUserDetails>, ApiError> {
    let uid = uid(&path)?;
    let (actor, found) = admin::view_person(&state.core, caller, &origin, uid).await?;
    Ok(Json(AdminUserDetails {
        user: user(found.person, actor),
        devices: found.devices,
        sessions: found.sessions,
        tokens: found.tokens,
        two_factor: found.second_factor,
        online: found.online,
    }))
}
