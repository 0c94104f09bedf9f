//! The harness of the black-box flows: a real `melo` process over real TLS sockets, and the people who use
//! it. Requests and frames are written by hand, not by the SDK, so that it is the wire contract that is tried.
//!
//! Every test starts a server of its own, in a directory of its own, on ports of its own; nothing is shared
//! and no order is needed. Nothing sleeps: what is waited for is a line, a frame or an answer.

// A test fails by panicking, wherever it notices; clippy's own exception covers `#[test]` functions only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The reason of every panic here is the same: the flow did not go as the test says.
#![allow(clippy::missing_panics_doc)]

pub mod answer;
pub mod chats;
pub mod cli;
pub mod database;
pub mod events;
pub mod files;
pub mod keys;
pub mod nat;
pub mod people;
pub mod postbox;
pub mod relay;
pub mod search;
pub mod server;
pub mod shape;
pub mod socket;
pub mod sound;
pub mod terminal;
pub mod tls;
pub mod unique;

pub use answer::{Answer, Call};
pub use chats::{Chat, join, one_of_each};
pub use cli::Cli;
pub use events::{Event, Events};
pub use people::{Anonymous, Device, Person, User, befriend};
pub use postbox::Postbox;
pub use relay::RelayServer;
pub use server::Server;
pub use shape::{Fields, assert_shape};
pub use socket::{Closed, Socket};

/// How long anything may take before the test gives up. Generous: it is only reached by failing tests.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(40);
