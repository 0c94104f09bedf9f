//! GET /avatar/{uid}.

use actix_web::web::{Data, Json, Path};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use melo_protocol::rest::avatar::AvatarAnswer;
use melo_services::avatar;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    uid: Path<String>,
) -> Result<Json<AvatarAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &uid);
    check.finish()?;
    let avatar = avatar::fetch(&state.core, caller, checked(uid)?).await?;
    Ok(Json(AvatarAnswer {
        ok: true,
        encrypted_avatar: URL_SAFE.encode(&avatar.image),
        mime: avatar.mime,
    }))
}
