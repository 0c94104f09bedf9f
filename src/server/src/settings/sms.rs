//! Text messages: the provider, and its reports.

use ipnet::IpNet;
use melo_crypto::MessageMac;
use melo_domain::Secret;
use melo_gateways::BodyTemplate;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Text messages",
    specs: &[
        SMS_PROVIDER,
        SMS_HTTP_URL,
        SMS_HTTP_BODY,
        SMS_HTTP_HEADER,
        SMS_HTTP_SIGNING_KEY,
        SMS_WEBHOOK_ADDRESSES,
        SMS_WEBHOOK_SECRET,
        SMS_WEBHOOK_KEY,
    ],
};

pub(super) const SMS_PROVIDER: Spec = Spec {
    name: "SMS_PROVIDER",
    default: Some("off"),
    example: "http",
    secret: false,
    help: "off: no text messages. http: a provider is called at SMS_HTTP_URL. log: for developers, nothing is sent; the log says
           that there was a message, and with DEBUG_MODE=true what it says, with the code in it. Never log on a server for real people.",
};
const SMS_HTTP_URL: Spec = Spec {
    name: "SMS_HTTP_URL",
    default: None,
    example: "https://sms.example.org/v1/messages",
    secret: true,
    help: "Where the provider takes messages: POST with a JSON body. https, or http on this machine.",
};
const SMS_HTTP_BODY: Spec = Spec {
    name: "SMS_HTTP_BODY",
    default: Some(r#"{"to":"{phone}","text":"{text}","id":"{id}"}"#),
    example: r#"{"to":"{phone}","text":"{text}","id":"{id}"}"#,
    secret: false,
    help: "The body: JSON whose strings hold {phone}, {text} and {id}. The id is sent as the header Idempotency-Key too,
           and stays the same when a message is tried again.",
};
const SMS_HTTP_HEADER: Spec = Spec {
    name: "SMS_HTTP_HEADER",
    default: None,
    example: "Authorization: Bearer 0123456789abcdef",
    secret: true,
    help: "A header that the provider knows this server by: name, colon, value.",
};
const SMS_HTTP_SIGNING_KEY: Spec = Spec {
    name: "SMS_HTTP_SIGNING_KEY",
    default: None,
    example: "$(openssl rand -hex 32)",
    secret: true,
    help: "16 characters or more. When set, calls carry X-Melo-Timestamp (seconds) and X-Melo-Signature: sha256= and the hex digits of HMAC-SHA-256 over timestamp, a dot and the body.",
};
const SMS_WEBHOOK_ADDRESSES: Spec = Spec {
    name: "SMS_WEBHOOK_ADDRESSES",
    default: None,
    example: "192.0.2.0/24,2001:db8::/32",
    secret: false,
    help: "Addresses, separated by commas, from which delivery reports are taken at POST /webhooks/sms. Set together with SMS_WEBHOOK_SECRET and SMS_WEBHOOK_KEY.",
};
const SMS_WEBHOOK_SECRET: Spec = Spec {
    name: "SMS_WEBHOOK_SECRET",
    default: None,
    example: "$(openssl rand -hex 32)",
    secret: true,
    help: "16 characters or more, which reports carry in the header X-Melo-Secret.",
};
const SMS_WEBHOOK_KEY: Spec = Spec {
    name: "SMS_WEBHOOK_KEY",
    default: None,
    example: "$(openssl rand -hex 32)",
    secret: true,
    help: "16 characters or more, with which reports are signed, as with SMS_HTTP_SIGNING_KEY. A report is taken once, and within five minutes.",
};

/// The shortest secret, in bytes.
const SHORTEST_SECRET: usize = 16;

/// What carries text messages.
#[derive(Debug, Clone)]
pub enum SmsProvider {
    /// Nothing.
    Off,
    /// The log.
    Log,
    /// A provider.
    Http(Box<HttpProvider>),
}

/// A provider called over HTTP.
#[derive(Debug, Clone)]
pub struct HttpProvider {
    /// Where.
    pub url: Secret,
    /// The body.
    pub body: BodyTemplate,
    /// Name and value.
    pub header: Option<(String, Secret)>,
    /// Signs the calls.
    pub signing_key: Option<MessageMac>,
}

/// How reports are told from anybody's calls.
#[derive(Debug, Clone)]
pub struct SmsWebhook {
    /// From where.
    pub addresses: Vec<IpNet>,
    /// In a header.
    pub secret: Secret,
    /// Signs.
    pub key: MessageMac,
}

/// Text messages.
#[derive(Debug, Clone)]
pub struct Sms {
    /// What carries them.
    pub provider: SmsProvider,
    /// Reports, if they are set up.
    pub webhook: Option<SmsWebhook>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Off,
    Log,
    Http,
}

impl Sms {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.value(&SMS_PROVIDER, kind);
        let url = reader.optional(&SMS_HTTP_URL, parse::provider_url);
        let body = reader.value(&SMS_HTTP_BODY, |text| {
            text.parse::<BodyTemplate>().map_err(|e| e.to_string())
        });
        let header = reader.optional(&SMS_HTTP_HEADER, header);
        let signing_key = reader.optional(&SMS_HTTP_SIGNING_KEY, mac_key);
        let webhook = webhook(reader);
        let (kind, url) = (kind?, url?);
        if kind == Kind::Http && url.is_none() {
            reader.conflict(&SMS_HTTP_URL, "must be set when SMS_PROVIDER is http");
        }
        let provider = match (kind, url) {
            (Kind::Off, _) => SmsProvider::Off,
            (Kind::Log, _) => SmsProvider::Log,
            (Kind::Http, url) => SmsProvider::Http(Box::new(HttpProvider {
                url: url?,
                body: body?,
                header: header?,
                signing_key: signing_key?,
            })),
        };
        Some(Self {
            provider,
            webhook: webhook?,
        })
    }

    /// Whether codes can be sent.
    pub fn is_on(&self) -> bool {
        !matches!(self.provider, SmsProvider::Off)
    }

    /// None.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            provider: SmsProvider::Off,
            webhook: None,
        }
    }
}

