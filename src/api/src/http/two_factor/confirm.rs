//! POST /two_factor/confirm.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{ConfirmRequest, RecoveryCodesAnswer};
use melo_services::second_factor;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<ConfirmRequest>,
) -> Result<Json<RecoveryCodesAnswer>, ApiError> {
    let mut check = Check::default();
    check.credential("code", &body.code);
    check.finish()?;
    let codes = second_factor::confirm(&state.core, caller, &origin, &body.code).await?;
    Ok(Json(RecoveryCodesAnswer {
        recovery_codes: codes,
    }))
}
