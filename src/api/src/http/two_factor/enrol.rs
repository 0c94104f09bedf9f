//! POST /two_factor/enrol.

use actix_web::web::{Data, Json};
use melo_domain::Secret;
use melo_protocol::rest::access::{EnrolAnswer, PasswordRequest};
use melo_services::second_factor;
use qrcode::QrCode;
use qrcode::render::svg;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::credentials;

/// Side of the picture in pixels, about; it scales.
const QR_SIZE: u32 = 240;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PasswordRequest>,
) -> Result<Json<EnrolAnswer>, ApiError> {
    let begun = second_factor::enrol(&state.core, caller, &origin, credentials(body)?).await?;
    Ok(Json(EnrolAnswer {
        qr_svg: qr(&begun.uri)?,
        secret: begun.secret,
        otpauth_uri: begun.uri,
    }))
}

fn qr(uri: &Secret) -> Result<Secret, ApiError> {
    let code = QrCode::new(uri.expose()).map_err(|error| ApiError::internal(&error))?;
    let picture = code.render::<svg::Color<'_>>();
    Ok(Secret::new(
        { picture }.min_dimensions(QR_SIZE, QR_SIZE).build(),
    ))
}
