//! For how long calls ring.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Calls",
    specs: &[CALL_RING_SECONDS, CALL_LOST_SECONDS],
};

const CALL_RING_SECONDS: Spec = Spec {
    name: "CALL_RING_SECONDS",
    default: Some("45"),
    example: "45",
    secret: false,
    help: "A call that nobody answers is missed after so many seconds; 60 at most.",
};
const CALL_LOST_SECONDS: Spec = Spec {
    name: "CALL_LOST_SECONDS",
    default: Some("30"),
    example: "30",
    secret: false,
    help: "A device in a call that was not heard of for so many seconds is out of it.",
};

/// Calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// For how long a call rings.
    pub ring: Duration,
    /// For how long a device in one may be silent.
    pub lost: Duration,
}

impl Calls {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let ring = reader.value(&CALL_RING_SECONDS, parse::number(1, 60));
        let lost = reader.value(&CALL_LOST_SECONDS, parse::number(3, 300));
        Some(Self {
            ring: Duration::from_secs(u64::from(ring?)),
            lost: Duration::from_secs(u64::from(lost?)),
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            ring: Duration::from_secs(45),
            lost: Duration::from_secs(30),
        }
    }
}
