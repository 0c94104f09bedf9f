//! Opening a WebSocket: `GET /` on the WSS port, `GET /ws` on either.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Payload, Query, ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse, guard, rt};
use actix_ws::{CloseCode as WsCloseCode, CloseReason};
use melo_domain::{Area, Level, Scope};
use melo_protocol::{CloseCode, ErrorCode, MAX_FRAME_BYTES};
use melo_services::Caller;
use melo_services::account::{self, AuthError};
use serde::Deserialize;

use super::connection::Connection;
use crate::admission;
use crate::error::ApiError;
use crate::extract::bearer;
use crate::state::State;

/// What is read of one message before the connection is cut off in the middle of it. Above the limit that
/// clients are told: whoever is a little above it is read to the end and gets the close frame, which a peer
/// that is still sending may lose.
const READ_LIMIT: usize = 2 * MAX_FRAME_BYTES;

/// A connection both reads and writes.
const WEBSOCKET: Scope = Scope {
    area: Area::Chat,
    level: Level::Write,
};

#[derive(Deserialize)]
struct Parameters {
    token: Option<String>,
    ticket: Option<String>,
    /// `1`: wait for the client's `resume` before sending what it missed.
    resume: Option<String>,
}

/// The two paths. Without an Upgrade header they are ordinary paths with nothing there.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let upgrade = || guard::fn_guard(|ctx| ctx.head().headers().contains_key(header::UPGRADE));
    config
        .service(resource("/ws").guard(upgrade()).route(get().to(open)))
        .service(resource("/").guard(upgrade()).route(get().to(open)));
}

async fn open(
    state: Data<State>,
    req: HttpRequest,
    body: Payload,
    Query(parameters): Query<Parameters>,
) -> Result<HttpResponse, ApiError> {
    admission::check_origin(&state, &req)?;
    let authenticated = authenticate(&state, &req, &parameters).await;
    let handshake = actix_ws::handle(&req, body);
    let (response, socket, stream) = handshake.map_err(|_| {
        ApiError::new(
            ErrorCode::Malformed,
            "this path takes WebSocket connections only (RFC 6455)",
        )
    })?;
    let caller = match authenticated {
        Ok(caller) => caller,
        Err(AuthError::Fault(fault)) => return Err(AuthError::Fault(fault).into()),
        // The contract's way: the handshake succeeds, then the connection is closed with a reason.
        Err(refused) => {
            rt::spawn(refuse(socket, refused));
            return Ok(response);
        }
    };
    let (outbox, registration) = admission::register(&state, &req, caller)?;
    let stream = stream
        .max_frame_size(READ_LIMIT)
        .aggregate_continuations()
        .max_continuation_size(READ_LIMIT);
    let waits_for_resume = parameters.resume.as_deref() == Some("1");
    let core = Arc::clone(&state.core);
    let connection = Connection::new(core, caller, socket, outbox, registration, waits_for_resume);
    let task = Box::new(connection).run(Box::new(stream));
    rt::spawn(task);
    Ok(response)
}

async fn authenticate(
    state: &State,
    req: &HttpRequest,
    parameters: &Parameters,
) -> Result<Caller, AuthError> {
    let caller = if let Some(ticket) = &parameters.ticket {
        account::authenticate_ticket(&state.core, ticket).await?
    } else {
        let token = bearer(req)
            .or_else(|| parameters.token.clone())
            .ok_or(AuthError::InvalidToken)?;
        account::authenticate(&state.core, &token).await?
    };
    if caller.grant.allows(WEBSOCKET) {
        Ok(caller)
    } else {
        Err(AuthError::ScopeRequired(WEBSOCKET))
    }
}

async fn refuse(socket: actix_ws::Session, refused: AuthError) {
    let reason = CloseReason {
        code: WsCloseCode::from(CloseCode::PolicyViolation.code()),
        description: Some(refused.to_string()),
    };
    // The peer may be gone already.
    let _ = socket.close(Some(reason)).await;
}
