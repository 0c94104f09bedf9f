//! A person's devices: each may hold a token that replaces the password there.

mod list;
mod refresh;
mod register;
mod revoke;

pub use list::{DeviceEntry, list};
pub use refresh::refresh;
pub use register::register;
pub use revoke::{DeviceName, revoke};

/// Devices of one person that are listed at once.
const MAX_LISTED: u64 = 200;
