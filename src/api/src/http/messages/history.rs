//! GET /messages/history/dm/{uid} and its older name /history/{uid}.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::messages::{HistoryAnswer, HistoryEvent};
use melo_services::messages;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};
use crate::ws::{payload_for, payload_string};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    other: Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<HistoryAnswer>, ApiError> {
    let mut check = Check::default();
    let other = check.parse("uid", &other);
    check.finish()?;
    let (page, per_page) = query.bounded();
    let found = messages::history(&state.core, caller, checked(other)?, page, per_page).await?;
    let kid = found.kid.as_deref();
    let messages = found
        .events
        .iter()
        .map(|event| payload_string(event, kid))
        .collect();
    let events = found.events.iter().map(|event| HistoryEvent {
        message_id: event.message_id(),
        seq: event.seq,
        at: event.at,
        from: event.sender,
        device: event.device,
        payload: payload_for(event, kid),
    });
    Ok(Json(HistoryAnswer {
        messages,
        events: events.collect(),
        log: found.log,
        page,
        per_page,
        total: found.total,
        pages: found.total.div_ceil(u64::from(per_page)),
    }))
}
