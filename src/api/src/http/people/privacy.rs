//! GET and PUT /privacy.

use actix_web::web::{Data, Json};
use melo_domain::{Audience, Privacy};
use melo_protocol::rest::people as body;
use melo_services::people::{self, PrivacyUpdate};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn view(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<body::PrivacyAnswer>, ApiError> {
    Ok(answer(people::view_privacy(&state.core, caller).await?))
}

pub(crate) async fn set(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<body::PrivacyUpdate>,
) -> Result<Json<body::PrivacyAnswer>, ApiError> {
    let update = parse(&body)?;
    let privacy = people::set_privacy(&state.core, caller, &origin, update).await?;
    Ok(answer(privacy))
}

fn parse(body: &body::PrivacyUpdate) -> Result<PrivacyUpdate, ApiError> {
    let mut check = Check::default();
    let mut audience = |field: &str, text: &Option<String>| -> Option<Audience> {
        text.as_deref().and_then(|text| check.parse(field, text))
    };
    let update = PrivacyUpdate {
        last_seen: audience("last_seen", &body.last_seen),
        online: audience("online", &body.online),
        avatar: audience("avatar", &body.avatar),
        phone: audience("phone", &body.phone),
        username_search: audience("username_search", &body.username_search),
        read_receipts: body.read_receipts,
        typing: body.typing,
    };
    check.finish()?;
    Ok(update)
}

fn answer(privacy: Privacy) -> Json<body::PrivacyAnswer> {
    Json(body::PrivacyAnswer {
        last_seen: privacy.last_seen,
        online: privacy.online,
        avatar: privacy.avatar,
        phone: privacy.phone,
        username_search: privacy.username_search,
        read_receipts: privacy.read_receipts,
        typing: privacy.typing,
    })
}
