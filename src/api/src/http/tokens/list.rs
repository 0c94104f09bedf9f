//! GET /tokens.

use actix_web::web::{Data, Json};
use melo_protocol::rest::access::{TokenEntry, TokensAnswer};
use melo_services::tokens;

use super::create::words;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<TokensAnswer>, ApiError> {
    let views = tokens::list(&state.core, caller).await?;
    let entries = views.into_iter().map(|view| TokenEntry {
        id: view.token.session,
        name: view.token.name,
        scopes: words(view.token.scopes),
        created_at: view.created,
        expires_at: view.token.expires,
        last_used_at: view.last_used,
    });
    Ok(Json(TokensAnswer {
        tokens: entries.collect(),
    }))
}
