//! STUN (RFC 8489) and TURN (RFC 8656): messages as they lie on the wire, what proves who wrote them, and the
//! client's half of the conversation. The server's half is in `gateways`; this much is shared with whoever
//! talks to it: `melo doctor`, the load generator, the tests.

mod attributes;
mod channel_data;
pub mod client;
mod credentials;
mod frame;
mod integrity;
mod message;
mod url;
mod write;

pub use attributes::{Address, attribute};
pub use channel_data::{CHANNELS, ChannelData};
pub use credentials::{Key, long_term_key, shared_secret_password};
pub use frame::{Frame, MAX_FRAME, frame_length};
pub use integrity::Integrity;
pub use message::{
    Attributes, Class, HEADER, MAGIC_COOKIE, Malformed, Message, Method, TransactionId,
};
pub use url::{NotARelay, RelayUrl, Transport};
pub use write::Writer;

/// Codes of error answers (RFC 8489, section 14.8; RFC 8656, section 19).
pub mod code {
    /// The request could not be understood.
    pub const BAD_REQUEST: u16 = 400;
    /// Credentials are needed, or those that were shown are not good.
    pub const UNAUTHORIZED: u16 = 401;
    /// The peer may not be reached from here.
    pub const FORBIDDEN: u16 = 403;
    /// An attribute that must be understood is not.
    pub const UNKNOWN_ATTRIBUTE: u16 = 420;
    /// There is no allocation, or there is one already.
    pub const ALLOCATION_MISMATCH: u16 = 437;
    /// The nonce is too old; the answer has a new one.
    pub const STALE_NONCE: u16 = 438;
    /// There is no relay of this address family.
    pub const ADDRESS_FAMILY_NOT_SUPPORTED: u16 = 440;
    /// The allocation was made with other credentials.
    pub const WRONG_CREDENTIALS: u16 = 441;
    /// Only UDP is relayed.
    pub const UNSUPPORTED_TRANSPORT: u16 = 442;
    /// The peer's address is of another family than the relay.
    pub const PEER_ADDRESS_FAMILY_MISMATCH: u16 = 443;
    /// This person has as many allocations as they may.
    pub const ALLOCATION_QUOTA_REACHED: u16 = 486;
    /// The server has as much as it can hold.
    pub const INSUFFICIENT_CAPACITY: u16 = 508;
}

#[cfg(test)]
mod tests;
