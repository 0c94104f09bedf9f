//! POST /register/code.

use actix_web::web::{Data, Json};
use melo_protocol::rest::credentials::{CodeRequest, SentAnswer};
use melo_services::credentials::{self, CODE_LIFE};

use crate::error::ApiError;
use crate::extract::{Body, Spoken, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Spoken(language): Spoken,
    Body(body): Body<CodeRequest>,
) -> Result<Json<SentAnswer>, ApiError> {
    let mut check = Check::default();
    let phone = check.parse("phone", &body.phone);
    check.finish()?;
    credentials::request_code(&state.core, &origin, &checked(phone)?, language).await?;
    Ok(Json(SentAnswer {
        status: "sent".to_owned(),
        expires_in: CODE_LIFE.as_secs(),
    }))
}
