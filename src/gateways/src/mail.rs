//! Mail, handed to the operator's SMTP server (RFC 5321).

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use melo_domain::{Secret, Timestamp};
use reqwest::Url;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::{GatewayError, SEND_WITHIN, SendError};

/// How the way to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte: `smtps:` (RFC 8314, section 3.3).
    Implicit,
    /// `STARTTLS`, and nothing is sent without it: `smtp:` to another machine.
    StartTls,
    /// None: `smtp:` to this machine.
    Loopback,
}

/// Where mail is handed over, and whom it is from.
pub struct MailSettings {
    /// `smtps://user:password@host:465`, `smtp://…:587`.
    pub url: Secret,
    /// The sender.
    pub from: String,
    /// PEM of a root to trust besides the system's.
    pub ca_pem: Option<String>,
}

/// One mail of plain text.
#[derive(Clone)]
pub struct Mail {
    /// Ours: the same for each attempt, the left part of the `Message-ID`.
    pub id: String,
    /// The recipient's address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// What is to be read.
    pub text: String,
}

/// What stands between this server and a mail that is handed over. The texts say nothing of the mail, nor of the
/// password, and may be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// Nobody there, or nobody who speaks SMTP.
    #[error("the mail server cannot be reached or spoken with")]
    Unreachable,
    /// Somebody who is too slow.
    #[error("the mail server did not answer in time")]
    Silent,
    /// A certificate that is not trusted, or no common version.
    #[error("no TLS with the mail server: {0}")]
    Tls(String),
    /// No STARTTLS is offered, or no way to sign in.
    #[error("the mail server is of no use: {0}")]
    Useless(String),
    /// A refusal, by its code (RFC 5321, section 4.2): its text may repeat the recipient.
    #[error("the mail server answered {0}")]
    Refused(u16),
}

/// Hands mail over.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
    place: String,
}

/// How a URL asks to be protected. `Err` says what is wrong with it, without repeating it.
pub fn smtp_security(url: &str) -> Result<SmtpSecurity, &'static str> {
    let url = Url::parse(url).map_err(|_| "must be a URL")?;
    let host = url.host_str().ok_or("must name a host")?;
    match url.scheme() {
        "smtps" => Ok(SmtpSecurity::Implicit),
        "smtp" if is_loopback(host) => Ok(SmtpSecurity::Loopback),
        "smtp" => Ok(SmtpSecurity::StartTls),
        _ => Err("must begin with smtps: or smtp:"),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || bare(host)
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// A host as it is looked up: a URL has IPv6 addresses in brackets (RFC 3986, section 3.2.2).
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn wrong(what: &str) -> GatewayError {
    GatewayError(format!("mail cannot be set up: {what}"))
}

impl Mailer {
    /// Sets up the connection, without opening it.
    pub fn new(settings: &MailSettings) -> Result<Self, GatewayError> {
        let security = smtp_security(settings.url.expose()).map_err(wrong)?;
        let url = Url::parse(settings.url.expose()).map_err(|_| wrong("SMTP_URL"))?;
        let host = bare(url.host_str().unwrap_or_default());
        let from: Mailbox = settings.from.parse().map_err(|_| wrong("MAIL_FROM"))?;
        let domain = from.email.domain().to_owned();
        let (tls, port) = match security {
            SmtpSecurity::Loopback => (Tls::None, 25),
            SmtpSecurity::StartTls => (Tls::Required(tls(host, settings)?), 587),
            SmtpSecurity::Implicit => (Tls::Wrapper(tls(host, settings)?), 465),
        };
        let port = url.port().unwrap_or(port);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(tls)
            .hello_name(ClientId::Domain(domain.clone()))
            .timeout(Some(SEND_WITHIN));
        if let Some(password) = url.password() {
            let (user, password) = (decoded(url.username())?, decoded(password)?);
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            domain,
            place: format!("{host}, port {port}"),
        })
    }

    /// Where mail is handed over: host and port, nothing else of the URL.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Connects as for a mail: greeting, TLS, and the password if there is one. Nothing is handed over.
    pub async fn try_out(&self) -> Result<(), MailFault> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailFault::Unreachable),
            Err(error) => Err(fault(&error)),
        }
    }

    /// Hands one mail over.
    pub async fn send(&self, mail: &Mail, now: Timestamp) -> Result<(), SendError> {
        let message = self.message(mail, now)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            // The text of a refusal may repeat the recipient: the code alone is told.
            Err(error) if error.is_permanent() => {
                Err(SendError::Permanent(fault(&error).to_string()))
            }
            Err(error) => Err(SendError::Temporary(fault(&error).to_string())),
        }
    }

    fn message(&self, mail: &Mail, now: Timestamp) -> Result<Message, SendError> {
        let malformed = |_| SendError::Permanent("the mail cannot be written".to_owned());
        let to: Address = mail
            .to
            .parse()
            .map_err(|_| SendError::Permanent("the recipient cannot be written to".to_owned()))?;
        let since_epoch = Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
        Message::builder()
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain)))
            .date(SystemTime::UNIX_EPOCH + since_epoch)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(malformed)
    }
}

