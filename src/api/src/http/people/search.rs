//! GET /users/search.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::people::{FoundUser, SearchAnswer};
use melo_services::people;
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    username: String,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(parameters): Query<Parameters>,
) -> Result<Json<SearchAnswer>, ApiError> {
    let mut check = Check::default();
    let username = check.parse("username", &parameters.username);
    check.finish()?;
    let found = people::search(&state.core, caller, &checked(username)?).await?;
    let users = found.into_iter().map(|person| FoundUser {
        unique_id: person.uid,
        username: person.username,
        nickname: person.nickname,
    });
    Ok(Json(SearchAnswer {
        users: users.collect(),
    }))
}
