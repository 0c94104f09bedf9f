//! The name of a call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::InvalidId;

/// Names a call: a UUID (RFC 9562) that the calling client makes, or the server for a client that makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub Uuid);

impl CallId {
    /// A version 4 UUID of these random bits.
    pub fn from_random(high: u64, low: u64) -> Self {
        Self(uuid::Builder::from_random_bytes(both(high, low)).into_uuid())
    }

    /// The bytes, as names of short-lived entries are made of.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn both(high: u64, low: u64) -> [u8; 16] {
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CallId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let expected = InvalidId {
            expected: "a UUID with its hyphens",
        };
        if text.len() != 36 {
            return Err(expected);
        }
        let id = Uuid::try_parse(text).map_err(|_| expected)?;
        if id.is_nil() {
            return Err(expected);
        }
        Ok(Self(id))
    }
}
