//! How far people are in their conversations: what each device has, what each person has read, and who is told of it.

mod acknowledge;
mod buffer;
mod flush;
mod list;
mod own;
mod progress;
mod read;

pub use acknowledge::{Acknowledged, acknowledge};
pub(crate) use buffer::ReceiptBuffer;
pub use flush::flush;
pub use list::{MAX_LISTED, Receipt, ReceiptsPage, list};
pub(crate) use progress::{Moved, moved};
pub use read::read;
