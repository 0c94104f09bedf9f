//! GET /two_factor.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::TwoFactorAnswer;
use melo_services::second_factor;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<TwoFactorAnswer>, ApiError> {
    let view = second_factor::view(&state.core, caller).await?;
    Ok(Json(TwoFactorAnswer {
        enabled: view.enabled,
        recovery_codes_left: view.recovery_codes_left,
    }))
}
