//! GET /events.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Query, ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse, rt};
use futures_util::stream;
use melo_services::Caller;
use melo_services::account::{self, AuthError};
use melo_services::live::{LastEventId, Stream};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::stream::EventStream;
use crate::error::ApiError;
use crate::extract::bearer;
use crate::state::State;
use crate::{admission, scope};

/// Events between the connection's task and the socket, beside what the socket's own buffer holds.
const UNDER_WAY: usize = 1;
/// Longest event id that is looked at.
const MAX_ID: usize = 64;

#[derive(Deserialize)]
struct Parameters {
    ticket: Option<String>,
    last_event_id: Option<String>,
}

/// The path.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/events").route(get().to(open)));
}

async fn open(
    state: Data<State>,
    req: HttpRequest,
    Query(parameters): Query<Parameters>,
) -> Result<HttpResponse, ApiError> {
    admission::check_origin(&state, &req)?;
    let caller = authenticate(&state, &req, &parameters).await?;
    let (outbox, registration) = admission::register(&state, &req, caller)?;
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    let stream = Stream::begin(Arc::clone(&state.core), caller);
    let core = Arc::clone(&state.core);
    let events = EventStream::new(core, caller, outbox, registration, sender, stream);
    rt::spawn(Box::new(events).run(last_event_id(&req, &parameters)));
    let body = stream::unfold(receiver, async |mut receiver| {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(bytes), receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies that gather answers would hold events back.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(body)))
}

/// By header or ticket: an access token in an address would end up in logs.
async fn authenticate(
    state: &State,
    req: &HttpRequest,
    parameters: &Parameters,
) -> Result<Caller, ApiError> {
    let caller = if let Some(ticket) = &parameters.ticket {
        account::authenticate_ticket(&state.core, ticket).await?
    } else {
        let token = bearer(req).ok_or(AuthError::InvalidToken)?;
        account::authenticate(&state.core, &token).await?
    };
    melo_services::spend_call(&state.core, caller).await?;
    let required = scope::required(req.method(), req.match_pattern().as_deref());
    if caller.grant.allows(required) {
        Ok(caller)
    } else {
        Err(AuthError::ScopeRequired(required).into())
    }
}

/// What the client had last. What is no id of ours says nothing: the stored positions count then.
fn last_event_id(req: &HttpRequest, parameters: &Parameters) -> Option<LastEventId> {
    let header = req.headers().get("last-event-id");
    let text = match header {
        Some(value) => value.to_str().ok()?,
        None => parameters.last_event_id.as_deref()?,
    };
    (text.len() <= MAX_ID).then(|| text.parse().ok()).flatten()
}
