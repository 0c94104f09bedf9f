//! GET /contacts.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::contacts::{Contact, ContactsAnswer};
use melo_services::contacts;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<PageQuery>,
) -> Result<Json<ContactsAnswer>, ApiError> {
    let (page, per_page) = query.bounded();
    let found = contacts::list(&state.core, caller, page, per_page).await?;
    let contacts = found.contacts.into_iter().map(|c| Contact {
        unique_id: c.uid,
        nickname: c.nickname,
        public_e2e_key: c.e2e_key,
        log: c.log,
    });
    Ok(Json(ContactsAnswer {
        contacts: contacts.collect(),
        page,
        per_page,
        total: found.total,
        pages: found.total.div_ceil(u64::from(per_page)),
    }))
}
