//! Use cases, one per file, named as the verb it is. Each takes domain types, checks what the caller may do,
//! opens and commits at most one transaction, and tells the bus what happened after the commit.

pub mod access;
pub mod account;
mod activity;
pub mod admin;
pub mod audit;
pub mod avatar;
pub mod bans;
mod caches;
pub mod calls;
pub mod chats;
pub mod contacts;
mod core;
pub mod credentials;
mod cursor_buffer;
pub mod devices;
pub mod drafts;
pub mod echo;
mod fault;
pub mod ice;
pub mod invites;
pub mod keys;
mod limits;
pub mod live;
pub mod messages;
mod notices;
pub mod once;
mod origin;
pub mod outgoing;
mod password_pool;
pub mod people;
pub mod presence;
pub mod queue;
pub mod receipts;
mod relations;
pub mod retention;
pub mod schedule;
pub mod second_factor;
pub mod sessions;
pub mod tokens;
pub mod typing;

pub use caches::DirectRoute;
pub use core::{ChatLimits, Core, Parts, Policy, Window};
pub use fault::Fault;
pub use limits::{LimitError, Spent, note, spend_call, watch};
pub use origin::Origin;

use melo_domain::{DeviceHandle, Scope, Scopes, SessionId, Timestamp, Uid};

/// Who makes a call: read from a verified access token of a live session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub uid: Uid,
    /// The device they call from.
    pub device: DeviceHandle,
    /// The session of the token.
    pub session: SessionId,
    /// When the token expires.
    pub expires: Timestamp,
    /// What it is good for.
    pub grant: Grant,
}

/// What an access token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Of a login: for everything that the person may do.
    Login,
    /// A personal access token: for these scopes of it.
    Token(Scopes),
}

impl Grant {
    /// Whether it covers this scope.
    pub fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Login => true,
            Self::Token(scopes) => scopes.allow(scope),
        }
    }
}
