//! POST /devices/register.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{DeviceRequest, DeviceTokenAnswer};
use melo_services::devices;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<DeviceRequest>,
) -> Result<Json<DeviceTokenAnswer>, ApiError> {
    let mut check = Check::default();
    let id = check.parse("device_id", &body.device_id);
    check.finish()?;
    let (device, token) = devices::register(&state.core, caller, &origin, &checked(id)?).await?;
    Ok(Json(DeviceTokenAnswer {
        ok: true,
        device_token: token,
        device: Some(device),
    }))
}
