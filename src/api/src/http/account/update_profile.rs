//! PUT /profile.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::account as body;
use melo_services::Core;
use melo_services::account::{self, ProfileUpdate};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<body::ProfileUpdate>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let update = parse(&state.core, body)?;
    account::update_profile(&state.core, caller, &origin, update).await?;
    Ok(Json(StatusAnswer::of("updated")))
}

fn parse(core: &Core, body: body::ProfileUpdate) -> Result<ProfileUpdate, ApiError> {
    let mut check = Check::default();
    let name = body
        .name
        .as_deref()
        .and_then(|text| check.parse("name", text));
    let nickname = body
        .nickname
        .as_deref()
        .and_then(|text| check.parse("nickname", text));
    let bio = body
        .bio
        .as_deref()
        .and_then(|text| check.parse("bio", text));
    let username = match body.username.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(text) => check.parse("username", text).map(Some),
    };
    if let Some(password) = &body.password {
        check.new_password(core, "password", password);
    }
    if let Some(current) = &body.current_password {
        check.credential("current_password", current);
    }
    check.finish()?;
    Ok(ProfileUpdate {
        name,
        nickname,
        username,
        bio,
        password: body.password,
        current_password: body.current_password,
    })
}
