//! POST /account/export.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use futures_util::stream;
use melo_protocol::rest::access::PasswordRequest;
use melo_services::account;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::credentials;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PasswordRequest>,
) -> Result<HttpResponse, ApiError> {
    let export = account::export(&state.core, caller, &origin, credentials(body)?).await?;
    let pieces = stream::unfold(export.pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    });
    let name = format!("attachment; filename=\"melo-{}.zip\"", caller.uid);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(pieces))
}
