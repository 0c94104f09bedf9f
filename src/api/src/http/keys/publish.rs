//! POST /keys.

use actix_web::web::{Data, Json};
use melo_protocol::rest::keys::{PublishAnswer, PublishRequest};
use melo_services::keys::{self, PublishInput};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PublishRequest>,
) -> Result<Json<PublishAnswer>, ApiError> {
    let mut check = Check::default();
    let device = check.parse("device", &body.device);
    let encryption_key = check.base64("encryption_key", &body.encryption_key);
    let signing_key = check.base64("signing_key", &body.signing_key);
    let identity_key = check.base64("identity_key", &body.identity_key);
    let signature = check.base64("signature", &body.signature);
    check.finish()?;
    let input = PublishInput {
        device: checked(device)?,
        encryption_key: checked(encryption_key)?,
        signing_key: checked(signing_key)?,
        identity_key: checked(identity_key)?,
        signature: checked(signature)?,
        replace_identity: body.replace_identity,
    };
    let version = keys::publish(&state.core, caller, &origin, input).await?;
    Ok(Json(PublishAnswer {
        status: "ok".to_owned(),
        version,
    }))
}
