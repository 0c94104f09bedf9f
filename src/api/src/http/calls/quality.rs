//! POST /calls/quality.

use actix_web::web::{Data, Json};
use melo_domain::CallQuality;
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::calls::QualityRequest;
use melo_services::calls;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<QualityRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let quality = CallQuality::new(body.loss, body.jitter, body.rtt, body.candidate_type);
    let quality = match quality {
        Ok(quality) => Some(quality),
        Err(error) => {
            check.refuse(
                error.field,
                format!("must be a number from 0 to {}", error.most),
            );
            None
        }
    };
    check.finish()?;
    calls::report_quality(&state.core, caller, body.call_id, checked(quality)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
