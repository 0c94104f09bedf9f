//! GET /profile.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::account::ProfileAnswer;
use melo_services::account;
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::Check;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    user_id: Option<String>,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(parameters): Query<Parameters>,
) -> Result<Json<ProfileAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = match parameters.user_id.as_deref() {
        Some(text) if !text.is_empty() => check.parse("user_id", text),
        _ => None,
    };
    check.finish()?;
    let profile = account::view_profile(&state.core, caller, uid).await?;
    let person = profile.account;
    Ok(Json(ProfileAnswer {
        csrf_token: account::issue_csrf(&state.core, caller),
        unique_id: person.uid,
        name: person.name,
        nickname: person.nickname,
        username: person.username,
        bio: person.bio,
        public_e2e_key: person.e2e_key,
        phone: profile.own.then_some(person.phone),
    }))
}
