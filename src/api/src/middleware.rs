//! Around every call: a request id, the security headers, and problem documents for whatever went wrong.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use melo_protocol::{ErrorCode, PROBLEM_CONTENT_TYPE, Problem};

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many calls of its kind there are in a window, how many are left, and in how many seconds the window ends
/// (draft-ietf-httpapi-ratelimit-headers-06). On every answer to a call that is limited.
pub(crate) const RATE_LIMIT: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// Sent on every answer (contract).
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    ),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
];

/// Finds a call in the log; kept with the request for whoever writes about it.
#[derive(Clone)]
pub(crate) struct RequestId(pub String);

pub(crate) async fn around(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let request_id = format!("{:016x}", melo_crypto::random::u64());
    req.extensions_mut().insert(RequestId(request_id.clone()));
    // Handlers' errors arrive as responses; only a broken connection ends here.
    let (answered, spent) = melo_services::watch(next.call(req)).await;
    let mut response = answered?.map_into_boxed_body();
    if let Some(problem) = problem_of(&response, &request_id) {
        let mut answer = render(&problem);
        keep_cors(response.headers(), answer.headers_mut());
        response = response.into_response(answer);
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(spent) = spent {
        let reset = u64::try_from(spent.reset.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        let values = [spent.limit, spent.remaining, reset];
        for (name, value) in RATE_LIMIT.into_iter().zip(values) {
            headers.insert(name, HeaderValue::from(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// A browser shows a page no answer, not even a refusal, without what CORS has put on it further inside.
fn keep_cors(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if *name == header::VARY || name.as_str().starts_with("access-control-") {
            to.append(name.clone(), value.clone());
        }
    }
}

/// What went wrong, if anything did.
fn problem_of(response: &ServiceResponse, request_id: &str) -> Option<Problem> {
    let status = response.status();
    let own = response
        .response()
        .error()
        .and_then(|e| e.as_error::<ApiError>())
        .cloned();
    let error = match own {
        Some(error) => error,
        None if status.is_client_error() || status.is_server_error() => by_status(status),
        None => return None,
    };
    if let Some(cause) = &error.cause {
        tracing::error!(request_id, %cause, "request failed");
    }
    Some(Problem {
        kind: format!("urn:melo:error:{}", error.code.as_str()),
        title: error.code.title().to_owned(),
        status: error.code.status(),
        detail: error.detail,
        instance: response.request().path().chars().take(256).collect(),
        code: error.code,
        request_id: request_id.to_owned(),
        retry_after: error.retry_after,
        errors: error.errors,
        missing: error.missing,
        extra: error.extra,
    })
}

/// For refusals of the framework's own.
fn by_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => {
            ApiError::new(ErrorCode::NotFound, "there is nothing at this path")
        }
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            ErrorCode::MethodNotAllowed,
            "this path does not take this method",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(ErrorCode::TooLarge, "the body is too large")
        }
        StatusCode::FORBIDDEN => ApiError::new(ErrorCode::Forbidden, "this is not allowed"),
        s if s.is_client_error() => {
            ApiError::new(ErrorCode::Malformed, "the request could not be understood")
        }
        _ => ApiError {
            cause: Some(status.to_string()),
            ..ApiError::new(ErrorCode::Internal, "something went wrong on the server")
        },
    }
}

fn render(problem: &Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.content_type(PROBLEM_CONTENT_TYPE);
    if let Some(seconds) = problem.retry_after {
        builder.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if status == StatusCode::UNAUTHORIZED {
        builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    builder.body(serde_json::to_vec(problem).unwrap_or_default())
}
