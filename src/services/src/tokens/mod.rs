//! Personal access tokens, for bots and scripts: each is good for some scopes until some day.

mod authenticate;
mod create;
mod list;
mod revoke;

pub(crate) use authenticate::authenticate;
pub use create::{Created, NewToken, create};
pub(crate) use list::of_person;
pub use list::{TokenView, list};
pub use revoke::revoke;

use std::time::Duration;

/// What every token begins with, so that secret scanners and people recognise one.
pub const PREFIX: &str = "melo_pat_";
/// The longest life of a token.
pub const MAX_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// Tokens of one person.
const MAX_TOKENS: usize = 50;
/// An access for the admin API is given out only to who has shown the password within this time.
const RECENT: Duration = Duration::from_secs(15 * 60);
