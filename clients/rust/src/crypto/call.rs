//! What the devices of a call tell each other, as it is sealed: session descriptions, ways to each other, hold, mute and
//! camera. The fingerprints of the media's keys (RFC 8122) stand in the description, so whoever signs the envelope
//! vouches for them: a server cannot put itself in between.

use std::fmt;

use melo_domain::CallId;
use serde::{Deserialize, Serialize};

/// The longest description or candidate, in bytes.
pub const MAX_TEXT: usize = 32 * 1024;

/// One thing said within a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSignal {
    /// The call. Named inside as well, so that nobody can move it to another one.
    pub call_id: CallId,
    /// What.
    #[serde(flatten)]
    pub said: Said,
}

/// What is said within a call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Said {
    /// A session description that asks for an answer (RFC 3264).
    Offer {
        /// The description (RFC 8866).
        sdp: String,
    },
    /// The answer to one.
    Answer {
        /// The description.
        sdp: String,
    },
    /// A way to reach the device (RFC 8838).
    Candidate {
        /// As the media library gives it: JSON text with `candidate`, `sdpMid` and `sdpMLineIndex`.
        candidate: String,
    },
    /// How the device is at this moment.
    Status {
        /// The other one is on hold.
        #[serde(default)]
        hold: bool,
        /// The microphone is off.
        #[serde(default)]
        muted: bool,
        /// The camera is on.
        #[serde(default)]
        camera: bool,
    },
}

impl fmt::Debug for Said {
    /// Neither descriptions nor addresses: what is said in a call is in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Said {
    /// The frame's type that carries it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "offer",
            Self::Answer { .. } => "answer",
            Self::Candidate { .. } => "candidate",
            Self::Status { .. } => "call_signal",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Offer { sdp } | Self::Answer { sdp } => sdp,
            Self::Candidate { candidate } => candidate,
            Self::Status { .. } => "",
        }
    }

    /// Whether it is short enough to be believed.
    pub fn fits(&self) -> bool {
        self.text().len() <= MAX_TEXT
    }

    /// The fingerprint in a description; of anything else none.
    pub fn fingerprint(&self) -> Result<Option<Fingerprint>, NoFingerprint> {
        match self {
            Self::Offer { sdp } | Self::Answer { sdp } => {
                Fingerprint::in_description(sdp).map(Some)
            }
            Self::Candidate { .. } | Self::Status { .. } => Ok(None),
        }
    }
}

/// A description without exactly one SHA-256 fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session description does not name one SHA-256 fingerprint of its media key")]
pub struct NoFingerprint;

/// SHA-256 of the certificate that a device's media connection is made with (RFC 8122, section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The one fingerprint that a description names: for the session or for each of its media, the same everywhere.
    pub fn in_description(sdp: &str) -> Result<Self, NoFingerprint> {
        let mut found: Option<Self> = None;
        for line in sdp.lines() {
            let Some(value) = line.trim_end().strip_prefix("a=fingerprint:") else {
                continue;
            };
            let mut words = value.split_ascii_whitespace();
            let (Some(hash), Some(text), None) = (words.next(), words.next(), words.next()) else {
                return Err(NoFingerprint);
            };
            if !hash.eq_ignore_ascii_case("sha-256") {
                return Err(NoFingerprint);
            }
            let fingerprint = Self::parse(text)?;
            if found.is_some_and(|before| before != fingerprint) {
                return Err(NoFingerprint);
            }
            found = Some(fingerprint);
        }
        found.ok_or(NoFingerprint)
    }

    /// Reads 32 bytes in hex with colons between them.
    fn parse(text: &str) -> Result<Self, NoFingerprint> {
        let mut bytes = [0_u8; 32];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let hex = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
            let pair = pairs.next().filter(hex);
            *byte = pair
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(NoFingerprint)?;
        }
        match pairs.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(NoFingerprint),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            let colon = if n > 0 { ":" } else { "" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::content::Content;
    use crate::crypto::envelope::{Context, Envelope, EnvelopeError};
    use crate::crypto::identity::verifying_key;
    use crate::crypto::testing::{device_of, log_of, person, rsa_a, rsa_b};
    use melo_domain::Uid;
    use uuid::Uuid;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 \
        00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";

    fn signal(said: Said) -> CallSignal {
        CallSignal {
            call_id: CallId(Uuid::from_u128(9)),
            said,
        }
    }

    fn offer() -> CallSignal {
        signal(Said::Offer {
            sdp: SDP.to_owned(),
        })
    }

    #[test]
    fn a_fingerprint_is_read_and_written_as_it_stands() {
        let fingerprint = Fingerprint::in_description(SDP).unwrap();
        assert!(SDP.contains(&fingerprint.to_string()));
        assert_eq!(fingerprint.bytes()[..3], [0, 0x11, 0x22]);
        let twice = format!("{SDP}{}", SDP.lines().last().unwrap());
        assert_eq!(
            Fingerprint::in_description(&twice),
            Ok(fingerprint),
            "in each medium"
        );
        let other = twice.replacen("00:11", "01:11", 1);
        let bad = [
            "v=0",
            &SDP.replace("sha-256", "sha-1"),
            &SDP.replace("00:11:22", "00:11"),
            &SDP.replace("00:11:22", "00:1:122"),
            &SDP.replace("DD:EE:FF\r\n", "DD:EE:FF:00\r\n"),
            &SDP.replace("00:11:22", "0x:11:22"),
            &SDP.replace("00:11:22", "+0:11:22"),
            &other,
        ];
        for sdp in bad {
            assert_eq!(
                Fingerprint::in_description(sdp),
                Err(NoFingerprint),
                "{sdp}"
            );
        }
    }

    #[test]
    fn everything_that_is_said_comes_back_and_shows_nothing() {
        let all = [
            offer(),
            signal(Said::Answer {
                sdp: SDP.to_owned(),
            }),
            signal(Said::Candidate {
                candidate: r#"{"candidate":"candidate:1 1 udp"}"#.to_owned(),
            }),
            signal(Said::Status {
                hold: true,
                muted: false,
                camera: true,
            }),
        ];
        for said in all {
            let content = Content::Call(said.clone());
            let json = content.to_json().unwrap();
            assert_eq!(Content::from_json(&json), Ok(content));
            assert!(!format!("{said:?}").contains("candidate:1"));
            assert!(!format!("{said:?}").contains("sha-256"));
        }
        let long = signal(Said::Offer {
            sdp: "x".repeat(MAX_TEXT + 1),
        });
        assert!(Content::from_json(&Content::Call(long).to_json().unwrap()).is_err());
    }

    #[test]
    fn it_opens_for_its_device_in_its_place_alone() {
        let context = Context {
            log: log_of(1),
            uid: Uid::from_random(1),
            device: device_of(1),
            id: Uuid::from_u128(7),
        };
        let content = Content::Call(offer());
        let secrets = person(1);
        let recipients = [rsa_a().public()];
        let sealed = Envelope::seal(&context, &content, recipients, &secrets.signing).unwrap();
        let key = verifying_key(&secrets.signing.public()).unwrap();
        let open = |log, own| sealed.open(log, context.uid, context.device, &key, own);
        assert_eq!(open(context.log, rsa_a()), Ok(content));
        assert_eq!(open(log_of(2), rsa_a()), Err(EnvelopeError::BadSignature));
        let others = open(context.log, rsa_b());
        assert_eq!(others, Err(EnvelopeError::NotForThisDevice));
    }
}
