//! GET /admin/invites.

use actix_web::web::{Data, Json};
use melo_protocol::rest::credentials::InvitesAnswer;
use melo_services::invites;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<InvitesAnswer>, ApiError> {
    let found = invites::list(&state.core, caller).await?;
    Ok(Json(InvitesAnswer {
        invites: found.into_iter().map(super::view).collect(),
    }))
}
