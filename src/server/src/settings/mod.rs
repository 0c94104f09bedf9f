//! Settings: one documented struct per section, read from the environment and a `.env` file.
//!
//! A section is a file here: its [`Spec`]s (name, default, explanation), its struct, `from` the environment
//! and `for_testing`. `.env.example` is made from the specs, so it cannot drift from the code.

mod accounts;
mod admin;
mod calls;
mod chats;
mod limits;
mod logging;
mod mail;
mod network;
mod parse;
mod protection;
mod push;
mod reader;
mod retention;
mod secrets;
mod sms;
mod source;
mod spec;
mod storage;
mod tokens;
mod turn;

use std::collections::BTreeSet;

use melo_domain::RegistrationMode;
use melo_telemetry::LogSettings;

pub use accounts::Accounts;
pub use admin::Admin;
pub use calls::Calls;
pub use chats::Chats;
pub use limits::{Limits, Rate};
pub use mail::Mail;
pub use network::Network;
pub use protection::Protection;
pub use push::{GivenVapid, Push};
pub use reader::{Problem, Reader, SettingsError};
pub use retention::Retention;
pub use secrets::{GivenCertificate, Secrets};
pub use sms::{HttpProvider, Sms, SmsProvider, SmsWebhook};
pub use source::{Origin, Source, SourceError};
#[cfg(test)]
use spec::quoted;
pub use spec::{Section, Spec, env_example};
pub use storage::{DatabaseUrl, Storage};
pub use tokens::Tokens;
pub use turn::{Turn, TurnMode};

/// Every section, in the order of `.env.example`.
pub const SECTIONS: &[Section] = &[
    network::SECTION,
    storage::SECTION,
    secrets::SECTION,
    tokens::SECTION,
    accounts::SECTION,
    sms::SECTION,
    mail::SECTION,
    push::SECTION,
    turn::SECTION,
    limits::SECTION,
    protection::SECTION,
    chats::SECTION,
    calls::SECTION,
    admin::SECTION,
    retention::SECTION,
    logging::SECTION,
];

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the server listens.
    pub network: Network,
    /// Where data is kept.
    pub storage: Storage,
    /// Where keys come from.
    pub secrets: Secrets,
    /// Access tokens.
    pub tokens: Tokens,
    /// Who may register, and with what password.
    pub accounts: Accounts,
    /// Text messages.
    pub sms: Sms,
    /// Mail, if there is a server for it.
    pub mail: Option<Mail>,
    /// Web push.
    pub push: Push,
    /// How calls find their way.
    pub turn: Turn,
    /// Rate limits.
    pub limits: Limits,
    /// Proxies, and the price of getting in.
    pub protection: Protection,
    /// How large groups and channels grow.
    pub chats: Chats,
    /// Calls.
    pub calls: Calls,
    /// Those who administer.
    pub admin: Admin,
    /// How long things are kept.
    pub retention: Retention,
    /// The log.
    pub log: LogSettings,
    /// What works, but deserves a word at the start.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads all sections. On failure, every wrong setting is in the error.
    pub fn from(source: &Source) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(source);
        let settings = Self::read(&mut reader);
        reader.finish()?;
        let mut settings = settings.ok_or(SettingsError(Vec::new()))?;
        settings.warnings = warnings(&settings, source);
        Ok(settings)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        // All are read before the first `?`, so that one wrong section does not hide the next.
        let network = Network::from(reader);
        let storage = Storage::from(reader);
        let secrets = Secrets::from(reader);
        let tokens = Tokens::from(reader);
        let accounts = Accounts::from(reader);
        let sms = Sms::from(reader);
        let mail = Mail::from(reader);
        if let (Some(accounts), Some(sms)) = (&accounts, &sms)
            && accounts.registration == RegistrationMode::Verified
            && !sms.is_on()
        {
            reader.conflict(
                &sms::SMS_PROVIDER,
                "must be set when REGISTRATION is verified",
            );
        }
        let push = Push::from(reader);
        let turn = Turn::from(reader);
        let limits = Limits::from(reader);
        let protection = Protection::from(reader);
        let chats = Chats::from(reader);
        let calls = Calls::from(reader);
        let admin = Admin::from(reader);
        let retention = Retention::from(reader);
        let log = logging::from(reader);
        Some(Self {
            network: network?,
            storage: storage?,
            secrets: secrets?,
            tokens: tokens?,
            accounts: accounts?,
            sms: sms?,
            mail: mail?,
            push: push?,
            turn: turn?,
            limits: limits?,
            protection: protection?,
            chats: chats?,
            calls: calls?,
            admin: admin?,
            retention: retention?,
            log: log?,
            warnings: Vec::new(),
        })
    }

    /// Defaults, with data and keys in a directory of the test.
    #[cfg(test)]
    pub fn for_testing(dir: &std::path::Path) -> Self {
        Self {
            network: Network::for_testing(),
            storage: Storage::for_testing(dir),
            secrets: Secrets::for_testing(dir),
            tokens: Tokens::for_testing(),
            accounts: Accounts::for_testing(),
            sms: Sms::for_testing(),
            mail: None,
            push: Push::for_testing(),
            turn: Turn::for_testing(),
            limits: Limits::for_testing(),
            protection: Protection::for_testing(),
            chats: Chats::for_testing(),
            calls: Calls::for_testing(),
            admin: Admin::for_testing(),
            retention: Retention::for_testing(),
            log: LogSettings::default(),
            warnings: Vec::new(),
        }
    }
}

fn warnings(settings: &Settings, source: &Source) -> Vec<String> {
    let mut warnings = Vec::new();
    if settings.storage.redis_named {
        warnings.push(
            "REDIS_URL is not used by this version: short-lived state is kept in the process. \
             One server works fully; do not run two on one database yet."
                .to_owned(),
        );
    }
    if matches!(settings.sms.provider, SmsProvider::Log) {
        warnings
            .push("SMS_PROVIDER=log sends no text messages; it is for developers only".to_owned());
    }
    for (name, used, needs) in [
        ("MAIL_FROM", settings.mail.is_some(), "SMTP_URL"),
        ("SMTP_CA_FILE", settings.mail.is_some(), "SMTP_URL"),
        (
            "SMS_HTTP_URL",
            matches!(settings.sms.provider, SmsProvider::Http(_)),
            "SMS_PROVIDER=http",
        ),
    ] {
        if !used && source.get(name).is_some() {
            warnings.push(format!("{name} is set and not used: {needs} is missing"));
        }
    }
    let known: BTreeSet<&str> = SECTIONS
        .iter()
        .flat_map(|section| section.specs)
        .map(|spec| spec.name)
        .collect();
    let unknown: Vec<&str> = source
        .names_in_file()
        .filter(|name| !known.contains(name))
        .collect();
    if !unknown.is_empty() {
        warnings.push(format!(
            ".env sets names that this server does not know and does not use: {}",
            unknown.join(", ")
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;
