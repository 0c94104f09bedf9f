//! POST /password/change.

use actix_web::web::{Data, Json};
use melo_protocol::rest::credentials::{PasswordChange, PasswordChanged};
use melo_services::credentials;

use crate::error::ApiError;
use crate::error::credentials::of_field;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PasswordChange>,
) -> Result<Json<PasswordChanged>, ApiError> {
    let core = &state.core;
    let mut check = Check::default();
    check.credential("current_password", &body.current_password);
    check.new_password(core, "new_password", &body.new_password);
    check.finish()?;
    let (current, new) = (body.current_password, body.new_password);
    let ended = credentials::change_password(core, caller, &origin, current, new).await;
    Ok(Json(PasswordChanged {
        status: "changed".to_owned(),
        revoked_count: ended.map_err(of_field("new_password"))?,
    }))
}
