//! Becoming somebody.

use std::time::Duration;

use melo_domain::Secret;
use melo_protocol::ErrorCode;
use melo_protocol::rest::account::{LoginRequest, ProofOfWork, RegisterAnswer, RegisterRequest};
use melo_protocol::rest::credentials::CodeRequest;

use super::account::refuse_existing;
use super::{Client, Connector, Options, off_thread};
use crate::crypto::identity::{DeviceSecrets, SignatureKey};
use crate::crypto::rsa_keys::DecryptionKey;
use crate::crypto::{random, work};
use crate::error::ClientError;
use crate::keystore::Server;
use crate::rest::calls;

/// A new account.
#[derive(Debug, Clone)]
pub struct Registration {
    /// E.164; a leading 8 means +7.
    pub phone: String,
    /// 1 to 50 letters, digits, space, `-`, `_`.
    pub name: String,
    /// As `name`.
    pub nickname: String,
    /// By the server's policy, 1024 bytes at most.
    pub password: Secret,
    /// Opens the key backup on another device.
    pub recovery: Secret,
    /// Of [`Client::request_code`], where the server verifies phones.
    pub code: Option<Secret>,
    /// Of an admin, where the server takes the invited only.
    pub invite: Option<Secret>,
}

impl Client {
    /// Has the server send a code to the phone of somebody who wants to register, written in `language` (an
    /// `Accept-Language`, RFC 9110, section 12.5.4). Says how long the code is good for.
    pub async fn request_code(
        options: &Options,
        server: &Server,
        phone: &str,
        language: &'static str,
    ) -> Result<Duration, ClientError> {
        let connector = Connector::new(server, &options.user_agent, options.certificate.clone())?;
        let request = CodeRequest {
            phone: phone.to_owned(),
        };
        let call = calls::register_code(&request, language)?;
        let sent = connector.api.send(&call, None).await?;
        Ok(Duration::from_secs(sent.expires_in))
    }

    /// Makes an account and signs in on this device.
    pub async fn register(
        options: Options,
        server: Server,
        new: Registration,
    ) -> Result<Self, ClientError> {
        refuse_existing(&options)?;
        let connector = Connector::new(&server, &options.user_agent, options.certificate.clone())?;
        let encryption = DecryptionKey::generate_off_thread().await?;
        let device_id = hex::encode(random::bytes::<8>()?);
        let request = RegisterRequest {
            phone: new.phone,
            name: new.name,
            nickname: new.nickname,
            password: new.password.clone(),
            device_id: device_id.clone(),
            public_e2e_key: encryption.public().to_pem()?,
            pow: None,
            code: new.code,
            invite: new.invite,
        };
        let registered = register(&connector, request).await?;
        let login = LoginRequest {
            identifier: registered.unique_id.to_string(),
            password: Some(new.password),
            device_id,
            device_token: None,
            public_e2e_key: None,
            code: None,
            cookie: false,
        };
        let answer = connector.api.send(&calls::login(&login)?, None).await?;
        let secrets = DeviceSecrets {
            encryption,
            signing: SignatureKey::generate()?,
            identity: SignatureKey::generate()?,
        };
        let client = Self::create(options, connector, server, &answer, &secrets).await?;
        client.inner.publish(false).await?;
        client.store_backup(new.recovery).await?;
        Ok(client)
    }
}

/// Registers; where the server asks for work first, does it.
async fn register(
    connector: &Connector,
    mut request: RegisterRequest,
) -> Result<RegisterAnswer, ClientError> {
    let api = &connector.api;
    match api.send(&calls::register(&request)?, None).await {
        Err(error) if error.code() == Some(ErrorCode::ProofOfWorkRequired) => {}
        answered => return Ok(answered?),
    }
    let asked = api.send(&calls::register_challenge(), None).await?;
    let (challenge, bits) = (asked.challenge.clone(), asked.bits);
    let nonce = off_thread(move || Ok::<_, ClientError>(work::solve(&challenge, bits))).await?;
    request.pow = Some(ProofOfWork {
        challenge: asked.challenge,
        nonce,
    });
    Ok(api.send(&calls::register(&request)?, None).await?)
}
