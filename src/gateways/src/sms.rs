//! Text messages.

use melo_crypto::MessageMac;
use melo_domain::{Secret, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};

use crate::{BodyTemplate, GatewayError, SEND_WITHIN, SendError};

/// A text message.
#[derive(Clone)]
pub struct TextMessage {
    /// Ours: the same for each attempt.
    pub id: String,
    /// E.164.
    pub phone: String,
    /// What is to be read.
    pub text: String,
}

/// How a provider is called.
pub struct HttpSmsSettings {
    /// `https:`, or `http:` on this machine. May hold credentials.
    pub url: Secret,
    /// The body.
    pub body: BodyTemplate,
    /// A header that the provider knows us by: its name and its value.
    pub header: Option<(String, Secret)>,
    /// Signs time and body, if the provider checks that.
    pub signing_key: Option<MessageMac>,
}

/// A provider that is called over HTTP.
pub struct HttpSms {
    client: Client,
    url: Url,
    body: BodyTemplate,
    header: Option<(HeaderName, HeaderValue)>,
    signing_key: Option<MessageMac>,
}

/// The way text messages leave.
pub enum SmsGateway {
    /// None: messages are refused.
    Off,
    /// Into the log, for developers: that there was one, and with `show_text` what it says. Never to whom.
    Log {
        /// Whether the text, and the code in it, is shown.
        show_text: bool,
    },
    /// To a provider.
    Http(Box<HttpSms>),
}

impl HttpSms {
    /// Sets up the calls.
    pub fn new(settings: HttpSmsSettings) -> Result<Self, GatewayError> {
        let header = match settings.header {
            Some((name, value)) => Some(header(&name, &value)?),
            None => None,
        };
        let url = Url::parse(settings.url.expose());
        let url = url.map_err(|_| GatewayError("SMS_HTTP_URL is not a URL".to_owned()))?;
        let client = Client::builder()
            .timeout(SEND_WITHIN)
            // A message goes where the operator says, and nowhere else.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| GatewayError(format!("SMS_HTTP_URL cannot be called: {error}")))?;
        Ok(Self {
            client,
            url,
            body: settings.body,
            header,
            signing_key: settings.signing_key,
        })
    }

    async fn send(&self, message: &TextMessage, now: Timestamp) -> Result<(), SendError> {
        let body = self.body.fill(message);
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", &message.id);
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        if let Some(key) = &self.signing_key {
            let timestamp = now.seconds().to_string();
            let signature = format!("sha256={}", key.sign(&timestamp, &body));
            request = request
                .header("X-Melo-Timestamp", timestamp)
                .header("X-Melo-Signature", signature);
        }
        let answer = request.body(body).send().await;
        // Without the URL: it may hold the operator's credentials.
        let answer =
            answer.map_err(|error| SendError::Temporary(error.without_url().to_string()))?;
        judge(answer.status())
    }
}

fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), GatewayError> {
    let wrong = || GatewayError("SMS_HTTP_HEADER is not an HTTP header".to_owned());
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Busy or broken providers are asked again; what they refuse they will refuse again.
fn judge(status: StatusCode) -> Result<(), SendError> {
    let said = format!("the provider answered {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        // The id was seen before: the first attempt had arrived.
        StatusCode::CONFLICT => Ok(()),
        // Come back later; or the operator's mistake, which may be mended before the message is too old.
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::TOO_EARLY
        | StatusCode::UNAUTHORIZED
        | StatusCode::PAYMENT_REQUIRED
        | StatusCode::FORBIDDEN => Err(SendError::Temporary(said)),
        status if status.is_client_error() => Err(SendError::Permanent(said)),
        _ => Err(SendError::Temporary(said)),
    }
}

impl SmsGateway {
    /// Hands one message over.
    pub async fn send(&self, message: &TextMessage, now: Timestamp) -> Result<(), SendError> {
        match self {
            Self::Off => Err(SendError::Permanent("SMS_PROVIDER is off".to_owned())),
            Self::Log { show_text } => {
                let shown = if *show_text {
                    &*message.text
                } else {
                    "(DEBUG_MODE shows it)"
                };
                tracing::warn!(sms = %message.id, says = %shown, "text message, not sent: SMS_PROVIDER=log");
                Ok(())
            }
            Self::Http(provider) => provider.send(message, now).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_final_or_not() {
        let judged = |code: u16| match judge(StatusCode::from_u16(code).unwrap()) {
            Ok(()) => "sent",
            Err(SendError::Temporary(_)) => "again",
            Err(SendError::Permanent(_)) => "never",
        };
        for (code, expected) in [
            (200, "sent"),
            (202, "sent"),
            (409, "sent"),
            (302, "again"),
            (401, "again"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
            (400, "never"),
            (404, "never"),
            (422, "never"),
        ] {
            assert_eq!(judged(code), expected, "{code}");
        }
    }
}
