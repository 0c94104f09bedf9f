//! What the server says of itself.

use serde::{Deserialize, Serialize};

/// Answer of GET /status.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerStatus {
    /// `ok` or `degraded`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// The parts it stands on.
    pub services: ServiceStatus,
    /// Live connections.
    pub websocket: WebSocketStatus,
    /// HTTPS port.
    pub http_port: u16,
    /// WSS port.
    pub ws_port: u16,
}

/// `ok`, `unavailable` or `not_configured`, each.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Short-lived state outside the process.
    pub redis: String,
    /// The database.
    pub database: String,
    /// The hub.
    pub websocket: String,
}

/// Live connections.
#[derive(Debug, Serialize, Deserialize)]
pub struct WebSocketStatus {
    /// On this node.
    pub connections: usize,
    /// WSS port.
    pub port: u16,
}
