//! GET /status/contacts.

use actix_web::web::{Data, Json};
use melo_protocol::rest::presence::{ContactPresence, ContactsStatus};
use melo_services::presence;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<ContactsStatus>, ApiError> {
    let found = presence::of_contacts(&state.core, caller).await?;
    let contacts = found.into_iter().map(|contact| ContactPresence {
        user_id: contact.uid,
        status: contact.shown.status,
        last_seen: contact.shown.last_seen,
        is_typing_in_chat: contact.typing_in,
        typing: contact.typing,
    });
    Ok(Json(ContactsStatus {
        contacts: contacts.collect(),
    }))
}
