//! POST and GET /e2e/secret_key.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::account::{KeyBackupAnswer, KeyBackupUpdate};
use melo_services::account::{self, MAX_BACKUP_BYTES, MIN_BACKUP_CHARS};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

/// Room for the longest backup and the JSON around it.
const LIMIT: usize = MAX_BACKUP_BYTES + 4096;

pub(crate) async fn store(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<KeyBackupUpdate, LIMIT>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    if body.ciphertext.chars().count() < MIN_BACKUP_CHARS
        || body.ciphertext.len() > MAX_BACKUP_BYTES
    {
        check.refuse("ciphertext", "must be 16 characters to 64 KiB long");
    }
    check.finish()?;
    account::store_key_backup(&state.core, caller, &origin, &body.ciphertext).await?;
    Ok(Json(StatusAnswer::of("ok")))
}

pub(crate) async fn load(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<KeyBackupAnswer>, ApiError> {
    let (ciphertext, updated_at) = account::load_key_backup(&state.core, caller).await?;
    Ok(Json(KeyBackupAnswer {
        ciphertext,
        updated_at,
    }))
}
