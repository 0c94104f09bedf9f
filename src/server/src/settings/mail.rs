//! Mail.

use std::path::PathBuf;

use melo_domain::Secret;
use melo_gateways::smtp_security;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Mail",
    specs: &[SMTP_URL, MAIL_FROM, SMTP_CA_FILE],
};

const SMTP_URL: Spec = Spec {
    name: "SMTP_URL",
    default: None,
    example: "smtps://melo:password@mail.example.org",
    secret: true,
    help: "Mail server for password resets. smtps://: TLS from the start (port 465). smtp://: STARTTLS, without which nothing is sent
           (port 587); to this machine (localhost, 127.0.0.1, ::1) plain (port 25). Special characters of user and password as %XX. Unset: no mail.",
};
const MAIL_FROM: Spec = Spec {
    name: "MAIL_FROM",
    default: None,
    example: "Melo <melo@example.org>",
    secret: false,
    help: "The sender of mails. Must be set when SMTP_URL is.",
};
const SMTP_CA_FILE: Spec = Spec {
    name: "SMTP_CA_FILE",
    default: None,
    example: "/etc/melo/mail-ca.pem",
    secret: false,
    help: "A certificate (PEM) to trust for the mail server besides the system's, for one of your own.",
};

/// Where mail is handed over.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The server.
    pub url: Secret,
    /// The sender.
    pub from: String,
    /// A root of its own.
    pub ca_file: Option<PathBuf>,
}

impl Mail {
    /// Reads the section.
    #[allow(clippy::option_option)] // wrong, unset and set are three different things
    pub fn from(reader: &mut Reader<'_>) -> Option<Option<Self>> {
        let url = reader.optional(&SMTP_URL, |text| {
            smtp_security(text).map_err(str::to_owned)?;
            Ok(Secret::new(text.to_owned()))
        });
        let from = reader.optional(&MAIL_FROM, parse::text);
        let ca_file = reader.optional(&SMTP_CA_FILE, parse::path);
        match (url?, from?) {
            (None, _) => Some(None),
            (Some(_), None) => {
                reader.conflict(&MAIL_FROM, "must be set when SMTP_URL is");
                None
            }
            (Some(url), Some(from)) => Some(Some(Self {
                url,
                from,
                ca_file: ca_file?,
            })),
        }
    }
}
