//! GET and POST /blocks, DELETE /blocks/{uid}.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::people::{BlockRequest, BlockedUser, BlocksAnswer};
use melo_protocol::rest::{PageQuery, StatusAnswer};
use melo_services::people;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Json<BlocksAnswer>, ApiError> {
    let (page, per_page) = query.bounded();
    let found = people::list_blocks(&state.core, caller, page, per_page).await?;
    let blocks = found.blocks.iter().map(|block| BlockedUser {
        user_id: block.peer,
        created_at: block.created,
    });
    Ok(Json(BlocksAnswer {
        blocks: blocks.collect(),
        page,
        per_page,
        total: found.total,
        pages: found.total.div_ceil(u64::from(per_page)),
    }))
}

pub(crate) async fn add(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<BlockRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let peer = check.parse("user_id", &body.user_id);
    check.finish()?;
    people::block(&state.core, caller, &origin, checked(peer)?).await?;
    Ok(Json(StatusAnswer::of("blocked")))
}

pub(crate) async fn remove(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    peer: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let peer = check.parse("uid", &peer);
    check.finish()?;
    people::unblock(&state.core, caller, &origin, checked(peer)?).await?;
    Ok(Json(StatusAnswer::of("unblocked")))
}
