//! The vocabulary of Melo: ids, phone numbers, names, the clock, redacted secrets and the rules that
//! every layer shares. Pure: no I/O, no async, no framework types.

mod chat;
mod clock;
mod device;
mod event;
mod ids;
mod name;
mod phone;
mod secret;

pub use chat::{ContactStatus, EventKind, LogKind, MAX_PAYLOAD_BYTES, UnknownCode};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use device::{ClientDeviceId, DeviceType, InvalidDeviceId};
pub use event::LogEvent;
pub use ids::{DeviceHandle, InvalidId, LogId, MessageId, Seq, SessionId, Uid};
pub use name::{Bio, DisplayName, InvalidName, Username};
pub use phone::{InvalidPhone, Phone};
pub use secret::Secret;
