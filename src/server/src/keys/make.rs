//! Makes the keys that are missing.

use std::fs;
use std::path::{Path, PathBuf};

use melo_crypto::{RootKey, keygen};
use melo_domain::{Secret, Timestamp};
use zeroize::Zeroizing;

use super::files::{self, Strictness};
use super::locations::{Locations, OWN_FILES, Place};
use super::vapid::VapidFile;
use super::{KeyProblem, KeysError};
use crate::settings::{DatabaseUrl, Settings};
use crate::tls::self_signed;

/// Bits of the RSA key that signs access tokens: made in 0.1 s, and 2048 is what RS256 asks for at least
/// (RFC 7518, section 3.3).
pub(super) const JWT_BITS: usize = 2048;

/// Makes every key of ours that is not there, and nothing else: what exists is never touched. Returns the
/// files made. Takes up to a second when the RSA key is missing.
pub fn make_missing(settings: &Settings, now: Timestamp) -> Result<Vec<PathBuf>, KeysError> {
    let places = Locations::of(settings);
    let missing: Vec<PathBuf> = places.missing().into_iter().cloned().collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    refuse_to_replace_lost_keys(settings, &places)?;
    let dir = &settings.secrets.keys_dir;
    files::prepare_dir(dir, OWN_FILES).map_err(|source| KeyProblem::NotMade {
        file: dir.clone(),
        source,
    })?;

    if let Some(file) = places.root.missing() {
        write_line(file, RootKey::generate().to_base64url().expose())?;
    }
    if let Some(file) = places.app_secret.missing() {
        write_line(file, keygen::app_secret().expose())?;
    }
    make_jwt_pair(&places)?;
    if let Some(file) = places.vapid.missing() {
        let (private_key, public_key) = keygen::vapid();
        let pair = VapidFile {
            private_key,
            public_key,
        };
        let text = serde_json::to_string_pretty(&pair)
            .map(Zeroizing::new)
            .map_err(|error| generating("the VAPID pair", &error))?;
        write_line(file, &text)?;
    }
    if let Some(file) = places.turn_secret.missing() {
        write_line(file, keygen::app_secret().expose())?;
    }
    make_certificate(settings, &places, now)?;
    Ok(missing)
}

/// A new root key next to an old database would lock the data away for good, and quietly.
fn refuse_to_replace_lost_keys(settings: &Settings, places: &Locations) -> Result<(), KeysError> {
    let DatabaseUrl::Sqlite { file: database } = &settings.storage.database else {
        return Ok(());
    };
    if !fs::metadata(database).is_ok_and(|data| data.len() > 0) {
        return Ok(());
    }
    let lost: Vec<KeyProblem> = [
        ("the root key", &places.root),
        ("the application secret", &places.app_secret),
    ]
    .into_iter()
    .filter_map(|(what, place)| {
        Some(KeyProblem::Lost {
            what,
            file: place.missing()?.clone(),
            database: database.clone(),
        })
    })
    .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(KeysError(lost))
    }
}

fn make_jwt_pair(places: &Locations) -> Result<(), KeyProblem> {
    const WHAT: &str = "the JWT key";
    if let Some(file) = places.jwt_private.missing() {
        let pem = keygen::rsa_private_pem(JWT_BITS).map_err(|error| generating(WHAT, &error))?;
        write(file, pem.expose())?;
    }
    if let (Some(public), Place::Own(private)) = (
        places.jwt_public.as_ref().and_then(Place::missing),
        &places.jwt_private,
    ) {
        // Worked out from the file, not from what was just made: another process may have been first.
        let pem = files::read_private(private, Strictness::OwnerOnly).map_err(|problem| {
            KeyProblem::File {
                what: WHAT,
                problem,
            }
        })?;
        let pem = keygen::rsa_public_pem(&Secret::new(pem.to_string()))
            .map_err(|error| generating("the public JWT key", &error))?;
        write(public, &pem)?;
    }
    Ok(())
}

fn make_certificate(
    settings: &Settings,
    places: &Locations,
    now: Timestamp,
) -> Result<(), KeyProblem> {
    const WHAT: &str = "the certificate";
    let files = &places.certificate;
    if files.strictness != Strictness::OwnerOnly || files.missing().is_empty() {
        return Ok(());
    }
    if !files.key.exists() && files.certificate.exists() {
        return Err(KeyProblem::NotGenerated {
            what: "the certificate's key",
            problem: format!(
                "{} is there without it; put {} back, or remove the certificate and both are made anew",
                files.certificate.display(),
                files.key.display()
            ),
        });
    }
    if !files.key.exists() {
        let key = self_signed::key().map_err(|error| generating(WHAT, &error))?;
        write(&files.key, key.expose())?;
    }
    // From the file, for the same reason as above; and a start that was cut short here goes on here.
    let key = files::read_private(&files.key, Strictness::OwnerOnly).map_err(|problem| {
        KeyProblem::File {
            what: WHAT,
            problem,
        }
    })?;
    let host = settings.network.public_host();
    let pem = self_signed::certificate(&key, host.as_deref(), now)
        .map_err(|error| generating(WHAT, &error))?;
    write(&files.certificate, &pem)
}

fn write_line(file: &Path, text: &str) -> Result<(), KeyProblem> {
    write(file, &Zeroizing::new(format!("{text}\n")))
}

fn write(file: &Path, text: &str) -> Result<(), KeyProblem> {
    files::create_private(file, text.as_bytes())
        .map(drop)
        .map_err(|source| KeyProblem::NotMade {
            file: file.to_owned(),
            source,
        })
}

fn generating(what: &'static str, error: &dyn std::error::Error) -> KeyProblem {
    KeyProblem::NotGenerated {
        what,
        problem: error.to_string(),
    }
}
