//! Logging: what is written, how, and what never is.
//!
//! Logs carry fields, not prose: `tracing::warn!(code = 4101, "connection closed")`. A person appears as a
//! keyed pseudonym, a request as its route pattern (`/avatar/{uid}`), an error by its stable code.
//!
//! # The never-log list
//! Never written at any level, in any form, the debug level and error chains included:
//!
//! - **people**: phone, name, nickname, username, bio, avatar, mail address, public user id, contact pairs;
//! - **secrets**: passwords and their hashes, access, refresh, device and CSRF tokens, tickets, invite and
//!   recovery codes, cookies, `Authorization` headers, keys of any kind, passphrases, TOTP secrets;
//! - **content**: message bodies and envelopes (sealed ones too), reactions, chat titles, file names, key
//!   backups, call descriptions and candidates, push endpoints;
//! - **traces of people**: IP addresses, User-Agents, the device ids that clients make, activity times;
//! - **carriers of the above**: whole requests, query strings (`?token=`), URLs, bodies, SQL with its values,
//!   the payload of a panic.
//!
//! Three things hold the list up. Types of `melo_domain` that carry such values print as `[REDACTED]`. An event
//! or span one of whose *fields* is named like an entry ([`never_log::FIELDS`]) is not written at all. And a
//! panic is logged by its place alone ([`install_panic_hook`]). The text of an event is ours to keep clean:
//! it is a literal without interpolated values.

mod init;
pub mod never_log;
mod panic;

pub use init::{LogError, LogFormat, LogSettings, init};
pub use panic::install_panic_hook;
