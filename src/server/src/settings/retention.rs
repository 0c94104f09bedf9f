//! How long things are kept.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Retention",
    specs: &[HISTORY_TTL, E2E_KEY_ROTATION_DAYS],
};

const HISTORY_TTL: Spec = Spec {
    name: "HISTORY_TTL",
    default: Some("1209600"),
    example: "1209600",
    secret: false,
    help: "Seconds for which the server keeps messages and notices: 14 days by default, an hour at least. A device that was away longer is told that it missed something. A chat may keep its messages for less, never for longer.",
};
const E2E_KEY_ROTATION_DAYS: Spec = Spec {
    name: "E2E_KEY_ROTATION_DAYS",
    default: Some("180"),
    example: "180",
    secret: false,
    help: "Days after which clients are told that an end-to-end key is due for replacement. Read and checked; not used yet.",
};

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Age at which an event leaves the server.
    pub history: Duration,
    /// Age at which an end-to-end key is due for replacement. Read and checked; not used yet.
    pub e2e_key: Duration,
}

impl Retention {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        // Shorter than an hour and a phone in a tunnel loses messages; longer than 100 years overflows nothing.
        let history = reader.value(&HISTORY_TTL, parse::seconds(3600, 3_153_600_000));
        let e2e_key = reader.value(&E2E_KEY_ROTATION_DAYS, parse::days(1, 36_500));
        Some(Self {
            history: history?,
            e2e_key: e2e_key?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            history: Duration::from_hours(14 * 24),
            e2e_key: Duration::from_hours(180 * 24),
        }
    }
}
