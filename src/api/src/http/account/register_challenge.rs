//! GET /register/challenge.

use actix_web::web::{Data, Json};
use melo_protocol::rest::account::ChallengeAnswer;
use melo_services::account::{self, CHALLENGE_LIFE};

use crate::error::ApiError;
use crate::extract::Traced;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
) -> Result<Json<ChallengeAnswer>, ApiError> {
    let issued = account::issue_challenge(&state.core, origin.address).await?;
    Ok(Json(ChallengeAnswer {
        challenge: issued.text,
        bits: issued.bits,
        expires_in: CHALLENGE_LIFE.as_secs(),
    }))
}
