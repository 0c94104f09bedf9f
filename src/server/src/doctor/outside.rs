//! Checks of the ways out: mail and text messages. Nothing is sent.

use std::time::Duration;

use melo_gateways::{MailFault, SmtpSecurity, smtp_security};

use super::finding::Finding;
use crate::gateways;
use crate::settings::{HttpProvider, Mail, Settings, Sms, SmsProvider};

/// How long the mail server may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The mail server: there, speaking as protected as it must, and taking the password.
pub async fn mail(settings: &Settings) -> Finding {
    const AREA: &str = "mail";
    let Some(mail) = &settings.mail else {
        let way = if settings.sms.is_on() {
            "passwords are reset by text message only"
        } else {
            "without text messages either, nobody who has forgotten the password can reset it"
        };
        return Finding::ok(AREA, format!("SMTP_URL is not set: {way}"));
    };
    let mailer = match gateways::mailer(mail) {
        Ok(mailer) => mailer,
        Err(error) => {
            return Finding::fail(
                AREA,
                error.to_string(),
                "correct SMTP_URL, MAIL_FROM or SMTP_CA_FILE",
            );
        }
    };
    let place = mailer.place();
    let tried = tokio::time::timeout(ANSWERS_WITHIN, mailer.try_out()).await;
    match tried.unwrap_or(Err(MailFault::Silent)) {
        Ok(()) => Finding::ok(AREA, format!("{place}: {}", good(mail))),
        Err(fault) => Finding::fail(AREA, format!("{place}: {fault}"), remedy(&fault)),
    }
}

fn good(mail: &Mail) -> String {
    let url = mail.url.expose();
    let protected = match smtp_security(url) {
        Ok(SmtpSecurity::Implicit) => "within TLS",
        Ok(SmtpSecurity::StartTls) => "after STARTTLS",
        _ => "in plain, as it is this machine",
    };
    let roots = match &mail.ca_file {
        Some(file) => format!(", also trusting SMTP_CA_FILE {}", file.display()),
        None => String::new(),
    };
    format!("it answers {protected}{roots}; mail is from {}", mail.from)
}

fn remedy(fault: &MailFault) -> &'static str {
    match fault {
        MailFault::Unreachable | MailFault::Silent => {
            "check host and port in SMTP_URL (smtps://: 465, smtp://: 587), and that a firewall lets this machine out to it"
        }
        MailFault::Tls(_) => {
            "name the mail server in SMTP_URL as its certificate does; one of your own authority goes into SMTP_CA_FILE; port 465 wants smtps://, port 587 smtp://"
        }
        MailFault::Useless(_) => {
            "the mail server must offer STARTTLS and a way to sign in, or take SMTP_URL=smtps://"
        }
        MailFault::Refused(_) => {
            "check user and password in SMTP_URL, special characters as %XX; the mail server's own log says more"
        }
    }
}

/// Text messages: whether there is a provider, and what it is called with. Calling it would send something.
pub fn sms(settings: &Settings) -> Vec<Finding> {
    const AREA: &str = "sms";
    let Sms { provider, webhook } = &settings.sms;
    let provider = match provider {
        SmsProvider::Off => {
            return vec![Finding::ok(AREA, "SMS_PROVIDER is off: no text messages")];
        }
        SmsProvider::Log => {
            return vec![Finding::warn(
                AREA,
                "SMS_PROVIDER is log: no text message leaves this server",
                "for real people set SMS_PROVIDER=http and SMS_HTTP_URL",
            )];
        }
        SmsProvider::Http(provider) => provider,
    };
    if let Err(error) = gateways::http(provider) {
        let remedy = "correct SMS_HTTP_URL or SMS_HTTP_HEADER";
        return vec![Finding::fail(AREA, error.to_string(), remedy)];
    }
    let reports = match webhook {
        Some(_) => Finding::ok(AREA, "reports of delivery are taken at /webhooks/sms"),
        None => Finding::ok(
            AREA,
            "no reports of delivery: the SMS_WEBHOOK settings are not set",
        ),
    };
    vec![Finding::ok(AREA, called(provider)), reports]
}

fn called(provider: &HttpProvider) -> String {
    let is_set = |there: bool| if there { "set" } else { "not set" };
    format!(
        "a provider is called over HTTP (not tried: that would send a message); SMS_HTTP_HEADER is {}, SMS_HTTP_SIGNING_KEY {}",
        is_set(provider.header.is_some()),
        is_set(provider.signing_key.is_some()),
    )
}
