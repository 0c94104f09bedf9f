//! DELETE /schedule/{id}.

use actix_web::web::{Data, Json, Path};
use melo_domain::ScheduleId;
use melo_protocol::rest::StatusAnswer;
use melo_services::schedule;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let id: Option<ScheduleId> = check.parse("id", &id);
    check.finish()?;
    schedule::cancel(&state.core, caller, checked(id)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
