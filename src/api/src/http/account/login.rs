//! POST /login.

use actix_web::HttpResponse;
use actix_web::web::Data;
use melo_crypto::e2e::PublicKeyPem;
use melo_domain::{Phone, Secret, Uid};
use melo_protocol::rest::account::{LoginAnswer, LoginRequest};
use melo_services::Origin;
use melo_services::account::{self, Identifier, LoggedIn, LoginInput};

use crate::cookie;
use crate::error::ApiError;
use crate::extract::{Body, Traced};
use crate::state::State;
use crate::validate::{Check, MAX_CREDENTIAL, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Traced(origin): Traced,
    Body(body): Body<LoginRequest>,
) -> Result<HttpResponse, ApiError> {
    let (device_id, wants_cookie) = (body.device_id.clone(), body.cookie);
    let input = parse(origin, body)?;
    let begun = account::login(&state.core, input).await?;
    let (token, life) = (begun.access_token.clone(), begun.expires_in);
    let mut answer = answer(begun, device_id);
    let mut response = HttpResponse::Ok();
    if wants_cookie {
        // Only as a cookie: what scripts of the page cannot read, they cannot lose.
        answer.access_token = Secret::new(String::new());
        answer.device_token = Secret::new(String::new());
        response.cookie(cookie::session(&token, life));
    }
    Ok(response.json(answer))
}

/// What a login is answered with.
pub(crate) fn answer(begun: LoggedIn, device_id: String) -> LoginAnswer {
    LoginAnswer {
        access_token: begun.access_token,
        token_type: "bearer".to_owned(),
        expires_in: begun.expires_in,
        csrf_token: begun.csrf_token,
        device_token: begun.device_token,
        public_e2e_key: begun.account.e2e_key,
        unique_id: begun.account.uid,
        phone: begun.account.phone,
        name: begun.account.name,
        nickname: begun.account.nickname,
        device_id,
        device: begun.device,
        session_id: begun.session,
    }
}

pub(crate) fn parse(origin: Origin, body: LoginRequest) -> Result<LoginInput, ApiError> {
    let mut check = Check::default();
    let device_id = check.parse("device_id", &body.device_id);
    let e2e_key = match &body.public_e2e_key {
        Some(pem) => check.take("public_e2e_key", PublicKeyPem::parse(pem)),
        None => None,
    };
    if body.identifier.len() > MAX_CREDENTIAL {
        check.refuse("identifier", "is too long");
    }
    let too_long = |secret: &Option<Secret>| {
        secret
            .as_ref()
            .is_some_and(|s| s.expose().len() > MAX_CREDENTIAL)
    };
    if too_long(&body.password) {
        check.refuse("password", "is too long");
    }
    if too_long(&body.device_token) {
        check.refuse("device_token", "is too long");
    }
    if too_long(&body.code) {
        check.refuse("code", "is too long");
    }
    if body.password.is_none() && body.device_token.is_none() {
        check.refuse("password", "must be given unless there is a device_token");
    }
    check.finish()?;
    Ok(LoginInput {
        identifier: identifier(&body.identifier),
        password: body.password.filter(|p| !p.expose().is_empty()),
        device_id: checked(device_id)?,
        device_token: body.device_token.filter(|t| !t.expose().is_empty()),
        code: body.code.filter(|code| !code.expose().is_empty()),
        e2e_key,
        origin,
    })
}

/// Eight digits are a user id; anything else that reads as a phone number is one.
fn identifier(text: &str) -> Identifier {
    if let Ok(uid) = text.trim().parse::<Uid>() {
        return Identifier::Uid(uid);
    }
    match text.parse::<Phone>() {
        Ok(phone) => Identifier::Phone(phone),
        Err(_) => Identifier::Unrecognised(text.to_owned()),
    }
}
