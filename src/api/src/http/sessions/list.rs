//! GET /sessions.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{SessionEntry, SessionsAnswer};
use melo_services::sessions;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<SessionsAnswer>, ApiError> {
    let live = sessions::list(&state.core, caller).await?;
    let entries = live.into_iter().map(|session| SessionEntry {
        is_current: session.id == caller.session,
        id: session.id,
        device_type: session.device_type,
        device_name: session.device_name,
        ip_address: session.ip_address,
        created_at: session.created,
        last_activity: session.last_activity,
        device: session.device,
    });
    Ok(Json(SessionsAnswer {
        sessions: entries.collect(),
    }))
}
