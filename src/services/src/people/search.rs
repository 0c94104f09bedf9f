//! Finds a person by their whole username.

use melo_domain::{AccountState, Relation, Uid, Username};
use melo_storage::accounts;

use super::{PeopleError, privacy_of, relation};
use crate::limits::{self, Limit};
use crate::{Caller, Core};

/// Somebody found.
pub struct Found {
    /// Who.
    pub uid: Uid,
    /// As they entered it.
    pub username: String,
    /// For contacts only.
    pub nickname: Option<String>,
}

/// The person with this username in whatever case, if they let the caller find them.
pub async fn search(
    core: &Core,
    caller: Caller,
    username: &Username,
) -> Result<Option<Found>, PeopleError> {
    limits::take(core, Limit::Search, caller.uid).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = accounts::find_by_username(db, keys, username).await?;
    let Some(account) = found.filter(|account| account.state == AccountState::Active) else {
        return Ok(None);
    };
    let relation = relation(core, caller.uid, account.uid).await?;
    let audience = privacy_of(core, account.uid).await?.username_search;
    let known = matches!(relation, Relation::Oneself | Relation::Contact);
    Ok(account
        .username
        .filter(|_| audience.includes(relation))
        .map(|username| Found {
            uid: account.uid,
            username,
            nickname: known.then_some(account.nickname),
        }))
}
