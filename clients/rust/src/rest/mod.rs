//! The REST interface: one [`Call`] per endpoint, sent by [`Api`].

pub mod calls;

use std::sync::Arc;
use std::time::Duration;

use melo_domain::Secret;
use melo_protocol::{ErrorCode, Problem};
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;

pub use calls::Call;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a whole call may take.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest answer that is read, in bytes: a full page of the largest messages.
const MAX_ANSWER: usize = 128 << 20;

/// Why a call gave no answer of the expected kind.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refused, and says why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The server refused without a problem document: something stands in front of it, or it is another server.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// No connection, or it broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The answer is not what this call is answered with.
    #[error("the server's answer is not understood")]
    Answer,
    /// The call could not be written.
    #[error("the request could not be made")]
    Request,
    /// No HTTP client.
    #[error("the HTTP client cannot be set up")]
    Setup,
}

impl ApiError {
    /// The stable code of a refusal.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether the same call may succeed later as it is.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                problem.code.retryable() && problem.code != ErrorCode::DeviceMismatch
            }
            Self::Unreachable(_) => true,
            Self::Status(status) => *status >= 500,
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after.map(Duration::from_secs),
            _ => None,
        }
    }

    fn from_transport(error: &reqwest::Error) -> Self {
        let mut deepest: &dyn std::error::Error = error;
        while let Some(source) = deepest.source() {
            if let Some(refused) = certificate_error(source) {
                return Self::Untrusted(refused);
            }
            deepest = source;
        }
        if error.is_timeout() {
            Self::Unreachable("no answer in time".to_owned())
        } else {
            Self::Unreachable(deepest.to_string())
        }
    }
}

/// The certificate fault within `error`, when it is one. I/O errors hide what they wrap from `source`, and
/// may be wrapped several times.
pub(crate) fn certificate_error(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref::<rustls::Error>() {
        return Some(why.to_string());
    }
    let within = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    certificate_error(within)
}

/// Sends calls to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
}

impl Api {
    /// An interface to the server at `base`. `user_agent` is what session lists show.
    pub fn new(
        base: &Url,
        tls: &Arc<rustls::ClientConfig>,
        user_agent: &str,
    ) -> Result<Self, ApiError> {
        let mut tls = rustls::ClientConfig::clone(tls);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true)
            .build()
            .map_err(|_| ApiError::Setup)?;
        Ok(Self {
            http,
            base: base.clone(),
        })
    }

    /// Makes one call. `token` is the access token, for calls that ask for one.
    pub async fn send<T: DeserializeOwned>(
        &self,
        call: &Call<T>,
        token: Option<&Secret>,
    ) -> Result<T, ApiError> {
        let url = self.base.join(&call.path).map_err(|_| ApiError::Request)?;
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| ApiError::Request)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(language) = call.language {
            request = request.header(ACCEPT_LANGUAGE, language);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_vec());
        } else if call.method == Method::POST {
            request = request.body("");
        }
        let mut answer = request
            .send()
            .await
            .map_err(|e| ApiError::from_transport(&e))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|e| ApiError::from_transport(&e))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ApiError::Answer);
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            serde_json::from_slice(&body).map_err(|_| ApiError::Answer)
        } else {
            Err(serde_json::from_slice(&body)
                .map_or(ApiError::Status(status.as_u16()), |problem| {
                    ApiError::Refused(Box::new(problem))
                }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_certificate_fault_is_found_however_deep_it_is_wrapped() {
        let fault = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(fault));
        assert_eq!(
            certificate_error(&wrapped).as_deref(),
            Some("UnknownIssuer")
        );
        assert_eq!(certificate_error(&io::Error::other("refused")), None);
    }
}
