//! The vocabulary of Melo: ids, phone numbers, names, the clock, redacted secrets and the rules that
//! every layer shares. Pure: no I/O, no async, no framework types.

mod ban;
mod chat;
mod clock;
mod coded;
mod device;
mod event;
mod ids;
mod job;
mod name;
mod network;
mod phone;
mod privacy;
mod role;
mod scope;
mod secret;

pub use ban::{BanKind, Banned, UnknownBanKind};
pub use chat::{ContactStatus, EventKind, LogKind, MAX_PAYLOAD_BYTES};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use coded::UnknownCode;
pub use device::{ClientDeviceId, DeviceType, InvalidDeviceId};
pub use event::LogEvent;
pub use ids::{DeviceHandle, InvalidId, LogId, MessageId, Seq, SessionId, Uid};
pub use job::{JobKind, JobState};
pub use name::{Bio, DisplayName, InvalidName, Username};
pub use network::network_of;
pub use phone::{InvalidPhone, Phone};
pub use privacy::{Audience, Privacy, Relation, UnknownAudience};
pub use role::{
    AccountState, AdminAction, Role, SessionKind, UnknownRole, UnknownState, may_administer,
};
pub use scope::{Area, InvalidScope, Level, Scope, Scopes};
pub use secret::Secret;
