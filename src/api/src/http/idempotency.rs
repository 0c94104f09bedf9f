//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a call that creates something is done once, however often
//! it is sent. Messages have a `client_id` of their own, which is kept with them.

use actix_web::body::{BoxBody, to_bytes_limited};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, rt};
use melo_protocol::ErrorCode;
use melo_services::Core;
use melo_services::once::{self, Attempt, MAX_ANSWER, Once, OnceError};

use super::messages::idempotency_key;
use crate::error::ApiError;
use crate::extract::{Authenticated, MESSAGE_BODY_LIMIT, look_at_body};
use crate::state::State;
use crate::validate::{Check, checked};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a kept one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Around the calls that create something: a POST with a key is made once. What succeeded is answered again for a day;
/// what was refused has done nothing, and is tried again.
pub(crate) async fn once(
    mut req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if *req.method() != Method::POST || !req.headers().contains_key(KEY) {
        return next.call(req).await;
    }
    let (state, once) = match begin(&mut req).await {
        Ok((state, Attempt::Make(once))) => (state, once),
        Ok((_, Attempt::Repeat(answer))) => return Ok(req.into_response(repeat(&answer))),
        Err(error) => return Ok(req.error_response(error)),
    };
    // In a task of its own: a connection that is lost must not end the call between what it does and what is kept of it,
    // for that is when it is sent again.
    let made = rt::spawn(async move {
        let (answered, spent) = melo_services::watch(next.call(req)).await;
        (end(&state.core, once, answered).await, spent)
    });
    let (answered, spent) = made.await.map_err(|error| ApiError::internal(&error))?;
    if let Some(spent) = spent {
        melo_services::note(spent);
    }
    answered
}

async fn begin(req: &mut ServiceRequest) -> Result<(Data<State>, Attempt), ApiError> {
    let state = req.app_data::<Data<State>>().cloned();
    let state = state.ok_or_else(|| ApiError::new(ErrorCode::Internal, "misconfigured"))?;
    let Authenticated(caller) = req.extract::<Authenticated>().await?;
    let mut check = Check::default();
    let key = idempotency_key(req.request(), &mut check);
    check.finish()?;
    let key = checked(key)?;
    let body = look_at_body(req, MESSAGE_BODY_LIMIT).await?;
    let call = format!("{} {}", req.method(), req.uri());
    let request = [call.as_bytes(), b"\0", &body].concat();
    let attempt = once::begin(&state.core, caller, key, &request).await?;
    Ok((state, attempt))
}

/// Keeps what succeeded, and frees the key of what did not.
async fn end(
    core: &Core,
    once: Once,
    answered: Result<ServiceResponse<BoxBody>, Error>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = match answered {
        Ok(response) if response.status().is_success() => response,
        refused => {
            forget(core, once).await;
            return refused;
        }
    };
    let (req, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let Ok(Ok(body)) = to_bytes_limited(body, MAX_ANSWER).await else {
        let error = ApiError::internal(&"an answer that cannot be kept");
        return Ok(ServiceResponse::from_err(error, req));
    };
    let status = response.status().as_u16().to_be_bytes();
    let answer = [&status[..], &body].concat();
    if let Err(error) = once.finish(core, &answer).await {
        tracing::error!(%error, "an answer could not be kept");
    }
    let response = response.set_body(body).map_into_boxed_body();
    Ok(ServiceResponse::new(req, response))
}

async fn forget(core: &Core, once: Once) {
    if let Err(error) = once.forget(core).await {
        tracing::error!(%error, "a key could not be freed");
    }
}

/// The answer of the first call.
fn repeat(answer: &[u8]) -> HttpResponse {
    let (status, body) = answer.split_at(answer.len().min(2));
    let status = <[u8; 2]>::try_from(status).ok().map(u16::from_be_bytes);
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    HttpResponse::build(status.unwrap_or(StatusCode::OK))
        .content_type("application/json")
        .insert_header((REPLAYED, HeaderValue::from_static("true")))
        .body(body.to_vec())
}

impl From<OnceError> for ApiError {
    fn from(error: OnceError) -> Self {
        let detail = error.to_string();
        match error {
            OnceError::KeyReused => Self::new(ErrorCode::IdempotencyKeyReused, detail),
            OnceError::UnderWay => Self::new(ErrorCode::IdempotencyInFlight, detail),
            OnceError::Limited(seconds) => Self {
                retry_after: Some(seconds),
                ..Self::new(ErrorCode::RateLimited, detail)
            },
            OnceError::Fault(fault) => Self::internal(&fault),
        }
    }
}
