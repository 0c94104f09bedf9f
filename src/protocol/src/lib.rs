//! What travels on the wire, and nothing else: WebSocket frames in and out, REST bodies, problem
//! documents, close codes, and the server's view of an envelope. docs/PROTOCOL.md is the same for people.

mod close;
mod envelope;
mod error;
pub mod frame;
mod problem;
pub mod rest;

pub use close::CloseCode;
pub use envelope::{Envelope, EnvelopeError, MAX_ENVELOPE_KEYS};
pub use error::ErrorCode;
pub use problem::{FieldError, PROBLEM_CONTENT_TYPE, Problem};

/// The version the server names in `pong` and `/status`.
pub const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest WebSocket frame, and the longest message across its fragments, in bytes.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
