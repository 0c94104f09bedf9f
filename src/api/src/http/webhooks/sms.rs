//! POST /webhooks/sms.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use melo_domain::DeliveryStatus;
use melo_protocol::ErrorCode;
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::credentials::DeliveryReport;
use melo_services::outgoing::{self, ReportCall};

use crate::error::ApiError;
use crate::extract::{RawBody, Traced, malformed};
use crate::state::State;
use crate::validate::{Check, checked};

/// Longest report, in bytes.
const LIMIT: usize = 4096;

pub(crate) async fn handle(
    state: Data<State>,
    request: HttpRequest,
    Traced(origin): Traced,
    RawBody(body): RawBody<LIMIT>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    };
    let call = ReportCall {
        address: origin.address,
        secret: header("x-melo-secret"),
        timestamp: header("x-melo-timestamp"),
        signature: header("x-melo-signature"),
        body: &body,
    };
    let guard = state.settings.sms_webhook.as_ref();
    outgoing::admit_report(&state.core, guard, &call).await?;
    let report: DeliveryReport = serde_json::from_slice(&body).map_err(|e| malformed(&e))?;
    let mut check = Check::default();
    let status: Option<DeliveryStatus> = check.parse("status", &report.status);
    check.finish()?;
    let id = i64::from_str_radix(&report.id, 16)
        .map_err(|_| ApiError::new(ErrorCode::NotFound, "there is no such message"))?;
    outgoing::report_delivery(&state.core, id, checked(status)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
