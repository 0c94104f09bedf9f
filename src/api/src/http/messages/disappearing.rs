//! PUT /messages/disappearing/dm/{uid}.

use actix_web::web::{Data, Json, Path};
use melo_domain::Uid;
use melo_protocol::rest::receipts::{DisappearingAnswer, DisappearingRequest};
use melo_services::messages;

use crate::error::ApiError;
use crate::extract::{Authenticated, BODY_LIMIT, Body};
use crate::state::State;
use crate::validate::{Check, checked};

/// A minute to a year, as in chats.
const SECONDS: std::ops::RangeInclusive<u64> = 60..=31_536_000;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    other: Path<String>,
    Body(body): Body<DisappearingRequest, BODY_LIMIT>,
) -> Result<Json<DisappearingAnswer>, ApiError> {
    let mut check = Check::default();
    let other: Option<Uid> = check.parse("uid", &other);
    let seconds = body.seconds;
    if seconds != 0 && !SECONDS.contains(&seconds) {
        check.refuse("seconds", "must be 0, or 60 to 31536000");
    }
    check.finish()?;
    messages::spend_rest_send(&state.core, caller).await?;
    messages::set_disappearing(&state.core, caller, checked(other)?, seconds).await?;
    Ok(Json(DisappearingAnswer {
        ok: true,
        disappearing_seconds: seconds,
    }))
}
