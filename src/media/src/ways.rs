//! Which ways to the other device are tried.

use std::sync::Arc;

/// A server to ask for a way, as GET /ice_servers names it.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URL (RFC 7064, RFC 7065).
    pub url: String,
    /// Name and password, of a relay.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// How the other device may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// In any way; directly, where that is possible.
    #[default]
    Any,
    /// Through a relay alone: the other one does not learn where this device is.
    RelayOnly,
}

/// What a connection is made with.
#[derive(Clone)]
pub struct WayOptions {
    /// Servers to ask.
    pub servers: Vec<IceServer>,
    /// What is allowed.
    pub reach: Reach,
    /// Whom to trust, of relays in TLS.
    pub tls: Arc<rustls::ClientConfig>,
}
