//! Where a call comes from.

use std::net::{IpAddr, Ipv4Addr};

/// Longest User-Agent that is kept, in characters.
const MAX_USER_AGENT: usize = 512;

/// Where a call comes from, for limits, session lists and the audit log. Personal: never logged.
#[derive(Clone)]
pub struct Origin {
    /// The address, behind trusted proxies the one they name.
    pub address: IpAddr,
    /// The program, 512 characters at most.
    pub user_agent: String,
    /// Finds the call in the log.
    pub request_id: String,
}

impl Origin {
    /// Of a call.
    pub fn new(address: IpAddr, user_agent: &str, request_id: String) -> Self {
        Self {
            address,
            user_agent: user_agent.chars().take(MAX_USER_AGENT).collect(),
            request_id,
        }
    }

    /// The server itself: a job, or a command on its own command line.
    pub fn server(what: &str) -> Self {
        Self::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), what, String::new())
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({})", self.request_id)
    }
}