fn tls(host: &str, settings: &MailSettings) -> Result<TlsParameters, GatewayError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = &settings.ca_pem {
        for root in roots(pem)? {
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build_rustls().map_err(|_| wrong("TLS"))
}

/// The certificates of a file: all of them good to trust, and at least one, or the mails would wait for nothing.
fn roots(pem: &str) -> Result<Vec<Certificate>, GatewayError> {
    let mut roots = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = der.map_err(|_| wrong("SMTP_CA_FILE is not PEM"))?;
        let unusable = |_| wrong("SMTP_CA_FILE has a certificate that cannot be trusted");
        RootCertStore::empty().add(der.clone()).map_err(unusable)?;
        let root = Certificate::from_der(der.to_vec());
        roots.push(root.map_err(|_| wrong("SMTP_CA_FILE"))?);
    }
    if roots.is_empty() {
        return Err(wrong("SMTP_CA_FILE has no certificate in it"));
    }
    Ok(roots)
}

/// What stands percent-encoded in the URL (RFC 3986, section 2.1).
fn decoded(text: &str) -> Result<String, GatewayError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.ok_or_else(|| wrong("SMTP_URL is not percent-encoded"))?);
        rest = after.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| wrong("SMTP_URL is not UTF-8"))
}

fn fault(error: &lettre::transport::smtp::Error) -> MailFault {
    match error.status() {
        Some(code) => MailFault::Refused(code.into()),
        None if error.is_timeout() => MailFault::Silent,
        None => match (handshake_fault(error), error.source()) {
            (Some(why), _) => MailFault::Tls(why),
            (None, Some(why)) if error.is_client() => MailFault::Useless(why.to_string()),
            _ => MailFault::Unreachable,
        },
    }
}

/// What is wrong with the certificate, or with TLS.
fn handshake_fault(error: &dyn Error) -> Option<String> {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            // I/O errors hide what they wrap from `source`.
            return io
                .get_ref()?
                .downcast_ref::<rustls::Error>()
                .map(ToString::to_string);
        }
        next = source.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_this_machine_unprotected() {
        for (url, security) in [
            ("smtps://mail.example.org", Ok(SmtpSecurity::Implicit)),
            ("smtp://u:p@mail.example.org", Ok(SmtpSecurity::StartTls)),
            ("smtp://192.0.2.1:25", Ok(SmtpSecurity::StartTls)),
            ("smtp://127.0.0.1:2525", Ok(SmtpSecurity::Loopback)),
            ("smtp://[::1]:25", Ok(SmtpSecurity::Loopback)),
            ("smtp://localhost", Ok(SmtpSecurity::Loopback)),
            // Written in any other way this machine is another one.
            ("smtp://LOCALHOST", Ok(SmtpSecurity::StartTls)),
            ("smtp://localhost.example", Ok(SmtpSecurity::StartTls)),
            ("http://localhost", Err("must begin with smtps: or smtp:")),
            ("localhost", Err("must be a URL")),
        ] {
            assert_eq!(smtp_security(url), security, "{url}");
        }
    }

    #[test]
    fn credentials_are_read_from_the_url() {
        assert_eq!(
            decoded("p%40ss%3Aw%C3%B6rd").ok().as_deref(),
            Some("p@ss:wörd")
        );
        assert!(decoded("100%").is_err() && decoded("%zz").is_err() && decoded("%ff").is_err());
    }

    #[test]
    fn a_file_to_trust_has_certificates_in_it() {
        let said = |pem: &str| roots(pem).err().map(|error| error.to_string());
        for (pem, why) in [
            ("", "no certificate in it"),
            ("localhost", "no certificate in it"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "no certificate in it",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "cannot be trusted",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
                "not PEM",
            ),
        ] {
            let said = said(pem).unwrap();
            assert!(
                said.contains("SMTP_CA_FILE") && said.contains(why),
                "{said}"
            );
        }
    }

    // The transport's pool wants a runtime to live in.
    #[tokio::test]
    async fn a_mail_says_who_when_and_which() {
        let settings = MailSettings {
            url: Secret::new("smtp://127.0.0.1:2525".to_owned()),
            from: "Melo <melo@chat.example.org>".to_owned(),
            ca_pem: None,
        };
        let mail = Mail {
            id: "00000000000000ff".to_owned(),
            to: "anna@example.org".to_owned(),
            subject: "Сброс пароля".to_owned(),
            text: "Здравствуйте".to_owned(),
        };
        let mailer = Mailer::new(&settings).unwrap();
        let message = mailer.message(&mail, Timestamp::from_millis(1_795_162_530_123));
        let text = String::from_utf8(message.unwrap().formatted()).unwrap();
        for part in [
            "Message-ID: <00000000000000ff@chat.example.org>\r\n",
            "Date: Fri, 20 Nov 2026 08:15:30 +0000\r\n",
            "From: Melo <melo@chat.example.org>\r\n",
            "To: anna@example.org\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
