//! Web push: how this server names itself to push services (VAPID, RFC 8292).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Secret;
use zeroize::Zeroizing;

use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Web push",
    specs: &[VAPID_PRIVATE_KEY, VAPID_PUBLIC_KEY, VAPID_SUBJECT],
};

const VAPID_PRIVATE_KEY: Spec = Spec {
    name: "VAPID_PRIVATE_KEY",
    default: None,
    example: "$(npx web-push generate-vapid-keys)",
    secret: true,
    help: "P-256 private key, 32 bytes in URL-safe base64. Set together with VAPID_PUBLIC_KEY.
           Unset: KEYS_DIR/vapid.json. Changing the pair ends every push subscription.",
};
const VAPID_PUBLIC_KEY: Spec = Spec {
    name: "VAPID_PUBLIC_KEY",
    default: None,
    example: "<87 characters of URL-safe base64>",
    secret: false,
    help: "Its public half, the 65 bytes of the uncompressed point in URL-safe base64.",
};
const VAPID_SUBJECT: Spec = Spec {
    name: "VAPID_SUBJECT",
    default: Some("mailto:admin@localhost"),
    example: "mailto:admin@example.org",
    secret: false,
    help: "Whom a push service may write to about this server: mailto: or https:. Some services refuse localhost.",
};

/// A key pair by value.
#[derive(Debug, Clone)]
pub struct GivenVapid {
    /// 32 bytes, URL-safe base64 without padding.
    pub private: Secret,
    /// 65 bytes, URL-safe base64 without padding.
    pub public: String,
}

/// Web push.
#[derive(Debug, Clone)]
pub struct Push {
    /// The pair, when it is given by value.
    pub vapid: Option<GivenVapid>,
    /// `sub` (RFC 8292, section 2.1).
    pub subject: String,
}

impl Push {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let private = reader.optional(&VAPID_PRIVATE_KEY, private_key);
        let public = reader.optional(&VAPID_PUBLIC_KEY, public_key);
        let subject = reader.value(&VAPID_SUBJECT, subject);
        let vapid = match (private?, public?) {
            (Some(private), Some(public)) => Some(GivenVapid { private, public }),
            (None, None) => None,
            (Some(_), None) => {
                reader.conflict(&VAPID_PUBLIC_KEY, "must be set when VAPID_PRIVATE_KEY is");
                None
            }
            (None, Some(_)) => {
                reader.conflict(&VAPID_PRIVATE_KEY, "must be set when VAPID_PUBLIC_KEY is");
                None
            }
        };
        Some(Self {
            vapid,
            subject: subject?,
        })
    }

    /// A pair is made.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            vapid: None,
            subject: "mailto:admin@localhost".to_owned(),
        }
    }
}

fn private_key(text: &str) -> Result<Secret, String> {
    let bare = text.trim_end_matches('=');
    match URL_SAFE_NO_PAD.decode(bare).map(Zeroizing::new) {
        Ok(bytes) if bytes.len() == 32 => Ok(Secret::new(bare.to_owned())),
        Ok(bytes) => Err(format!(
            "must be 32 bytes in URL-safe base64, but is of {} bytes",
            bytes.len()
        )),
        Err(_) => Err("must be 32 bytes in URL-safe base64, but is not base64".to_owned()),
    }
}

fn public_key(text: &str) -> Result<String, String> {
    let bare = text.trim_end_matches('=');
    match URL_SAFE_NO_PAD.decode(bare) {
        Ok(bytes) if bytes.len() == 65 && bytes.first() == Some(&4) => Ok(bare.to_owned()),
        _ => {
            Err("must be the 65 bytes of an uncompressed P-256 point in URL-safe base64".to_owned())
        }
    }
}

fn subject(text: &str) -> Result<String, String> {
    let mail = text
        .strip_prefix("mailto:")
        .is_some_and(|address| address.contains('@'));
    if mail
        || text
            .strip_prefix("https://")
            .is_some_and(|rest| !rest.is_empty())
    {
        Ok(text.to_owned())
    } else {
        Err("must begin with mailto: or https://".to_owned())
    }
}
