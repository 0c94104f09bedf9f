//! What a lasting connection must pass, of whatever kind it is.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use melo_domain::network_of;
use melo_protocol::ErrorCode;
use melo_realtime::{Member, Outbox, Refused, Registration};
use melo_services::Caller;

use crate::error::ApiError;
use crate::extract::address;
use crate::state::State;

/// Native clients send no Origin, or `null`; a browser's must be on the list (RFC 6454; RFC 6455, section 10.2).
pub(crate) fn check_origin(state: &State, req: &HttpRequest) -> Result<(), ApiError> {
    let Some(origin) = req.headers().get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or("");
    if origin == "null" || state.origin_allowed(origin) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::OriginRefused,
        "pages of this origin may not connect; the operator lists origins in ALLOWED_ORIGINS",
    ))
}

/// Takes the connection into the hub. From then on events wait in its outbox, and an older connection of the same
/// device is closed.
pub(crate) fn register(
    state: &State,
    req: &HttpRequest,
    caller: Caller,
) -> Result<(Arc<Outbox>, Registration), ApiError> {
    let outbox = Arc::new(Outbox::default());
    let member = Member {
        uid: caller.uid,
        device: caller.device,
        session: caller.session,
    };
    let place = network_of(address(req));
    let registration = state
        .core
        .hub()
        .register(member, place, Arc::clone(&outbox));
    let registration = registration.map_err(|refused| match refused {
        Refused::TooManyFromAddress => ApiError {
            retry_after: Some(30),
            ..ApiError::new(
                ErrorCode::TooManyConnections,
                "too many open connections from this address; close one first",
            )
        },
        Refused::Stopping => ApiError {
            retry_after: Some(2),
            ..ApiError::new(
                ErrorCode::ShuttingDown,
                "the server is stopping; reconnect in a moment",
            )
        },
    })?;
    Ok((outbox, registration))
}
