//! A device's end of a call: the connection to the other device (WebRTC), and the sound that goes through it. It knows
//! nothing of accounts or signalling: descriptions and candidates come and go as text. The command-line client and the
//! echo contact are built on it; phones and browsers have their own.

mod bridge;
mod echo;
mod error;
mod events;
mod local;
mod opus;
mod packet;
mod peer;
mod playout;
mod quality;
mod wav;
mod ways;

pub use echo::Echo;
pub use error::MediaError;
pub use events::PeerEvent;
pub use opus::{FRAME, SAMPLE_RATE, SoundDecoder, SoundEncoder};
pub use packet::SoundPacket;
pub use peer::{Peer, PeerEnds};
pub use playout::Playout;
pub use quality::Quality;
pub use wav::{Recording, Tape};
pub use ways::{Admits, IceServer, Reach, WayOptions};
