//! Key material: given by value, by file, or made in the keys directory.

use std::path::PathBuf;

use melo_crypto::RootKey;
use melo_domain::Secret;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Keys and certificate",
    specs: &[
        KEYS_DIR,
        ENCRYPTION_KEY_STR,
        APP_SECRET_KEY,
        JWT_PRIVATE_KEY_PATH,
        JWT_PUBLIC_KEY_PATH,
        SSL_CERTFILE,
        SSL_KEYFILE,
    ],
};

/// The fewest characters of `APP_SECRET_KEY`.
const APP_SECRET_MIN: usize = 32;

const KEYS_DIR: Spec = Spec {
    name: "KEYS_DIR",
    default: Some("./keys"),
    example: "/etc/melo/keys",
    secret: false,
    help: "Directory for the keys that the server makes for itself on first start. Back it up, apart from the
           data: without the root key nothing in the database can be read again. keys/README.md explains each file.",
};
const ENCRYPTION_KEY_STR: Spec = Spec {
    name: "ENCRYPTION_KEY_STR",
    default: None,
    example: "$(openssl rand -base64 32 | tr '+/' '-_')",
    secret: true,
    help: "Root key: 32 bytes in URL-safe base64. It wraps the keys that seal the database. Unset: KEYS_DIR/root.key.",
};
const APP_SECRET_KEY: Spec = Spec {
    name: "APP_SECRET_KEY",
    default: None,
    example: "$(openssl rand -hex 32)",
    secret: true,
    help: "Application secret, 32 characters or more: the pepper of all passwords, and CSRF tokens. With another one nobody's password is right any more. Unset: KEYS_DIR/app.secret.",
};
const JWT_PRIVATE_KEY_PATH: Spec = Spec {
    name: "JWT_PRIVATE_KEY_PATH",
    default: None,
    example: "/etc/melo/jwt.pem",
    secret: false,
    help: "RSA key (PEM, PKCS#8) that signs access tokens. Unset: KEYS_DIR/jwt.pem.",
};
const JWT_PUBLIC_KEY_PATH: Spec = Spec {
    name: "JWT_PUBLIC_KEY_PATH",
    default: None,
    example: "/etc/melo/jwt.pub.pem",
    secret: false,
    help: "Its public half (PEM). Needed by nobody but those who want a file to hand out; checked against the
           private one. Unset: KEYS_DIR/jwt.pub.pem, or worked out when JWT_PRIVATE_KEY_PATH is set.",
};
const SSL_CERTFILE: Spec = Spec {
    name: "SSL_CERTFILE",
    default: None,
    example: "/etc/letsencrypt/live/chat.example.org/fullchain.pem",
    secret: false,
    help: "Certificate chain (PEM), the server's own certificate first. A changed file is taken over without
           a restart. Set together with SSL_KEYFILE. Unset: a self-signed one, KEYS_DIR/tls.crt.",
};
const SSL_KEYFILE: Spec = Spec {
    name: "SSL_KEYFILE",
    default: None,
    example: "/etc/letsencrypt/live/chat.example.org/privkey.pem",
    secret: false,
    help: "Its private key (PEM). Set together with SSL_CERTFILE. Unset: KEYS_DIR/tls.key.",
};

/// Certificate and key that somebody else keeps up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCertificate {
    /// The chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where each key comes from.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Directory for the keys made here.
    pub keys_dir: PathBuf,
    /// The root key by value: base64 that is known to be well-formed.
    pub root_key: Option<Secret>,
    /// The application secret by value.
    pub app_secret: Option<Secret>,
    /// A private JWT key kept elsewhere.
    pub jwt_private_key: Option<PathBuf>,
    /// A public JWT key kept elsewhere.
    pub jwt_public_key: Option<PathBuf>,
    /// A certificate kept elsewhere.
    pub certificate: Option<GivenCertificate>,
}

impl Secrets {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let keys_dir = reader.value(&KEYS_DIR, parse::path);
        let root_key = reader.optional(&ENCRYPTION_KEY_STR, root_key);
        let app_secret = reader.optional(&APP_SECRET_KEY, app_secret);
        let jwt_private_key = reader.optional(&JWT_PRIVATE_KEY_PATH, parse::path);
        let jwt_public_key = reader.optional(&JWT_PUBLIC_KEY_PATH, parse::path);
        if matches!(
            (&jwt_private_key, &jwt_public_key),
            (Some(None), Some(Some(_)))
        ) {
            reader.conflict(
                &JWT_PRIVATE_KEY_PATH,
                "must be set when JWT_PUBLIC_KEY_PATH is",
            );
        }
        let certificate = reader.optional(&SSL_CERTFILE, parse::path);
        let key = reader.optional(&SSL_KEYFILE, parse::path);
        let certificate = match (certificate?, key?) {
            (Some(certificate), Some(key)) => Some(GivenCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                reader.conflict(&SSL_KEYFILE, "must be set when SSL_CERTFILE is");
                None
            }
            (None, Some(_)) => {
                reader.conflict(&SSL_CERTFILE, "must be set when SSL_KEYFILE is");
                None
            }
        };
        Some(Self {
            keys_dir: keys_dir?,
            root_key: root_key?,
            app_secret: app_secret?,
            jwt_private_key: jwt_private_key?,
            jwt_public_key: jwt_public_key?,
            certificate,
        })
    }

    /// Everything is made in a directory of the test.
    #[cfg(test)]
    pub fn for_testing(dir: &std::path::Path) -> Self {
        Self {
            keys_dir: dir.join("keys"),
            root_key: None,
            app_secret: None,
            jwt_private_key: None,
            jwt_public_key: None,
            certificate: None,
        }
    }
}

fn root_key(text: &str) -> Result<Secret, String> {
    match RootKey::from_base64url(text) {
        Ok(_) => Ok(Secret::new(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

fn app_secret(text: &str) -> Result<Secret, String> {
    match text.chars().count() {
        enough if enough >= APP_SECRET_MIN => Ok(Secret::new(text.to_owned())),
        few => Err(format!(
            "must be {APP_SECRET_MIN} characters or more, but is of {few}"
        )),
    }
}
