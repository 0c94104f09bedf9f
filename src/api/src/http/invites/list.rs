//! GET /admin/invites.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::credentials::InvitesAnswer;
use melo_services::invites;

use super::{id_of, named, view};
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::http::admin::{Page, next};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(page): Query<Page>,
) -> Result<Json<InvitesAnswer>, ApiError> {
    let mut check = Check::default();
    let after = page.after.as_deref();
    let after = after.and_then(|text| check.take("after", id_of(text)));
    check.finish()?;
    let limit = page.limit();
    let found = invites::list(&state.core, caller, after, limit).await?;
    Ok(Json(InvitesAnswer {
        next: next(&found, limit, |invite| named(invite.id)),
        invites: found.into_iter().map(view).collect(),
    }))
}
