//! GET /devices.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{DeviceEntry, DevicesAnswer};
use melo_services::devices;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<DevicesAnswer>, ApiError> {
    let entries = devices::list(&state.core, caller).await?;
    let entries = entries.into_iter().map(|entry| DeviceEntry {
        device: entry.device.handle,
        device_id: entry.device.device_id,
        created_at: entry.device.created,
        token_expires_at: entry.device.token_expires,
        sessions: entry.sessions,
        has_keys: entry.device.published,
        is_current: entry.is_current,
    });
    Ok(Json(DevicesAnswer {
        devices: entries.collect(),
    }))
}
