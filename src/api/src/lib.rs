//! The HTTP and WebSocket edge: extract, call one service, map the answer.

mod admission;
mod client_address;
mod cookie;
mod error;
mod extract;
mod http;
mod middleware;
mod refusals;
mod scope;
mod server;
mod sse;
mod state;
mod upload;
mod validate;
mod ws;

pub use client_address::{ProxyHeader, TrustedProxies};
pub use server::{Listeners, ServerError, start};
pub use state::{EdgeSettings, State};
