//! POST /e2e/public_key.

use actix_web::web::{Data, Json};
use melo_crypto::e2e::PublicKeyPem;
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::account::PublicKeyUpdate;
use melo_services::account;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PublicKeyUpdate>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let key = check.take("public_e2e_key", PublicKeyPem::parse(&body.public_e2e_key));
    check.finish()?;
    account::set_public_key(&state.core, caller, &origin, &checked(key)?).await?;
    Ok(Json(StatusAnswer::of("ok")))
}
