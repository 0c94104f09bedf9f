//! sea-orm entities, one per table. Private to this crate: what leaves it are the repositories' own types.

pub(crate) mod access_tokens;
pub(crate) mod audit_head;
pub(crate) mod audit_log;
pub(crate) mod avatars;
pub(crate) mod bans;
pub(crate) mod blocks;
pub(crate) mod codes;
pub(crate) mod contacts;
pub(crate) mod cursors;
pub(crate) mod data_keys;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod log_members;
pub(crate) mod logs;
pub(crate) mod mail_tokens;
pub(crate) mod privacy;
pub(crate) mod recovery_codes;
pub(crate) mod register_invites;
pub(crate) mod second_factors;
pub(crate) mod sessions;
pub(crate) mod sms_deliveries;
pub(crate) mod spent_device_tokens;
pub(crate) mod tombstones;
pub(crate) mod user_emails;
pub(crate) mod users;
