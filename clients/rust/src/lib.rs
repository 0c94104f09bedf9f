//! SDK for Melo: REST, WebSocket with reconnect and resume, end-to-end encryption suite 1, and a sealed key
//! store. [`client::Client`] ties them together; the parts are public for tools that want less.

pub mod address;
pub mod client;
pub mod crypto;
pub mod error;
pub mod keystore;
pub mod phone;
pub mod rest;
pub mod socket;
pub mod tls;

pub use client::Client;
pub use error::ClientError;
