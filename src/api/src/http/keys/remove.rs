//! DELETE /keys/{device}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::keys::PublishAnswer;
use melo_services::keys;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    name: Path<String>,
) -> Result<Json<PublishAnswer>, ApiError> {
    let mut check = Check::default();
    let device = check.parse("device", &name);
    check.finish()?;
    let version = keys::remove(&state.core, caller, &origin, checked(device)?).await?;
    Ok(Json(PublishAnswer {
        status: "ok".to_owned(),
        version,
    }))
}
