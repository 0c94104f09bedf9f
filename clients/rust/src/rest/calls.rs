//! The endpoints this client uses. A call is data, so it can be made again after the token was renewed.

use std::marker::PhantomData;

use melo_domain::{DeviceHandle, Uid};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::account::{
    ChallengeAnswer, KeyBackupAnswer, KeyBackupUpdate, LoginAnswer, LoginRequest, ProfileAnswer,
    ProfileUpdate, PublicKeyUpdate, RegisterAnswer, RegisterRequest, TicketAnswer,
};
use melo_protocol::rest::calls::QualityRequest;
use melo_protocol::rest::contacts::{ConfirmRequest, ContactsAnswer, SubscribeRequest};
use melo_protocol::rest::credentials::{CodeRequest, SentAnswer};
use melo_protocol::rest::ice::IceServersAnswer;
use melo_protocol::rest::keys::{KeyDirectory, PublishAnswer, PublishRequest};
use melo_protocol::rest::messages::SendRequest;
use melo_protocol::rest::server::ServerStatus;
use reqwest::Method;
use serde::Serialize;
use zeroize::Zeroizing;

use super::ApiError;
use super::chats::Appended;
use super::history::HistoryPage;

/// One call: method, path, body, and the type of its answer.
#[derive(Debug)]
pub struct Call<T> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    /// `Accept-Language`, where the server is to write to a person.
    pub(super) language: Option<&'static str>,
    answer: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    /// GET of a path, with its query.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            language: None,
            answer: PhantomData,
        }
    }

    pub(super) fn with_body(
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::Request)?;
        Ok(Self {
            method,
            path: path.to_owned(),
            body: Some(Zeroizing::new(body)),
            language: None,
            answer: PhantomData,
        })
    }

    pub(super) fn post(path: &str, body: &impl Serialize) -> Result<Self, ApiError> {
        Self::with_body(Method::POST, path, body)
    }

    pub(super) fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }
}

/// POST /register.
pub fn register(body: &RegisterRequest) -> Result<Call<RegisterAnswer>, ApiError> {
    Call::post("/register", body)
}

/// POST /register/code: a text message in that language.
pub fn register_code(
    body: &CodeRequest,
    language: &'static str,
) -> Result<Call<SentAnswer>, ApiError> {
    Ok(Call {
        language: Some(language),
        ..Call::post("/register/code", body)?
    })
}

/// GET /register/challenge.
pub fn register_challenge() -> Call<ChallengeAnswer> {
    Call::get("/register/challenge")
}

/// POST /login.
pub fn login(body: &LoginRequest) -> Result<Call<LoginAnswer>, ApiError> {
    Call::post("/login", body)
}

/// GET /status.
pub fn server_status() -> Call<ServerStatus> {
    Call::get("/status")
}

/// GET /profile: one's own, or a contact's.
pub fn profile(of: Option<Uid>) -> Call<ProfileAnswer> {
    match of {
        None => Call::get("/profile"),
        Some(uid) => Call::get(format!("/profile?user_id={uid}")),
    }
}

/// PUT /profile.
pub fn update_profile(body: &ProfileUpdate) -> Result<Call<StatusAnswer>, ApiError> {
    Call::with_body(Method::PUT, "/profile", body)
}

/// POST /`e2e/public_key`.
pub fn publish_account_key(body: &PublicKeyUpdate) -> Result<Call<StatusAnswer>, ApiError> {
    Call::post("/e2e/public_key", body)
}

/// POST /`e2e/secret_key`.
pub fn store_backup(body: &KeyBackupUpdate) -> Result<Call<StatusAnswer>, ApiError> {
    Call::post("/e2e/secret_key", body)
}

/// GET /`e2e/secret_key`.
pub fn fetch_backup() -> Call<KeyBackupAnswer> {
    Call::get("/e2e/secret_key")
}

/// POST /subscribe.
pub fn subscribe(body: &SubscribeRequest) -> Result<Call<StatusAnswer>, ApiError> {
    Call::post("/subscribe", body)
}

/// POST /`confirm_subscribe`.
pub fn confirm_subscribe(body: &ConfirmRequest) -> Result<Call<StatusAnswer>, ApiError> {
    Call::post("/confirm_subscribe", body)
}

/// GET /contacts.
pub fn contacts(page: u32, per_page: u32) -> Call<ContactsAnswer> {
    Call::get(format!("/contacts?page={page}&per_page={per_page}"))
}

/// POST /messages/send.
pub fn send_message(body: &SendRequest) -> Result<Call<Appended>, ApiError> {
    Call::post("/messages/send", body)
}

/// GET /messages/history/dm/{uid}.
pub fn history(with: Uid, page: u32, per_page: u32) -> Call<HistoryPage> {
    Call::get(format!(
        "/messages/history/dm/{with}?page={page}&per_page={per_page}"
    ))
}

/// POST /`ws_ticket`.
pub fn ws_ticket() -> Call<TicketAnswer> {
    Call {
        method: Method::POST,
        ..Call::get("/ws_ticket")
    }
}

/// POST /keys.
pub fn publish_keys(body: &PublishRequest) -> Result<Call<PublishAnswer>, ApiError> {
    Call::post("/keys", body)
}

/// GET /keys/{uid}.
pub fn directory(of: Uid) -> Call<KeyDirectory> {
    Call::get(format!("/keys/{of}"))
}

/// DELETE /keys/{device}.
pub fn remove_device(device: DeviceHandle) -> Call<PublishAnswer> {
    Call {
        method: Method::DELETE,
        ..Call::get(format!("/keys/{device}"))
    }
}

/// GET /`ice_servers`.
pub fn ice_servers() -> Call<IceServersAnswer> {
    Call::get("/ice_servers")
}

/// POST /calls/quality.
pub fn call_quality(body: &QualityRequest) -> Result<Call<StatusAnswer>, ApiError> {
    Call::post("/calls/quality", body)
}
