//! Servers for calls.

use melo_domain::{Secret, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// Answer of GET /ice_servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IceServersAnswer {
    /// In the form of WebRTC's `RTCIceServer`, in the order in which they are to be tried.
    pub ice_servers: Vec<IceServer>,
    /// Until when the credentials are good; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The contact that takes every request and sends back what it hears, to try calls with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Uid>,
}

/// One server, reached in one way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IceServer {
    /// One URL, as text: every library takes that, and not every one a list.
    pub urls: String,
    /// Relays alone have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Secret>,
}
