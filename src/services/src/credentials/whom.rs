//! Whom a reset is for.

use melo_domain::{Email, Phone, Uid};
use melo_storage::accounts::{self, Account};
use melo_storage::{StorageError, emails};

use crate::Core;

/// Whom somebody says to be, without a password.
#[derive(Clone)]
pub enum Whom {
    /// By public id.
    Uid(Uid),
    /// By phone.
    Phone(Phone),
    /// By confirmed mail address.
    Email(Email),
    /// None of these: treated like somebody who is not there.
    Nobody(String),
}

impl Whom {
    /// Eight digits are a user id; then what reads as a phone, then what reads as a mail address.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Ok(uid) = text.parse() {
            return Self::Uid(uid);
        }
        if let Ok(phone) = text.parse() {
            return Self::Phone(phone);
        }
        match text.parse() {
            Ok(email) => Self::Email(email),
            Err(_) => Self::Nobody(text.to_owned()),
        }
    }

    /// In one form, whatever was typed.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Uid(uid) => uid.to_string(),
            Self::Phone(phone) => phone.as_str().to_owned(),
            Self::Email(email) => email.normalized(),
            Self::Nobody(text) => text.clone(),
        }
    }

    /// The account, if there is one.
    pub(crate) async fn find(&self, core: &Core) -> Result<Option<Account>, StorageError> {
        let (db, keys) = (core.store.db.write(), &core.store.keys);
        match self {
            Self::Uid(uid) => accounts::find(db, keys, *uid).await,
            Self::Phone(phone) => accounts::find_by_phone(db, keys, phone).await,
            Self::Email(email) => match emails::find_owner(db, keys, email).await? {
                Some(uid) => accounts::find(db, keys, uid).await,
                None => Ok(None),
            },
            Self::Nobody(_) => Ok(None),
        }
    }
}
