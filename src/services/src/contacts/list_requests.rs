//! Requests that wait: others' for one's own answer, and one's own. By the page, in a constant number of queries.

use melo_domain::{Relation, Timestamp, Uid};
use melo_storage::requests::{self, Asked};
use melo_storage::{accounts, privacy};

use super::ContactError;
use crate::{Caller, Core};

/// A request.
pub struct RequestView {
    /// Who asked, or was asked.
    pub uid: Uid,
    /// Whether the phone of who asked goes with it.
    pub secret: bool,
    /// When.
    pub at: Timestamp,
    /// Of who asked, as far as they let one have it.
    pub phone: Option<String>,
}

/// One page of each.
pub struct RequestPage {
    /// Others', waiting for the caller's answer.
    pub incoming: Vec<RequestView>,
    /// Of those in all.
    pub incoming_total: u64,
    /// The caller's own.
    pub outgoing: Vec<RequestView>,
    /// Of those in all.
    pub outgoing_total: u64,
}

/// The caller's open requests, in both directions.
pub async fn list_requests(
    core: &Core,
    caller: Caller,
    page: u32,
    per_page: u32,
) -> Result<RequestPage, ContactError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (asked, incoming_total) = requests::incoming(db, keys, caller.uid, page, per_page).await?;
    let (own, outgoing_total) = requests::outgoing(db, keys, caller.uid, page, per_page).await?;
    let open: Vec<Uid> = asked
        .iter()
        .filter(|request| !request.contact.secret)
        .map(|request| request.contact.uid)
        .collect();
    let switches = privacy::of(db, keys, &open).await?;
    let tells = |uid: &Uid| {
        let set = switches.iter().find(|(one, _)| one == uid);
        let audience = set.map(|(_, p)| *p).unwrap_or_default().phone;
        audience.includes(Relation::Stranger)
    };
    let open: Vec<Uid> = open.into_iter().filter(tells).collect();
    let phones = accounts::phones(db, keys, &open).await?;
    let view = |uid: Uid, request: &Asked| RequestView {
        uid,
        secret: request.contact.secret,
        at: request.at,
        phone: None,
    };
    let incoming = asked.iter().map(|request| RequestView {
        phone: phones.get(&request.contact.uid).cloned(),
        ..view(request.contact.uid, request)
    });
    Ok(RequestPage {
        incoming: incoming.collect(),
        incoming_total,
        outgoing: own.iter().map(|r| view(r.contact.peer, r)).collect(),
        outgoing_total,
    })
}
