//! One's contacts, by the page, in two queries whatever their number.

use std::collections::HashMap;

use melo_domain::{LogId, Uid};
use melo_storage::{StorageError, accounts, contacts};

use super::ContactError;
use crate::{Caller, Core};

/// One accepted contact.
pub struct ContactView {
    /// Who.
    pub uid: Uid,
    /// As they entered it.
    pub nickname: String,
    /// PEM.
    pub e2e_key: String,
    /// The conversation.
    pub log: LogId,
}

/// One page of contacts.
pub struct ContactPage {
    /// This page.
    pub contacts: Vec<ContactView>,
    /// Contacts in all.
    pub total: u64,
}

/// The caller's accepted contacts.
pub async fn list(
    core: &Core,
    caller: Caller,
    page: u32,
    per_page: u32,
) -> Result<ContactPage, ContactError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (relations, total) = contacts::accepted_page(db, caller.uid, page, per_page).await?;
    let peers: Vec<Uid> = relations.iter().map(|c| c.peer).collect();
    let cards = accounts::cards(db, keys, &peers).await?;
    let mut cards: HashMap<Uid, _> = cards.into_iter().map(|card| (card.uid, card)).collect();
    let mut contacts = Vec::with_capacity(relations.len());
    for relation in relations {
        let card = cards
            .remove(&relation.peer)
            .ok_or(StorageError::Corrupt("contact without a user"))?;
        let log = relation
            .log
            .ok_or(StorageError::Corrupt("contact without a log"))?;
        contacts.push(ContactView {
            uid: card.uid,
            nickname: card.nickname,
            e2e_key: card.e2e_key,
            log,
        });
    }
    Ok(ContactPage { contacts, total })
}
