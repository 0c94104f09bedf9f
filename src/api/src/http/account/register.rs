//! POST /register.

use actix_web::web::{Data, Json};
use melo_crypto::e2e::PublicKeyPem;
use melo_protocol::rest::account::{RegisterAnswer, RegisterRequest};
use melo_services::account::{self, Registration, Work};
use melo_services::{Core, Origin};

use crate::error::ApiError;
use crate::extract::{Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Body(body): Body<RegisterRequest>,
) -> Result<Json<RegisterAnswer>, ApiError> {
    let new = parse(&state.core, origin, body)?;
    let registered = account::register(&state.core, &new).await?;
    Ok(Json(RegisterAnswer {
        unique_id: registered.uid,
        public_e2e_key: new.e2e_key.as_str().to_owned(),
        phone: new.phone.as_str().to_owned(),
        name: new.name.as_str().to_owned(),
        nickname: new.nickname.as_str().to_owned(),
        device_id: new.device_id.as_str().to_owned(),
        device: registered.device,
    }))
}

fn parse(core: &Core, origin: Origin, body: RegisterRequest) -> Result<Registration, ApiError> {
    let mut check = Check::default();
    let phone = check.parse("phone", &body.phone);
    let name = check.parse("name", &body.name);
    let nickname = check.parse("nickname", &body.nickname);
    let device_id = check.parse("device_id", &body.device_id);
    let e2e_key = check.take("public_e2e_key", PublicKeyPem::parse(&body.public_e2e_key));
    check.new_password(core, "password", &body.password);
    for (field, secret) in [("code", &body.code), ("invite", &body.invite)] {
        if let Some(secret) = secret {
            check.credential(field, secret);
        }
    }
    check.finish()?;
    Ok(Registration {
        phone: checked(phone)?,
        name: checked(name)?,
        nickname: checked(nickname)?,
        device_id: checked(device_id)?,
        e2e_key: checked(e2e_key)?,
        password: body.password,
        work: body.pow.map(|pow| Work {
            challenge: pow.challenge,
            nonce: pow.nonce,
        }),
        code: body.code,
        invite: body.invite,
        origin,
    })
}
