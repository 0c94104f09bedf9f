//! POST /password/reset.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::credentials::PasswordReset;
use melo_services::Core;
use melo_services::credentials::{self, ResetProof, Whom};

use crate::error::ApiError;
use crate::error::credentials::of_field;
use crate::extract::{Body, Traced};
use crate::state::State;
use crate::validate::{Check, MAX_CREDENTIAL, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Body(body): Body<PasswordReset>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let new = body.new_password.clone();
    let proof = parse(&state.core, body)?;
    let done = credentials::reset_password(&state.core, &origin, proof, new).await;
    done.map_err(of_field("new_password"))?;
    Ok(Json(StatusAnswer::of("changed")))
}

fn parse(core: &Core, body: PasswordReset) -> Result<ResetProof, ApiError> {
    let mut check = Check::default();
    check.new_password(core, "new_password", &body.new_password);
    for (field, secret) in [("token", &body.token), ("code", &body.code)] {
        if let Some(secret) = secret {
            check.credential(field, secret);
        }
    }
    if body
        .identifier
        .as_ref()
        .is_some_and(|i| i.len() > MAX_CREDENTIAL)
    {
        check.refuse("identifier", "is too long");
    }
    let proof = match (body.token, body.identifier, body.code) {
        (Some(token), None, None) => Some(ResetProof::Token(token)),
        (None, Some(identifier), Some(code)) => Some(ResetProof::Code {
            whom: Whom::parse(&identifier),
            code,
        }),
        _ => {
            check.refuse(
                "token",
                "must be given, or identifier and code in its place",
            );
            None
        }
    };
    check.finish()?;
    checked(proof)
}
