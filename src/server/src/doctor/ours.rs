//! Checks of what is ours: keys, certificate, database.

use std::fs;
use std::path::Path;

use melo_domain::Timestamp;
use melo_storage::{Database, StorageError};

use super::finding::Finding;
use crate::keys::{self, Locations};
use crate::settings::{DatabaseUrl, Settings};
use crate::tls::CertificateInfo;

/// Certificates are renewed a month before their end.
const RENEW_DAYS: u64 = 30;

/// Keys and certificate: there, closed to others, whole, belonging together.
pub fn keys(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    const AREA: &str = "keys";
    let places = Locations::of(settings);
    let missing = places.missing();
    let has_data = matches!(&settings.storage.database, DatabaseUrl::Sqlite { file }
        if fs::metadata(file).is_ok_and(|data| data.len() > 0));
    if !missing.is_empty() && !has_data {
        let names: Vec<String> = missing
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        return vec![Finding::ok(
            AREA,
            format!("not there yet; the first start makes {}", names.join(", ")),
        )];
    }
    match keys::load(settings) {
        Ok(keys) => {
            let mut findings = vec![Finding::ok(
                AREA,
                format!(
                    "all are there, whole and closed to others (JWT kid {}); keep a backup of {} elsewhere",
                    keys.jwt.kid(),
                    settings.secrets.keys_dir.display()
                ),
            )];
            findings.extend(certificate(settings, &keys.tls.info, now));
            findings
        }
        Err(keys::KeysError(problems)) => problems
            .iter()
            .map(|problem| Finding::fail(AREA, problem.to_string(), "see keys/README.md"))
            .collect(),
    }
}

/// The certificate: good now and for a while, and for the right host.
fn certificate(settings: &Settings, info: &CertificateInfo, now: Timestamp) -> Vec<Finding> {
    const AREA: &str = "certificate";
    let renew = if settings.secrets.certificate.is_some() {
        "renew it; the new file is taken over without a restart".to_owned()
    } else {
        let dir = settings.secrets.keys_dir.display();
        format!("remove {dir}/tls.crt and start again: it is made anew")
    };
    let days = info.remaining(now).as_secs() / 86_400;
    let last_day = info.last_day();
    let validity = if info.not_before > now {
        Finding::fail(
            AREA,
            format!("it is not good before {}", info.not_before),
            "check the clock, or replace it",
        )
    } else if info.not_after <= now {
        Finding::fail(AREA, format!("it expired on {last_day}"), renew)
    } else if days < RENEW_DAYS {
        Finding::warn(
            AREA,
            format!("it expires on {last_day}, in {days} days"),
            renew,
        )
    } else {
        let kind = if info.self_signed {
            "self-signed, "
        } else {
            ""
        };
        Finding::ok(
            AREA,
            format!("{kind}good until {last_day}, SHA-256 {}", info.fingerprint),
        )
    };
    let mut findings = vec![validity];
    if let Some(host) = settings.network.public_host()
        && !info.covers(&host)
    {
        findings.push(Finding::fail(
            AREA,
            format!(
                "it is not for {host}, the host of PUBLIC_URL, but for {}",
                info.names.join(", ")
            ),
            "get one for that host, or correct PUBLIC_URL",
        ));
    }
    findings
}

/// The database: there, answering, up to date.
pub async fn database(settings: &Settings) -> Finding {
    const AREA: &str = "database";
    let name = settings.storage.database.describe();
    if let DatabaseUrl::Sqlite { file } = &settings.storage.database {
        if !file.exists() {
            return Finding::ok(
                AREA,
                format!("{name} does not exist yet; the first start makes it"),
            );
        }
        if let Some(finding) = looked_at_file(file) {
            return finding;
        }
    }
    match ask(settings).await {
        Ok(pending) if pending.is_empty() => {
            Finding::ok(AREA, format!("{name} answers, its schema is up to date"))
        }
        Ok(pending) => Finding::warn(
            AREA,
            format!(
                "{name} answers, but migrations are pending: {}",
                pending.join(", ")
            ),
            "melo migrate up (the next start does it as well)",
        ),
        Err(error) => Finding::fail(
            AREA,
            format!("{name}: {error}"),
            "check that it runs, and DB_URL",
        ),
    }
}

async fn ask(settings: &Settings) -> Result<Vec<String>, StorageError> {
    let database = Database::connect(settings.storage.database.connect_url().expose()).await?;
    database.ping().await?;
    let pending = database.pending_migrations().await?;
    database.close().await?;
    Ok(pending)
}

/// What can be said about the file before SQLite is asked, which could say it less clearly.
fn looked_at_file(file: &Path) -> Option<Finding> {
    use rustix::fs::{Access, access};
    access(file, Access::READ_OK | Access::WRITE_OK)
        .err()
        .map(|error| {
            Finding::fail(
                "database",
                format!("{} cannot be read and written: {error}", file.display()),
                "make it belong to the user that runs the server",
            )
        })
}
