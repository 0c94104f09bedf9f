//! The ways out, from settings.

use melo_gateways::{GatewayError, HttpSms, HttpSmsSettings, MailSettings, Mailer, SmsGateway};
use melo_jobs::Gateways;
use melo_services::outgoing::{Channels, WebhookGuard};

use crate::settings::{HttpProvider, Mail, Settings, SmsProvider};

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
pub enum GatewaysError {
    /// A provider or mail server.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The certificate for the mail server.
    #[error("SMTP_CA_FILE {path}: {source}")]
    CaFile {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Sets them up, without a connection yet.
pub fn assemble(settings: &Settings) -> Result<Gateways, GatewaysError> {
    let sms = match &settings.sms.provider {
        SmsProvider::Off => SmsGateway::Off,
        SmsProvider::Log => SmsGateway::Log {
            show_text: settings.log.debug,
        },
        SmsProvider::Http(provider) => SmsGateway::Http(Box::new(http(provider)?)),
    };
    let mail = settings.mail.as_ref().map(mailer).transpose()?;
    Ok(Gateways { sms, mail })
}

/// A provider of text messages, set up without a call.
pub fn http(provider: &HttpProvider) -> Result<HttpSms, GatewayError> {
    HttpSms::new(HttpSmsSettings {
        url: provider.url.clone(),
        body: provider.body.clone(),
        header: provider.header.clone(),
        signing_key: provider.signing_key.clone(),
    })
}

/// A mail server, set up without a connection yet.
pub fn mailer(mail: &Mail) -> Result<Mailer, GatewaysError> {
    let ca_pem = match &mail.ca_file {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            let path = path.display().to_string();
            Some(read.map_err(|source| GatewaysError::CaFile { path, source })?)
        }
        None => None,
    };
    let settings = MailSettings {
        url: mail.url.clone(),
        from: mail.from.clone(),
        ca_pem,
    };
    Ok(Mailer::new(&settings)?)
}

/// Which ways out there are.
pub fn channels(settings: &Settings) -> Channels {
    Channels {
        sms: settings.sms.is_on(),
        mail: settings.mail.is_some(),
    }
}

/// How delivery reports are told from anybody's calls.
pub fn webhook(settings: &Settings) -> Option<WebhookGuard> {
    let webhook = settings.sms.webhook.clone()?;
    Some(WebhookGuard {
        addresses: webhook.addresses,
        secret: webhook.secret,
        key: webhook.key,
    })
}
