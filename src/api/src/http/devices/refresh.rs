//! POST /devices/refresh.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{DeviceRefreshRequest, DeviceTokenAnswer};
use melo_services::devices;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<DeviceRefreshRequest>,
) -> Result<Json<DeviceTokenAnswer>, ApiError> {
    let mut check = Check::default();
    let id = check.parse("device_id", &body.device_id);
    check.credential("device_token", &body.device_token);
    check.finish()?;
    let old = &body.device_token;
    let next = devices::refresh(&state.core, caller, &origin, &checked(id)?, old).await?;
    Ok(Json(DeviceTokenAnswer {
        ok: true,
        device_token: next,
        device: None,
    }))
}
