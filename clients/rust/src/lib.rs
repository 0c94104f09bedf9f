//! SDK for Melo: REST, WebSocket with reconnect and resume, end-to-end encryption suite 1, and a sealed key
//! store. [`client::Client`] ties them together; the parts are public for tools that want less.

pub mod crypto;
