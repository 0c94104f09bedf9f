//! GET /admin/bans.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::bans::BansAnswer;
use melo_services::bans;

use super::view;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Json<BansAnswer>, ApiError> {
    let (page, per_page) = query.bounded();
    let found = bans::list(&state.core, caller, page, per_page).await?;
    let now = state.core.now();
    Ok(Json(BansAnswer {
        bans: found.bans.into_iter().map(|ban| view(ban, now)).collect(),
        page,
        per_page,
        total: found.total,
        pages: found.total.div_ceil(per_page.into()),
    }))
}
