//! The session cookie of pages that ask for one, and the check that a changing call was meant by the page.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use melo_domain::Secret;
use melo_protocol::ErrorCode;
use melo_services::account;
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::{MESSAGE_BODY_LIMIT, look_at_body};
use crate::state::State;

/// `__Host-`: browsers take it only over TLS, for this host alone and for every path (RFC 6265bis, section
/// 4.1.3.2).
const NAME: &str = "__Host-melo_session";
/// Where scripts put the CSRF token.
const CSRF_HEADER: &str = "x-csrf-token";

/// The cookie of a new session, good for `life` seconds.
pub(crate) fn session(token: &Secret, life: u64) -> Cookie<'static> {
    let seconds = i64::try_from(life).unwrap_or(i64::MAX);
    cookie(token.expose().to_owned(), time::Duration::seconds(seconds))
}

/// Takes it away.
pub(crate) fn removal() -> Cookie<'static> {
    cookie(String::new(), time::Duration::ZERO)
}

fn cookie(value: String, life: time::Duration) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(life)
        .finish()
}

/// The access token of the session cookie. An `Authorization` header counts before it.
pub(crate) fn token(req: &HttpRequest) -> Option<String> {
    let cookie = req.cookie(NAME)?;
    (!cookie.value().is_empty()).then(|| cookie.value().to_owned())
}

/// A browser sends the cookie along whoever made it call: what changes something must carry the session's
/// CSRF token too, in the header `X-CSRF-Token` or as `csrf_token` in the JSON body.
pub(crate) async fn guard(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let safe = matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let by_header = req.headers().contains_key(header::AUTHORIZATION);
    if let (false, false, Some(cookie)) = (safe, by_header, token(req.request()))
        && let Err(error) = check(&mut req, &cookie).await
    {
        return Ok(req.error_response(error));
    }
    Ok(next.call(req).await?.map_into_boxed_body())
}

async fn check(req: &mut ServiceRequest, cookie: &str) -> Result<(), ApiError> {
    let state = req.app_data::<web::Data<State>>().cloned();
    let state = state.ok_or_else(|| ApiError::new(ErrorCode::Internal, "misconfigured"))?;
    let caller = account::authenticate(&state.core, cookie).await?;
    let header = req.headers().get(CSRF_HEADER);
    let presented = match header.and_then(|value| value.to_str().ok()) {
        Some(token) => Some(token.to_owned()),
        None => in_body(req).await?,
    };
    if presented.is_some_and(|token| account::check_csrf(&state.core, caller, &token)) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::CsrfFailed,
        "send the session's csrf_token in the header X-CSRF-Token, or as csrf_token in the JSON body; \
         a fresh one comes from /csrf_token",
    ))
}

#[derive(Deserialize)]
struct WithToken {
    csrf_token: Option<String>,
}

/// Looks for the token in a JSON body.
async fn in_body(req: &mut ServiceRequest) -> Result<Option<String>, ApiError> {
    let media = req.headers().get(header::CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok()).unwrap_or("");
    if !media.to_ascii_lowercase().starts_with("application/json") {
        return Ok(None);
    }
    let body = look_at_body(req, MESSAGE_BODY_LIMIT).await?;
    let found = serde_json::from_slice::<WithToken>(&body).ok();
    Ok(found.and_then(|body| body.csrf_token))
}
