//! Where each key is.

use std::io;
use std::path::{Path, PathBuf};

use super::files::Strictness;
use crate::settings::Settings;
use crate::tls::CertificateFiles;

/// Names of the files in the keys directory.
pub const ROOT_KEY: &str = "root.key";
/// The application secret.
pub const APP_SECRET: &str = "app.secret";
/// The private key that signs access tokens.
pub const JWT_PRIVATE: &str = "jwt.pem";
/// Its public half.
pub const JWT_PUBLIC: &str = "jwt.pub.pem";
/// The VAPID pair.
pub const VAPID: &str = "vapid.json";
/// The secret that makes passwords for relays.
pub const TURN_SECRET: &str = "turn.secret";
/// The self-signed certificate.
pub const CERTIFICATE: &str = "tls.crt";
/// Its private key.
pub const CERTIFICATE_KEY: &str = "tls.key";

/// All of them.
pub const OWN_FILES: &[&str] = &[
    ROOT_KEY,
    APP_SECRET,
    JWT_PRIVATE,
    JWT_PUBLIC,
    VAPID,
    TURN_SECRET,
    CERTIFICATE,
    CERTIFICATE_KEY,
];

/// Where one key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the settings themselves.
    Value,
    /// In the keys directory; made when it is missing.
    Own(PathBuf),
    /// In a file that somebody else keeps; never made by us.
    Given(PathBuf),
}

impl Place {
    /// The file, and who may read it.
    pub fn file(&self) -> Option<(&PathBuf, Strictness)> {
        match self {
            Self::Value => None,
            Self::Own(file) => Some((file, Strictness::OwnerOnly)),
            Self::Given(file) => Some((file, Strictness::OwnerAndGroup)),
        }
    }

    /// The file that is ours to make, if it is not there.
    pub fn missing(&self) -> Option<&PathBuf> {
        match self {
            Self::Own(file) if is_absent(file) => Some(file),
            _ => None,
        }
    }
}

/// Nothing has this name. A broken link has it, and a name that cannot be looked at may: neither is ours
/// to fill.
pub fn is_absent(file: &Path) -> bool {
    file.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Where every key is.
#[derive(Debug, Clone)]
pub struct Locations {
    /// The root key.
    pub root: Place,
    /// The application secret.
    pub app_secret: Place,
    /// The private JWT key.
    pub jwt_private: Place,
    /// The public JWT key; `None`: worked out from the private one and kept nowhere.
    pub jwt_public: Option<Place>,
    /// The VAPID pair.
    pub vapid: Place,
    /// The secret that makes passwords for relays.
    pub turn_secret: Place,
    /// Certificate chain and key.
    pub certificate: CertificateFiles,
}

impl Locations {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        let secrets = &settings.secrets;
        let own = |name: &str| secrets.keys_dir.join(name);
        let by_value = |given: bool, name: &str| {
            if given {
                Place::Value
            } else {
                Place::Own(own(name))
            }
        };
        let jwt_public = match (&secrets.jwt_public_key, &secrets.jwt_private_key) {
            (Some(file), _) => Some(Place::Given(file.clone())),
            (None, Some(_)) => None,
            (None, None) => Some(Place::Own(own(JWT_PUBLIC))),
        };
        Self {
            root: by_value(secrets.root_key.is_some(), ROOT_KEY),
            app_secret: by_value(secrets.app_secret.is_some(), APP_SECRET),
            jwt_private: match &secrets.jwt_private_key {
                Some(file) => Place::Given(file.clone()),
                None => Place::Own(own(JWT_PRIVATE)),
            },
            jwt_public,
            vapid: by_value(settings.push.vapid.is_some(), VAPID),
            turn_secret: by_value(settings.turn.secret.is_some(), TURN_SECRET),
            certificate: match &secrets.certificate {
                Some(given) => CertificateFiles {
                    certificate: given.certificate.clone(),
                    key: given.key.clone(),
                    strictness: Strictness::OwnerAndGroup,
                },
                None => CertificateFiles {
                    certificate: own(CERTIFICATE),
                    key: own(CERTIFICATE_KEY),
                    strictness: Strictness::OwnerOnly,
                },
            },
        }
    }

    /// Names of the files that are ours to make and not there yet.
    pub fn missing(&self) -> Vec<&PathBuf> {
        let mut missing: Vec<&PathBuf> = [
            Some(&self.root),
            Some(&self.app_secret),
            Some(&self.jwt_private),
            self.jwt_public.as_ref(),
            Some(&self.vapid),
            Some(&self.turn_secret),
        ]
        .into_iter()
        .flatten()
        .filter_map(Place::missing)
        .collect();
        missing.extend(self.certificate.missing());
        missing
    }
}
