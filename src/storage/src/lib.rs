//! Durable rows. The only crate that speaks SQL: one repository per aggregate, each a module of functions
//! over a connection or a transaction, and the log writer that commits events in groups.
//!
//! Personal columns are of type [`Sealed`], which only this crate can make and only from a keyring, so a
//! plaintext cannot be written by accident.

pub mod access_tokens;
pub mod accounts;
pub mod admin;
pub mod audit;
pub mod avatars;
pub mod bans;
pub mod blocks;
pub mod chat_invites;
pub mod chat_keys;
pub mod chat_lists;
pub mod chat_members;
pub mod chats;
pub mod codes;
pub mod contacts;
pub mod cursors;
pub mod data_keys;
mod database;
pub mod deliveries;
pub mod devices;
pub mod directory;
pub mod emails;
mod entity;
pub mod erasure;
mod error;
pub mod events;
pub mod invites;
pub mod jobs;
mod log_writer;
pub mod logs;
pub mod mail_tokens;
pub mod presence;
pub mod privacy;
pub mod requests;
mod sealed;
pub mod second_factors;
pub mod sessions;
pub mod unread;

pub use database::{Database, Store};
pub use error::StorageError;
pub use log_writer::{
    AppendError, Appended, Audience, CommitSink, Committed, Guard, LogWriter, NewEvent, Receipt,
    Target,
};
pub use sea_orm::{ConnectionTrait, DatabaseTransaction};
pub use sealed::Sealed;
