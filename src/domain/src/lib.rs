//! The vocabulary of Melo: ids, phone numbers, names, the clock, redacted secrets and the rules that
//! every layer shares. Pure: no I/O, no async, no framework types.

mod ban;
mod call;
mod chat;
mod chat_role;
mod clock;
mod coded;
mod delivery;
mod device;
mod email;
mod event;
mod ids;
mod job;
mod language;
mod name;
mod network;
mod password;
mod phone;
mod presence;
mod privacy;
mod registration;
mod role;
mod scope;
mod secret;

pub use ban::{BanKind, Banned, UnknownBanKind};
pub use call::{
    CallEvent, CallId, CallQuality, CallRefusal, CallState, CandidateType, DirectCall, EndReason,
    GroupCall, InvalidQuality, Joined, Joining, LONGEST_CALL, MAX_GROUP_CALL, Media, Party, Side,
    Step as CallStep,
};
pub use chat::{ContactStatus, EventKind, LogKind, MAX_PAYLOAD_BYTES};
pub use chat_role::{ChatAction, ChatRole, UnknownChatRole, may_in_chat};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use coded::UnknownCode;
pub use delivery::{CodePurpose, DeliveryStatus, MailTokenPurpose, UnknownDeliveryStatus};
pub use device::{ClientDeviceId, DeviceType, InvalidDeviceId};
pub use email::{Email, InvalidEmail};
pub use event::LogEvent;
pub use ids::{ChatId, DeviceHandle, InvalidId, LogId, MessageId, ScheduleId, Seq, SessionId, Uid};
pub use job::{JobKind, JobState, ScheduleState};
pub use language::Language;
pub use name::{Bio, ChatDescription, ChatTitle, DisplayName, InvalidName, Username};
pub use network::{InvalidNetwork, Network, network_of};
pub use password::{PasswordOwner, PasswordPolicy, UnfitPassword};
pub use phone::{InvalidPhone, Phone};
pub use presence::{PresenceStatus, ShownPresence, Whereabouts};
pub use privacy::{Audience, Privacy, Relation, UnknownAudience};
pub use registration::{RegistrationMode, UnknownRegistrationMode};
pub use role::{
    AccountState, AdminAction, Role, SessionKind, UnknownRole, UnknownState, may_administer,
};
pub use scope::{Area, InvalidScope, Level, Scope, Scopes};
pub use secret::Secret;
