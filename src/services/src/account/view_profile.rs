//! One's own profile, or a contact's.

use melo_domain::{Relation, Uid};
use melo_storage::accounts::{self, Account};

use super::AccountError;
use crate::limits::{self, Limit};
use crate::people::relation;
use crate::{Caller, Core};

/// A profile as the caller may see it.
pub struct Profile {
    /// The person; `phone` is not for others.
    pub account: Account,
    /// Whether it is the caller's own.
    pub own: bool,
}

/// The profile of `uid`, or the caller's own.
pub async fn view_profile(
    core: &Core,
    caller: Caller,
    uid: Option<Uid>,
) -> Result<Profile, AccountError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let uid = uid.unwrap_or(caller.uid);
    let account = accounts::find(db, keys, uid).await?;
    let own = uid == caller.uid;
    if !own {
        // Blocked or never a contact: one answer.
        if relation(core, caller.uid, uid).await? != Relation::Contact {
            // Before it is said whether there is such a person: looking at contacts is free, trying out user
            // ids is not.
            limits::take(core, Limit::Stranger, caller.uid).await?;
            let known = account.map(|_| AccountError::NotAContact);
            return Err(known.unwrap_or(AccountError::UserNotFound));
        }
    }
    let account = account.ok_or(AccountError::UserNotFound)?;
    Ok(Profile { account, own })
}
