//! POST /devices/revoke, by the client's own name of the device; DELETE /devices/{device}, by its public one.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::access::{DeviceRequest, OkAnswer};
use melo_services::access::AccessError;
use melo_services::devices::{self, DeviceName};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn by_client(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<DeviceRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let mut check = Check::default();
    let id = check.parse("device_id", &body.device_id);
    check.finish()?;
    let name = DeviceName::Client(checked(id)?);
    devices::revoke(&state.core, caller, &origin, &name).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn by_name(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    device: Path<String>,
) -> Result<Json<OkAnswer>, ApiError> {
    let handle = device.parse();
    let name = DeviceName::Public(handle.map_err(|_| AccessError::NotFound("device"))?);
    devices::revoke(&state.core, caller, &origin, &name).await?;
    Ok(Json(OkAnswer { ok: true }))
}
