//! POST /password/reset/request.

use actix_web::web::{Data, Json};
use melo_protocol::rest::credentials::{ResetRequest, SentAnswer};
use melo_services::credentials::{self, CODE_LIFE, Channel, Whom};

use crate::error::ApiError;
use crate::extract::{Body, Spoken, Traced};
use crate::state::State;
use crate::validate::{Check, MAX_CREDENTIAL};

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Spoken(language): Spoken,
    Body(body): Body<ResetRequest>,
) -> Result<Json<SentAnswer>, ApiError> {
    let mut check = Check::default();
    if body.identifier.len() > MAX_CREDENTIAL {
        check.refuse("identifier", "is too long");
    }
    let channel = match body.channel.as_deref() {
        None => None,
        Some("sms") => Some(Channel::Sms),
        Some("mail") => Some(Channel::Mail),
        Some(_) => {
            check.refuse("channel", "must be sms or mail");
            None
        }
    };
    check.finish()?;
    let request = credentials::ResetRequest {
        whom: Whom::parse(&body.identifier),
        channel,
        language,
        origin,
    };
    credentials::request_reset(&state.core, request).await?;
    // The shorter of the two lives: which way it goes is not told.
    Ok(Json(SentAnswer {
        status: "sent".to_owned(),
        expires_in: CODE_LIFE.as_secs(),
    }))
}
