//! POST /messages/edit, /messages/delete, /messages/pin, /messages/react.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use melo_domain::MessageId;
use melo_protocol::rest::messages::{ChangeAnswer, ChangeRequest};
use melo_services::Caller;
use melo_services::messages::{self, Change, ChangeInput, MAX_REACTION_BYTES, MessageError};

use super::{destination, idempotency_key};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, MESSAGE_BODY_LIMIT};
use crate::state::State;
use crate::validate::{Check, checked};

type ChangeBody = Body<ChangeRequest, MESSAGE_BODY_LIMIT>;
type Answered = Result<Json<ChangeAnswer>, ApiError>;

pub(crate) async fn edit(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): ChangeBody,
) -> Answered {
    let mut check = Check::default();
    let change = match &body.new_data {
        Some(data) if data.get().starts_with(['"', '{']) => Some(Change::Edit(data)),
        _ => {
            check.refuse("new_data", "must be a string or an object");
            None
        }
    };
    perform(&state, &req, caller, &body, check, change).await
}

pub(crate) async fn delete(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): ChangeBody,
) -> Answered {
    let change = Some(Change::Delete);
    perform(&state, &req, caller, &body, Check::default(), change).await
}

pub(crate) async fn pin(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): ChangeBody,
) -> Answered {
    let change = match body.pinned {
        Some(false) => Change::Unpin,
        _ => Change::Pin,
    };
    perform(&state, &req, caller, &body, Check::default(), Some(change)).await
}

pub(crate) async fn react(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): ChangeBody,
) -> Answered {
    let mut check = Check::default();
    let change = match (&body.reaction, &body.payload) {
        (Some(text), None) if text.len() <= MAX_REACTION_BYTES => Some(Change::React(text)),
        (Some(_), None) => {
            check.refuse("reaction", "must be at most 64 bytes long");
            None
        }
        (None, Some(payload)) if payload.get().starts_with(['"', '{']) => {
            Some(Change::ReactSealed(payload))
        }
        _ => {
            check.refuse("reaction", "or payload must be given, and not both");
            None
        }
    };
    perform(&state, &req, caller, &body, check, change).await
}

async fn perform(
    state: &State,
    req: &HttpRequest,
    caller: Caller,
    body: &ChangeRequest,
    mut check: Check,
    change: Option<Change<'_>>,
) -> Answered {
    let to = destination(&mut check, body.target_id.as_deref(), body.chat_id);
    let message_id = check.parse("message_id", &body.message_id);
    let client_id = body.client_id.or_else(|| idempotency_key(req, &mut check));
    check.finish()?;
    let input = ChangeInput {
        to: checked(to)?,
        message_id: checked(message_id)?,
        change: checked(change)?,
        client_id,
    };
    messages::spend_rest_send(&state.core, caller).await?;
    let accepted = messages::change(&state.core, caller, input).await?;
    let done = accepted.receipt.await.map_err(MessageError::from)?;
    Ok(Json(ChangeAnswer {
        ok: true,
        event_id: MessageId {
            log: done.log,
            seq: done.seq,
        },
        log: done.log,
        seq: done.seq,
        at: done.at,
    }))
}
