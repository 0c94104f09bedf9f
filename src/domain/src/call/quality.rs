//! What a client says of a call's sound when it is over.

use serde::{Deserialize, Serialize};

/// How the two devices reached each other (RFC 8445, section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateType {
    /// Directly.
    Host,
    /// By the address that a STUN server saw.
    #[serde(alias = "server_reflexive")]
    Srflx,
    /// By the address that the other one saw.
    #[serde(alias = "peer_reflexive")]
    Prflx,
    /// Through a TURN server.
    #[serde(alias = "relayed")]
    Relay,
}

impl CandidateType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Host, Self::Srflx, Self::Prflx, Self::Relay];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Srflx => "srflx",
            Self::Prflx => "prflx",
            Self::Relay => "relay",
        }
    }
}

/// A report that cannot be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be a number from 0 to {most}")]
pub struct InvalidQuality {
    /// Which number.
    pub field: &'static str,
    /// The largest that is believed.
    pub most: u32,
}

/// How a call was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallQuality {
    /// Packets that did not arrive, in percent.
    pub loss: f64,
    /// Jitter, in milliseconds.
    pub jitter: f64,
    /// Round trip, in milliseconds.
    pub round_trip: f64,
    /// How the devices reached each other, if they did.
    pub candidate: Option<CandidateType>,
}

impl CallQuality {
    /// More loss is not possible.
    pub const MOST_LOSS: u32 = 100;
    /// More than a minute is no measurement, in milliseconds.
    pub const MOST_TIME: u32 = 60_000;

    /// Numbers that can be true.
    pub fn new(
        loss: f64,
        jitter: f64,
        round_trip: f64,
        candidate: Option<CandidateType>,
    ) -> Result<Self, InvalidQuality> {
        let check = |field, value: f64, most: u32| {
            if (0.0..=f64::from(most)).contains(&value) {
                Ok(value)
            } else {
                Err(InvalidQuality { field, most })
            }
        };
        Ok(Self {
            loss: check("loss", loss, Self::MOST_LOSS)?,
            jitter: check("jitter", jitter, Self::MOST_TIME)?,
            round_trip: check("rtt", round_trip, Self::MOST_TIME)?,
            candidate,
        })
    }
}
