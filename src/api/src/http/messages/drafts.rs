//! POST and GET /drafts.

use actix_web::web::{Data, Json};
use melo_domain::ChatId;
use melo_protocol::rest::drafts::{DraftAnswer, DraftRequest, DraftView, DraftsAnswer};
use melo_services::drafts::{self, Draft};
use melo_services::messages::{self, Destination};
use serde_json::value::RawValue;

use super::destination;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

/// Room for the longest draft and the JSON around it.
const LIMIT: usize = drafts::MAX_DRAFT_BYTES + 4096;

pub(crate) async fn save(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<DraftRequest, LIMIT>,
) -> Result<Json<DraftAnswer>, ApiError> {
    let mut check = Check::default();
    let to = destination(&mut check, body.target_id.as_deref(), body.chat_id);
    let payload = body.payload.as_deref();
    if payload.is_some_and(|payload| !payload.get().starts_with(['"', '{'])) {
        check.refuse("payload", "must be a string, an object or null");
    }
    check.finish()?;
    messages::spend_rest_send(&state.core, caller).await?;
    let saved = drafts::save(&state.core, caller, checked(to)?, payload).await?;
    Ok(Json(DraftAnswer {
        status: "ok".into(),
        at: saved.at(),
    }))
}

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<DraftsAnswer>, ApiError> {
    let found = drafts::list(&state.core, caller).await?;
    Ok(Json(DraftsAnswer {
        drafts: found.into_iter().map(view).collect(),
    }))
}

fn view(draft: Draft) -> DraftView {
    let (target_id, chat_id) = match Destination::from(draft.to) {
        Destination::Person(uid) => (Some(uid), None),
        Destination::Chat(log) => (None, Some(ChatId(log))),
    };
    DraftView {
        target_id,
        chat_id,
        log: draft.log,
        payload: RawValue::from_string(draft.payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        at: draft.at,
    }
}
