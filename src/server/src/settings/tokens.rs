//! Access and device tokens.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Access and device tokens",
    specs: &[
        JWT_ALGORITHM,
        JWT_ISSUER,
        JWT_AUDIENCE,
        ACCESS_TOKEN_EXPIRE_MINUTES,
        DEVICE_TOKEN_REUSE_LEEWAY,
    ],
};

const JWT_ALGORITHM: Spec = Spec {
    name: "JWT_ALGORITHM",
    default: Some("RS256"),
    example: "RS256",
    secret: false,
    help: "RS256 is the only one, so that anybody can check a token with GET /public_key and nobody can make one.",
};
const JWT_ISSUER: Spec = Spec {
    name: "JWT_ISSUER",
    default: Some("melo"),
    example: "melo",
    secret: false,
    help: "The claim `iss` of access tokens. Changing it signs everybody out.",
};
const JWT_AUDIENCE: Spec = Spec {
    name: "JWT_AUDIENCE",
    default: Some("melo-clients"),
    example: "melo-clients",
    secret: false,
    help: "The claim `aud` of access tokens. Changing it signs everybody out.",
};
const ACCESS_TOKEN_EXPIRE_MINUTES: Spec = Spec {
    name: "ACCESS_TOKEN_EXPIRE_MINUTES",
    default: Some("120"),
    example: "120",
    secret: false,
    help: "Life of an access token and of its CSRF token, in minutes.",
};

const DEVICE_TOKEN_REUSE_LEEWAY: Spec = Spec {
    name: "DEVICE_TOKEN_REUSE_LEEWAY",
    default: Some("10"),
    example: "10",
    secret: false,
    help: "Seconds for which a device token that was just replaced is merely refused: answers get lost on bad networks, and
           tabs race each other. Shown later, it means that somebody has a copy, and the device is signed out.",
};

/// What access tokens say, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// `iss` (RFC 7519, section 4.1.1).
    pub issuer: String,
    /// `aud` (RFC 7519, section 4.1.3).
    pub audience: String,
    /// From issue to `exp`.
    pub life: Duration,
    /// How long a replaced device token is merely refused.
    pub reuse_leeway: Duration,
}

impl Tokens {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let algorithm = reader.value(&JWT_ALGORITHM, algorithm);
        let issuer = reader.value(&JWT_ISSUER, claim);
        let audience = reader.value(&JWT_AUDIENCE, claim);
        let life = reader.value(&ACCESS_TOKEN_EXPIRE_MINUTES, parse::minutes(1, 43_200));
        let leeway = reader.value(&DEVICE_TOKEN_REUSE_LEEWAY, parse::seconds(0, 3600));
        algorithm?;
        Some(Self {
            issuer: issuer?,
            audience: audience?,
            life: life?,
            reuse_leeway: leeway?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            issuer: "melo".to_owned(),
            audience: "melo-clients".to_owned(),
            life: Duration::from_hours(2),
            reuse_leeway: Duration::from_secs(10),
        }
    }
}

fn algorithm(text: &str) -> Result<(), String> {
    if text == "RS256" {
        Ok(())
    } else {
        Err("must be RS256, which existing clients expect".to_owned())
    }
}

/// Issuer and audience stand in every token, and a token is at most 4096 characters long.
fn claim(text: &str) -> Result<String, String> {
    if text.len() <= 256 {
        Ok(text.to_owned())
    } else {
        Err("must be 256 bytes or less".to_owned())
    }
}
