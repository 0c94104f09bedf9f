//! Extractors: raw bytes stop here.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use melo_domain::Language;
use melo_protocol::{ErrorCode, FieldError};
use melo_services::account::{self, AuthError};
use melo_services::{Caller, Origin};
use serde::de::DeserializeOwned;

use crate::cookie;
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::scope;
use crate::state::State;

/// Longest JSON body of most calls, in bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
/// Longest body of a call that carries a message: the payload and some members around it.
pub(crate) const MESSAGE_BODY_LIMIT: usize = melo_domain::MAX_PAYLOAD_BYTES + 4096;

/// How long a body may take to arrive: a megabyte on a bad network, and no slow trickle for ever.
pub(crate) const BODY_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A JSON body of at most `LIMIT` bytes.
pub(crate) struct Body<T, const LIMIT: usize = BODY_LIMIT>(pub T);

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for Body<T, LIMIT> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let announced = req
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.parse().ok());
        let media = req
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|v| v.to_str().unwrap_or("").to_ascii_lowercase());
        let payload = payload.take();
        Box::pin(async move {
            if media.is_some_and(|m| !m.starts_with("application/json")) {
                return Err(ApiError::new(
                    ErrorCode::UnsupportedMediaType,
                    "send the body as application/json",
                ));
            }
            if announced.is_some_and(|length: usize| length > LIMIT) {
                return Err(too_large(LIMIT));
            }
            let body = read_body(payload, LIMIT).await?;
            serde_json::from_slice(&body)
                .map(Body)
                .map_err(|error| malformed(&error))
        })
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!("the body must be at most {limit} bytes"),
    )
}

/// Reads a body to its end, within its limits of length and time.
pub(crate) async fn read_body(payload: Payload, limit: usize) -> Result<BytesMut, ApiError> {
    let read = tokio::time::timeout(BODY_WITHIN, collect(payload, limit)).await;
    read.map_err(|_| ApiError::new(ErrorCode::Malformed, "the body took too long to arrive"))?
}

async fn collect(mut payload: Payload, limit: usize) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::new(ErrorCode::Malformed, "the body ended early"))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads a call's body before its handler does, and puts it back.
pub(crate) async fn look_at_body(
    req: &mut ServiceRequest,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let body = read_body(req.take_payload(), limit).await?.freeze();
    let again = futures_util::stream::once(std::future::ready(Ok(body.clone())));
    req.set_payload(Payload::Stream {
        payload: Box::pin(again),
    });
    Ok(body)
}

/// A body as it was sent, of at most `LIMIT` bytes.
pub(crate) struct RawBody<const LIMIT: usize>(pub Vec<u8>);

impl<const LIMIT: usize> FromRequest for RawBody<LIMIT> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move {
            let read = tokio::time::timeout(BODY_WITHIN, collect(payload, LIMIT)).await;
            let body = read.map_err(|_| {
                ApiError::new(ErrorCode::Malformed, "the body took too long to arrive")
            })??;
            Ok(Self(body.to_vec()))
        })
    }
}

/// serde's text may quote what was sent; only names of missing fields and places are taken from it.
pub(crate) fn malformed(error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    if let Some(field) = text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        return ApiError::invalid(vec![FieldError::required(field)]);
    }
    let (line, column) = (error.line(), error.column());
    ApiError::new(
        ErrorCode::Malformed,
        format!(
            "the body must be a JSON object with fields of the documented types (line {line}, column {column})"
        ),
    )
}

/// A caller with a good access token.
pub(crate) struct Authenticated(pub Caller);

/// Kept with a request whose caller has passed: who looks again need not check, nor pay, again.
#[derive(Clone, Copy)]
struct Admitted(Caller);

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = req.app_data::<web::Data<State>>().cloned();
        let token = bearer(req).or_else(|| cookie::token(req));
        let required = scope::required(req.method(), req.match_pattern().as_deref());
        let req = req.clone();
        Box::pin(async move {
            let admitted = req.extensions().get::<Admitted>().copied();
            if let Some(Admitted(caller)) = admitted {
                return Ok(Self(caller));
            }
            let state = state.ok_or_else(|| ApiError::new(ErrorCode::Internal, "misconfigured"))?;
            let token = token.ok_or(AuthError::InvalidToken)?;
            let caller = account::authenticate_call(&state.core, &token, address(&req)).await?;
            // For whoever writes about the call, also if it goes no further.
            req.extensions_mut().insert(caller);
            melo_services::spend_call(&state.core, caller).await?;
            if !caller.grant.allows(required) {
                return Err(AuthError::ScopeRequired(required).into());
            }
            req.extensions_mut().insert(Admitted(caller));
            Ok(Self(caller))
        })
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
pub(crate) fn bearer(req: &HttpRequest) -> Option<String> {
    let value = req.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// Where the call comes from: the peer, or whom a trusted proxy names.
pub(crate) fn address(req: &HttpRequest) -> IpAddr {
    let peer = req
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
    let Some(state) = req.app_data::<web::Data<State>>() else {
        return peer.to_canonical();
    };
    let proxies = &state.settings.proxies;
    let values: Vec<&str> = req
        .headers()
        .get_all(proxies.header.name())
        // What is not text says nothing that could be trusted.
        .map(|value| value.to_str().unwrap_or(""))
        .collect();
    proxies.client(peer, values.into_iter())
}

/// The language that the caller's program asks for.
pub(crate) struct Spoken(pub Language);

impl FromRequest for Spoken {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = req.headers().get(header::ACCEPT_LANGUAGE);
        let header = header.and_then(|v| v.to_str().ok()).unwrap_or_default();
        std::future::ready(Ok(Self(Language::from_accept(header))))
    }
}

/// Where a call comes from.
pub(crate) struct Traced(pub Origin);

impl FromRequest for Traced {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(origin(req))))
    }
}

/// Where the call comes from, for limits, session lists and the audit log.
pub(crate) fn origin(req: &HttpRequest) -> Origin {
    let agent = req.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let id = req.extensions().get::<RequestId>().cloned();
    let id = id.map(|RequestId(id)| id).unwrap_or_default();
    Origin::new(address(req), agent, id)
}
