//! POST /ws_ticket.

use actix_web::web::{Data, Json};
use melo_protocol::rest::account::TicketAnswer;
use melo_services::account;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<TicketAnswer>, ApiError> {
    let ticket = account::issue_ticket(&state.core, caller).await?;
    Ok(Json(TicketAnswer {
        ticket,
        expires_in: account::TICKET_LIFE.as_secs(),
    }))
}
