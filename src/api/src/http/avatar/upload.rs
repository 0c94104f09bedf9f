//! POST /avatar/upload.

use actix_web::web::{Data, Json};
use melo_protocol::rest::avatar::OkAnswer;
use melo_services::avatar::{self, MAX_UPLOAD};

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::upload::FileField;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    FileField(file): FileField<MAX_UPLOAD>,
) -> Result<Json<OkAnswer>, ApiError> {
    avatar::upload(&state.core, caller, &origin, file).await?;
    Ok(Json(OkAnswer { ok: true }))
}
