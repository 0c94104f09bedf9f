//! POST /`chats/set_slow_mode`.

use actix_web::web::{Data, Json};
use melo_protocol::rest::chats::{SlowModeAnswer, SlowModeRequest};
use melo_services::chats::{self, ChatChange};

use super::update::MAX_SLOW_MODE;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<SlowModeRequest>,
) -> Result<Json<SlowModeAnswer>, ApiError> {
    let mut check = Check::default();
    let seconds = u32::try_from(body.seconds).ok();
    let seconds = seconds.filter(|seconds| u64::from(*seconds) <= MAX_SLOW_MODE);
    let seconds = check.take("seconds", seconds.ok_or("must be 0 to 86400"));
    check.finish()?;
    let slow_mode = checked(seconds)?;
    let change = ChatChange {
        slow_mode: Some(slow_mode),
        ..ChatChange::default()
    };
    chats::update(&state.core, caller, body.chat_id.0, &change).await?;
    Ok(Json(SlowModeAnswer {
        ok: true,
        slow_mode,
    }))
}
