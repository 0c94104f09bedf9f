//! Loads and checks all keys.

use melo_crypto::{JwtKeys, RootKey};
use melo_domain::Secret;

use super::files;
use super::locations::{Locations, Place};
use super::retired;
use super::vapid::{self, Vapid, VapidFile};
use super::{KeyProblem, Keys, KeysError};
use crate::settings::Settings;
use crate::tls::Identity;

/// Loads every key. On failure, every problem is in the error.
pub fn load(settings: &Settings) -> Result<Keys, KeysError> {
    let places = Locations::of(settings);
    let mut problems = Vec::new();
    let root = noted(root_key(settings, &places), &mut problems);
    let app_secret = noted(app_secret(settings, &places), &mut problems);
    let jwt = noted(jwt_keys(settings, &places), &mut problems);
    let vapid = noted(vapid_pair(settings, &places), &mut problems);
    let tls = noted(
        Identity::load(places.certificate.clone()).map_err(KeyProblem::from),
        &mut problems,
    );
    let turn_secret = noted(turn_secret(settings, &places), &mut problems);
    match (root, app_secret, jwt, vapid, turn_secret, tls) {
        (Some(root), Some(app_secret), Some(jwt), Some(vapid), Some(turn_secret), Some(tls)) => {
            Ok(Keys {
                root,
                app_secret,
                jwt,
                vapid,
                turn_secret,
                tls,
            })
        }
        _ => Err(KeysError(problems)),
    }
}

fn noted<T>(outcome: Result<T, KeyProblem>, problems: &mut Vec<KeyProblem>) -> Option<T> {
    outcome.map_err(|problem| problems.push(problem)).ok()
}

fn root_key(settings: &Settings, places: &Locations) -> Result<RootKey, KeyProblem> {
    const WHAT: &str = "the root key";
    let text = secret_text(
        WHAT,
        &places.root,
        "ENCRYPTION_KEY_STR",
        settings.secrets.root_key.as_ref(),
    )?;
    RootKey::from_base64url(text.expose().trim())
        .map_err(|error| malformed(WHAT, &places.root, error.to_string()))
}

fn app_secret(settings: &Settings, places: &Locations) -> Result<Secret, KeyProblem> {
    const WHAT: &str = "the application secret";
    let text = secret_text(
        WHAT,
        &places.app_secret,
        "APP_SECRET_KEY",
        settings.secrets.app_secret.as_ref(),
    )?;
    let secret = Secret::new(text.expose().trim().to_owned());
    if secret.expose().chars().count() < 32 {
        let problem = "must be 32 characters or more".to_owned();
        return Err(malformed(WHAT, &places.app_secret, problem));
    }
    Ok(secret)
}

pub(super) fn jwt_keys(settings: &Settings, places: &Locations) -> Result<JwtKeys, KeyProblem> {
    const WHAT: &str = "the JWT key";
    let pem = secret_text(WHAT, &places.jwt_private, "JWT_PRIVATE_KEY_PATH", None)?;
    let keys = JwtKeys::from_pem(&pem, &settings.tokens.issuer, &settings.tokens.audience)
        .map_err(|error| malformed(WHAT, &places.jwt_private, error.to_string()))?;
    if let Some(place) = &places.jwt_public
        && let Some((file, _)) = place.file()
    {
        const PUBLIC: &str = "the public JWT key";
        let public = files::read_public(file).map_err(|problem| KeyProblem::File {
            what: PUBLIC,
            problem,
        })?;
        if !same_pem(&public, keys.public_pem()) {
            let problem = "does not belong to the private key; remove it and it is made again";
            return Err(malformed(PUBLIC, place, problem.to_owned()));
        }
    }
    let dir = &settings.secrets.keys_dir;
    retired::current(dir, settings.tokens.life)
        .iter()
        .try_fold(keys, |keys, file| {
            const RETIRED: &str = "a retired JWT key";
            let pem = files::read_public(file).map_err(|problem| KeyProblem::File {
                what: RETIRED,
                problem,
            })?;
            keys.with_retired(&pem)
                .map_err(|error| KeyProblem::Malformed {
                    what: RETIRED,
                    place: file.display().to_string(),
                    problem: error.to_string(),
                })
        })
}

fn vapid_pair(settings: &Settings, places: &Locations) -> Result<Vapid, KeyProblem> {
    const WHAT: &str = "the VAPID pair";
    let pair = if let Some(given) = &settings.push.vapid {
        VapidFile {
            private_key: given.private.clone(),
            public_key: given.public.clone(),
        }
    } else {
        let text = secret_text(WHAT, &places.vapid, "VAPID_PRIVATE_KEY", None)?;
        // The parser's message may quote the content.
        serde_json::from_str(text.expose()).map_err(|_| {
            let problem = "is not JSON with private_key and public_key".to_owned();
            malformed(WHAT, &places.vapid, problem)
        })?
    };
    if !vapid::belong_together(&pair.private_key, &pair.public_key) {
        let problem = "the two halves do not belong together".to_owned();
        return Err(malformed(WHAT, &places.vapid, problem));
    }
    Ok(Vapid {
        private: pair.private_key,
        public: pair.public_key,
        subject: settings.push.subject.clone(),
    })
}

fn turn_secret(settings: &Settings, places: &Locations) -> Result<Secret, KeyProblem> {
    const WHAT: &str = "the secret for relays";
    let value = settings.turn.secret.as_ref();
    let text = secret_text(WHAT, &places.turn_secret, "TURN_SECRET", value)?;
    let secret = Secret::new(text.expose().trim().to_owned());
    if secret.expose().is_empty() {
        let problem = "is empty; remove it and it is made again".to_owned();
        return Err(malformed(WHAT, &places.turn_secret, problem));
    }
    Ok(secret)
}

fn secret_text(
    what: &'static str,
    place: &Place,
    setting: &'static str,
    value: Option<&Secret>,
) -> Result<Secret, KeyProblem> {
    match (place.file(), value) {
        (Some((file, strictness)), _) => files::read_private(file, strictness)
            .map(|text| Secret::new(text.to_string()))
            .map_err(|problem| KeyProblem::File { what, problem }),
        (None, Some(value)) => Ok(value.clone()),
        (None, None) => Err(KeyProblem::Malformed {
            what,
            place: setting.to_owned(),
            problem: "is not set".to_owned(),
        }),
    }
}

fn malformed(what: &'static str, place: &Place, problem: String) -> KeyProblem {
    let place = match place.file() {
        Some((file, _)) => file.display().to_string(),
        None => "the settings".to_owned(),
    };
    KeyProblem::Malformed {
        what,
        place,
        problem,
    }
}

/// PEM files differ in line ends and blank lines without meaning anything by it.
fn same_pem(one: &str, other: &str) -> bool {
    let bare = |text: &str| -> String { text.split_whitespace().collect() };
    bare(one) == bare(other)
}
