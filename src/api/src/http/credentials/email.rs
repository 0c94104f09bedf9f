//! GET, PUT and DELETE /account/email, POST /account/email/confirm.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::credentials::{EmailAnswer, EmailConfirmation, EmailUpdate, SentAnswer};
use melo_services::credentials::{self, MAIL_TOKEN_LIFE};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Spoken, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn view(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<EmailAnswer>, ApiError> {
    let found = credentials::view_email(&state.core, caller).await?;
    Ok(Json(EmailAnswer {
        confirmed_at: found.as_ref().map(|found| found.confirmed),
        email: found.map(|found| found.email),
    }))
}

pub(crate) async fn set(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Spoken(language): Spoken,
    Body(body): Body<EmailUpdate>,
) -> Result<Json<SentAnswer>, ApiError> {
    let mut check = Check::default();
    let email = check.parse("email", &body.email);
    check.finish()?;
    credentials::set_email(&state.core, caller, &checked(email)?, language).await?;
    Ok(Json(SentAnswer {
        status: "sent".to_owned(),
        expires_in: MAIL_TOKEN_LIFE.as_secs(),
    }))
}

pub(crate) async fn confirm(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<EmailConfirmation>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    check.credential("token", &body.token);
    check.finish()?;
    credentials::confirm_email(&state.core, caller, &origin, &body.token).await?;
    Ok(Json(StatusAnswer::of("confirmed")))
}

pub(crate) async fn remove(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
) -> Result<Json<StatusAnswer>, ApiError> {
    credentials::remove_email(&state.core, caller, &origin).await?;
    Ok(Json(StatusAnswer::of("removed")))
}
