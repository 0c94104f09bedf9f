//! For how long calls ring.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Calls",
    specs: &[
        CALL_RING_SECONDS,
        CALL_LOST_SECONDS,
        CALL_ECHO,
        CALL_ECHO_CALLS,
    ],
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

const CALL_ECHO: Spec = Spec {
    name: "CALL_ECHO",
    default: Some("true"),
    example: "true",
    secret: false,
    help: "true: this server has a contact called Echo, which takes every request, answers every call and sends the
           sound back, so that people can try whether calls work. false: it has none.",
};
const CALL_ECHO_CALLS: Spec = Spec {
    name: "CALL_ECHO_CALLS",
    default: Some("16"),
    example: "16",
    secret: false,
    help: "Calls that the echo takes at once; whoever calls while there are more hears that it is busy.",
};

/// Calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// For how long a call rings.
    pub ring: Duration,
    /// For how long a device in one may be silent.
    pub lost: Duration,
    /// How many calls the echo takes at once; none where there is no echo.
    pub echo: Option<usize>,
}

impl Calls {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let ring = reader.value(&CALL_RING_SECONDS, parse::number(1, 60));
        let lost = reader.value(&CALL_LOST_SECONDS, parse::number(3, 300));
        let echo = reader.value(&CALL_ECHO, parse::flag);
        let echo_calls = reader.value(&CALL_ECHO_CALLS, parse::number(1, 64));
        let echo_calls = usize::try_from(echo_calls?).ok()?;
        Some(Self {
            ring: Duration::from_secs(u64::from(ring?)),
            lost: Duration::from_secs(u64::from(lost?)),
            echo: echo?.then_some(echo_calls),
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            ring: Duration::from_secs(45),
            lost: Duration::from_secs(30),
            echo: Some(16),
        }
    }
}
