//! Sessions: each is one login, or one personal access token.

mod end;
mod list;
mod log_out;
mod reauthenticate;
mod revoke;
mod revoke_others;

pub(crate) use end::{Ended, end, tell};
pub use list::list;
pub use log_out::log_out;
pub(crate) use reauthenticate::is_recent;
pub use reauthenticate::reauthenticate;
pub use revoke::revoke;
pub use revoke_others::revoke_others;

/// Live sessions of one person that are listed at once.
const MAX_LISTED: u64 = 200;
