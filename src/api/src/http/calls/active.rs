//! GET /calls/active.

use actix_web::web::{Data, Json, Query};
use melo_domain::ChatId;
use melo_protocol::rest::calls::{ActiveCallAnswer, ActiveCallView, CallParty};
use melo_services::calls::{self, ActiveCall};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::Check;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    chat_id: Option<String>,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(parameters): Query<Parameters>,
) -> Result<Json<ActiveCallAnswer>, ApiError> {
    let mut check = Check::default();
    let chat: Option<ChatId> = parameters
        .chat_id
        .as_deref()
        .and_then(|chat| check.parse("chat_id", chat));
    check.finish()?;
    let found = match chat {
        Some(chat) => calls::active_in(&state.core, caller, chat.0).await?,
        None => calls::active(&state.core, caller).await?,
    };
    let call = found.map(view);
    Ok(Json(ActiveCallAnswer { call }))
}

fn view(call: ActiveCall) -> ActiveCallView {
    let participants = call.parties.iter().map(|party| CallParty {
        user_id: party.uid,
        device: party.device,
    });
    let frames = call.frames.into_iter();
    ActiveCallView {
        call_id: call.id,
        chat_id: call.chat,
        caller: call.caller,
        callee: call.callee,
        state: call.state,
        media: call.media,
        started_at: call.began,
        rings_until: call.rings_until,
        participants: participants.collect(),
        frames: frames
            .filter_map(|text| RawValue::from_string(text).ok())
            .collect(),
    }
}
