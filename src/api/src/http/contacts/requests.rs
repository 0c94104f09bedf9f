//! GET /contacts/requests.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::contacts::{IncomingRequest, OutgoingRequest, RequestsAnswer};
use melo_services::contacts;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Json<RequestsAnswer>, ApiError> {
    let (page, per_page) = query.bounded();
    let found = contacts::list_requests(&state.core, caller, page, per_page).await?;
    let incoming = found.incoming.into_iter().map(|request| IncomingRequest {
        user_id: request.uid,
        secret: request.secret,
        created_at: request.at,
        from_phone: request.phone,
    });
    let outgoing = found.outgoing.iter().map(|request| OutgoingRequest {
        user_id: request.uid,
        secret: request.secret,
        created_at: request.at,
    });
    let longer = found.incoming_total.max(found.outgoing_total);
    Ok(Json(RequestsAnswer {
        incoming: incoming.collect(),
        outgoing: outgoing.collect(),
        incoming_total: found.incoming_total,
        outgoing_total: found.outgoing_total,
        page,
        per_page,
        pages: longer.div_ceil(u64::from(per_page)),
    }))
}
