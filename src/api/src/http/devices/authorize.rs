//! POST /devices/authorize: a login with the device token alone.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{DeviceAuthorizeRequest, DeviceAuthorizedAnswer};
use melo_protocol::rest::account::LoginRequest;
use melo_services::account;

use crate::error::ApiError;
use crate::extract::{Body, Traced};
use crate::http::account::login;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Body(body): Body<DeviceAuthorizeRequest>,
) -> Result<Json<DeviceAuthorizedAnswer>, ApiError> {
    let device_id = body.device_id.clone();
    let request = LoginRequest {
        identifier: body.identifier,
        password: None,
        device_id: body.device_id,
        device_token: Some(body.device_token),
        public_e2e_key: None,
        code: None,
        cookie: false,
    };
    let input = login::parse(origin, request)?;
    let begun = account::login(&state.core, input).await?;
    Ok(Json(DeviceAuthorizedAnswer {
        ok: true,
        login: login::answer(begun, device_id),
    }))
}
