//! POST /two_factor/recovery_codes.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{PasswordRequest, RecoveryCodesAnswer};
use melo_services::second_factor;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::credentials;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PasswordRequest>,
) -> Result<Json<RecoveryCodesAnswer>, ApiError> {
    let codes =
        second_factor::renew_codes(&state.core, caller, &origin, credentials(body)?).await?;
    Ok(Json(RecoveryCodesAnswer {
        recovery_codes: codes,
    }))
}
