//! POST /chats/keys.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use melo_domain::MessageId;
use melo_protocol::rest::chats::ShareKeyRequest;
use melo_protocol::rest::messages::SendAnswer;
use melo_services::chats::{self, KeyInput};
use melo_services::messages;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, MESSAGE_BODY_LIMIT};
use crate::http::messages::idempotency_key;
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): Body<ShareKeyRequest, MESSAGE_BODY_LIMIT>,
) -> Result<Json<SendAnswer>, ApiError> {
    let mut check = Check::default();
    let client_id = body.client_id.or_else(|| idempotency_key(&req, &mut check));
    check.finish()?;
    messages::spend_rest_send(&state.core, caller).await?;
    let input = KeyInput {
        log: body.chat_id.0,
        payload: &body.payload,
        client_id,
    };
    let done = chats::share_key(&state.core, caller, input).await?;
    Ok(Json(SendAnswer {
        ok: true,
        message_id: MessageId {
            log: done.log,
            seq: done.seq,
        },
        log: done.log,
        seq: done.seq,
        at: done.at,
        recipients: None,
    }))
}
