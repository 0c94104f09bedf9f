//! `melo keys status`: which keys there are, by their public names.

use std::fmt::Write;

use melo_domain::Timestamp;

use super::locations::{Locations, Place};
use super::{Keys, KeysError};
use crate::settings::Settings;
use crate::tls::CertificateInfo;

/// One line per key. Shows names, fingerprints and public halves, never key material.
pub fn describe(settings: &Settings, keys: &Keys, now: Timestamp) -> String {
    let places = Locations::of(settings);
    let mut text = String::new();
    for (what, says, from) in [
        (
            "root key",
            "present".to_owned(),
            place(&places.root, "ENCRYPTION_KEY_STR"),
        ),
        (
            "application secret",
            "present".to_owned(),
            place(&places.app_secret, "APP_SECRET_KEY"),
        ),
        (
            "JWT key",
            format!("RS256, kid {}", keys.jwt.kid()),
            place(&places.jwt_private, ""),
        ),
        (
            "VAPID public key",
            keys.vapid.public.clone(),
            place(&places.vapid, "VAPID_PRIVATE_KEY"),
        ),
        (
            "relay secret",
            "present".to_owned(),
            place(&places.turn_secret, "TURN_SECRET"),
        ),
        (
            "certificate",
            certificate(&keys.tls.info, now),
            places.certificate.certificate.display().to_string(),
        ),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{what:<19} {says}\n{:<19} from {from}", "");
    }
    text
}

/// What `melo keys status` says when keys are missing that the next start would make.
pub fn describe_missing(settings: &Settings, error: &KeysError) -> String {
    let missing = Locations::of(settings);
    let missing = missing.missing();
    let mut text = error.to_string();
    if !missing.is_empty() {
        text.push_str("\n`melo keys init`, and any start of the server, makes what is missing:");
        for file in missing {
            let _ = write!(text, "\n  {}", file.display());
        }
    }
    text
}

fn place(place: &Place, setting: &str) -> String {
    match place.file() {
        Some((file, _)) => file.display().to_string(),
        None => format!("the setting {setting}"),
    }
}

fn certificate(info: &CertificateInfo, now: Timestamp) -> String {
    let signer = if info.self_signed {
        "self-signed"
    } else {
        "signed by an authority"
    };
    let days = info.remaining(now).as_secs() / 86_400;
    format!(
        "SHA-256 {}\n{:<19} for {}; {signer}; good until {} ({days} days)",
        info.fingerprint,
        "",
        info.names.join(", "),
        info.last_day(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{load, make_missing};

    #[test]
    fn public_names_are_shown_and_secrets_are_not() {
        let now = Timestamp::from_millis(1_795_162_530_000);
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::for_testing(dir.path());
        make_missing(&settings, now).unwrap();
        let keys = load(&settings).unwrap();

        let text = describe(&settings, &keys, now);

        for public in [
            keys.jwt.kid(),
            &keys.vapid.public,
            &keys.tls.info.fingerprint,
            "824 days",
        ] {
            assert!(text.contains(public), "{public} is missing in {text}");
        }
        for secret in [
            &keys.root.to_base64url(),
            &keys.app_secret,
            &keys.vapid.private,
            &keys.turn_secret,
        ] {
            assert!(!text.contains(secret.expose()));
        }
    }

    #[test]
    fn what_would_be_made_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::for_testing(dir.path());
        let Err(error) = load(&settings) else {
            panic!("keys out of nowhere");
        };
        let text = describe_missing(&settings, &error);
        assert!(
            text.contains("melo keys init") && text.contains("vapid.json"),
            "{text}"
        );
    }
}
