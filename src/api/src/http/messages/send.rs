//! POST /messages/send.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use melo_domain::MessageId;
use melo_protocol::rest::messages::{SendAnswer, SendRequest};
use melo_services::messages::{self, MessageError, SendInput};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, MESSAGE_BODY_LIMIT};
use crate::state::State;
use crate::validate::{Check, checked};

use super::{destination, idempotency_key};

pub(crate) async fn handle(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): Body<SendRequest, MESSAGE_BODY_LIMIT>,
) -> Result<Json<SendAnswer>, ApiError> {
    let mut check = Check::default();
    let to = destination(&mut check, body.target_id.as_deref(), body.chat_id);
    if !body.data.get().starts_with(['"', '{']) {
        check.refuse("data", "must be a string or an object");
    }
    let client_id = body.client_id.or_else(|| idempotency_key(&req, &mut check));
    check.finish()?;
    let input = SendInput {
        to: checked(to)?,
        payload: &body.data,
        client_id,
    };
    messages::spend_rest_send(&state.core, caller).await?;
    let accepted = messages::send(&state.core, caller, input).await?;
    let recipients = body.chat_id.and(accepted.recipients);
    let done = accepted.receipt.await.map_err(MessageError::from)?;
    Ok(Json(SendAnswer {
        ok: true,
        message_id: MessageId {
            log: done.log,
            seq: done.seq,
        },
        log: done.log,
        seq: done.seq,
        at: done.at,
        recipients,
    }))
}
