//! Takes over a rotated JWT key without a restart.

use std::path::PathBuf;
use std::time::SystemTime;

use melo_crypto::JwtKeys;

use super::locations::Locations;
use super::{KeyProblem, load, retired};
use crate::settings::Settings;

/// The files and when each was last changed.
type Stamp = Vec<(PathBuf, Option<SystemTime>)>;

/// Watches the files of the JWT keys.
pub struct JwtWatch {
    settings: Settings,
    seen: Stamp,
}

impl JwtWatch {
    /// Watches the files that these settings name. What changed since they were loaded is found at the first
    /// look.
    pub fn of(settings: &Settings) -> Self {
        Self {
            seen: Stamp::new(),
            settings: settings.clone(),
        }
    }

    /// The new keys, if there are any.
    pub fn look(&mut self) -> Option<Result<JwtKeys, KeyProblem>> {
        let now = stamp(&self.settings);
        if now == self.seen {
            return None;
        }
        self.seen = now;
        let places = Locations::of(&self.settings);
        Some(load::jwt_keys(&self.settings, &places))
    }
}

fn stamp(settings: &Settings) -> Stamp {
    let places = Locations::of(settings);
    let private = places.jwt_private.file().map(|(file, _)| file.clone());
    let retired = retired::current(&settings.secrets.keys_dir, settings.tokens.life);
    private
        .into_iter()
        .chain(retired)
        .map(|file| {
            let changed = file.metadata().and_then(|data| data.modified()).ok();
            (file, changed)
        })
        .collect()
}
