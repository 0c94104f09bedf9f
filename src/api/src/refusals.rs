//! Refused admin calls leave a trace too: the one place that sees all of them, whichever check refused.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use melo_protocol::ErrorCode;
use melo_services::Caller;
use melo_services::admin::{self, RefusedCall};

use crate::error::ApiError;
use crate::extract;
use crate::state::State;

/// The admin API, by the beginning of its routes.
const ADMIN: &str = "/admin/";

/// Notes a call of the admin API that was refused to a known caller. The answer stays as it is.
pub(crate) async fn note(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(req).await?;
    if let Some(code) = refusal(&response) {
        record(response.request(), code).await;
    }
    Ok(response)
}

/// The code of an answer that means: not you, or not now.
fn refusal(response: &ServiceResponse<impl MessageBody>) -> Option<ErrorCode> {
    let error = response.response().error()?.as_error::<ApiError>()?;
    let refused = matches!(
        error.code,
        ErrorCode::Forbidden
            | ErrorCode::InsufficientScope
            | ErrorCode::ReauthenticationRequired
            | ErrorCode::EnrolmentRequired
    );
    refused.then_some(error.code)
}

async fn record(req: &HttpRequest, code: ErrorCode) {
    let pattern = req.match_pattern().filter(|route| route.starts_with(ADMIN));
    let caller = req.extensions().get::<Caller>().copied();
    let state = req.app_data::<web::Data<State>>();
    let (Some(pattern), Some(caller), Some(state)) = (pattern, caller, state) else {
        return;
    };
    let call = format!("{} {pattern}", req.method());
    let target = req.match_info().get("uid").and_then(|uid| uid.parse().ok());
    let refused = RefusedCall {
        call: &call,
        code: code.as_str(),
        target,
    };
    let origin = extract::origin(req);
    if let Err(error) = admin::note_refusal(&state.core, caller, &origin, refused).await {
        tracing::error!(%error, "a refused admin call could not be noted");
    }
}
