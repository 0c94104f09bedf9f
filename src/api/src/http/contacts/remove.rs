//! DELETE /contacts/{uid}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_services::contacts;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    peer: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let peer = check.parse("uid", &peer);
    check.finish()?;
    contacts::remove(&state.core, caller, checked(peer)?).await?;
    Ok(Json(StatusAnswer::of("removed")))
}
