//! GET /keys/{uid}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::keys::KeyDirectory;
use melo_services::keys;

use super::entry_of;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    name: Path<String>,
) -> Result<Json<KeyDirectory>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &name);
    check.finish()?;
    let uid = checked(uid)?;
    let found = keys::fetch(&state.core, caller, uid).await?;
    Ok(Json(entry_of(uid, found)))
}