#[allow(clippy::option_option)] // wrong, unset and set are three different things
fn webhook(reader: &mut Reader<'_>) -> Option<Option<SmsWebhook>> {
    let addresses = reader.optional(&SMS_WEBHOOK_ADDRESSES, networks);
    let secret = reader.optional(&SMS_WEBHOOK_SECRET, secret);
    let key = reader.optional(&SMS_WEBHOOK_KEY, mac_key);
    match (addresses?, secret?, key?) {
        (None, None, None) => Some(None),
        (Some(addresses), Some(secret), Some(key)) => Some(Some(SmsWebhook {
            addresses,
            secret,
            key,
        })),
        (addresses, secret, key) => {
            // One layer alone is no guard.
            for (spec, there) in [
                (&SMS_WEBHOOK_ADDRESSES, addresses.is_some()),
                (&SMS_WEBHOOK_SECRET, secret.is_some()),
                (&SMS_WEBHOOK_KEY, key.is_some()),
            ] {
                if !there {
                    reader.conflict(spec, "must be set when one of the SMS_WEBHOOK settings is");
                }
            }
            None
        }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(Kind::Off),
        "log" => Ok(Kind::Log),
        "http" => Ok(Kind::Http),
        _ => Err("must be off, log or http".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, Secret), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            let value = Secret::new(value.trim().to_owned());
            Ok((name.trim().to_owned(), value))
        }
        _ => Err("must be a name, a colon and a value".to_owned()),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    if text.len() >= SHORTEST_SECRET {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("must have 16 characters or more".to_owned())
    }
}

fn mac_key(text: &str) -> Result<MessageMac, String> {
    let key = MessageMac::new(&Secret::new(text.to_owned()));
    key.map_err(|_| "must have 16 characters or more".to_owned())
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let entries = text.split(',').map(str::trim).filter(|e| !e.is_empty());
    let networks: Option<Vec<IpNet>> = entries
        .map(|entry| match entry.parse::<std::net::IpAddr>() {
            Ok(address) => Some(IpNet::from(address)),
            Err(_) => entry.parse().ok(),
        })
        .collect();
    networks
        .filter(|networks| !networks.is_empty())
        .ok_or_else(|| "must be addresses or networks like 192.0.2.0/24".to_owned())
}
