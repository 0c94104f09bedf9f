//! GET /.well-known/jwks.json: the keys that verify access tokens (RFC 7517, section 5).

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use serde_json::json;

use crate::state::State;

/// Verifiers may keep the answer for so long; a key that they do not know they ask for anew.
const CACHE: &str = "public, max-age=300";

pub(crate) async fn handle(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, CACHE))
        .json(json!({"keys": state.core.jwks()}))
}
