//! GET /admin/tokens, DELETE /admin/tokens/{id}.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::access::{TokenEntry, TokensAnswer};
use melo_services::admin;
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::http::tokens::words;
use crate::state::State;
use crate::validate::{Check, checked};

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    uid: String,
}

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Query(parameters): Query<Parameters>,
) -> Result<Json<TokensAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &parameters.uid);
    check.finish()?;
    let found = admin::list_tokens(&state.core, caller, &origin, checked(uid)?).await?;
    let tokens = found.into_iter().map(|view| TokenEntry {
        id: view.token.session,
        name: view.token.name,
        scopes: words(view.token.scopes),
        created_at: view.created,
        expires_at: view.token.expires,
        last_used_at: view.last_used,
    });
    Ok(Json(TokensAnswer {
        tokens: tokens.collect(),
    }))
}

pub(crate) async fn revoke(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let id = check.parse("id", &path);
    check.finish()?;
    admin::revoke_token(&state.core, caller, &origin, checked(id)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
