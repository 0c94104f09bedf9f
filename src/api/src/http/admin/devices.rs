//! GET /admin/users/{uid}/devices, DELETE /admin/users/{uid}/devices/{device}.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::admin::{AdminDevice, AdminDevicesAnswer};
use melo_services::admin;

use super::{Page, next, uid};
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<AdminDevicesAnswer>, ApiError> {
    let uid = uid(&path)?;
    let mut check = Check::default();
    let after = page.after.as_deref();
    let after = after.and_then(|text| check.parse("after", text));
    check.finish()?;
    let limit = page.limit();
    let found = admin::list_devices(&state.core, caller, &origin, uid, after, limit).await?;
    let next = next(&found, limit, |device| device.handle);
    let devices = found.into_iter().map(|device| AdminDevice {
        device: device.handle,
        created_at: device.created,
        token_expires: device.token_expires,
        published: device.published,
    });
    Ok(Json(AdminDevicesAnswer {
        devices: devices.collect(),
        next,
    }))
}

pub(crate) async fn revoke(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<(String, String)>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &path.0);
    let device = check.parse("device", &path.1);
    check.finish()?;
    let (uid, device) = (checked(uid)?, checked(device)?);
    admin::revoke_device(&state.core, caller, &origin, uid, device).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
