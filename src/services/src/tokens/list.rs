//! One's own tokens.

use std::collections::HashMap;

use melo_domain::{Timestamp, Uid};
use melo_storage::access_tokens::{self, AccessToken};
use melo_storage::sessions::{self, SessionView};

use super::MAX_TOKENS;
use crate::access::AccessError;
use crate::{Caller, Core};

/// A token as its owner sees it; the token itself is shown once, when it is made.
pub struct TokenView {
    /// The token.
    pub token: AccessToken,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, to the minute; the moment it was made, if never.
    pub last_used: Timestamp,
}

/// The caller's tokens, newest first; ended ones are gone.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<TokenView>, AccessError> {
    of_person(core, caller.uid).await
}

/// The tokens of a person.
pub(crate) async fn of_person(core: &Core, uid: Uid) -> Result<Vec<TokenView>, AccessError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let limit = u64::try_from(MAX_TOKENS).unwrap_or(u64::MAX);
    let live = sessions::live_tokens(db, keys, uid, limit).await?;
    let mut live: HashMap<_, SessionView> = live.into_iter().map(|view| (view.id, view)).collect();
    let tokens = access_tokens::of_person(db, keys, uid).await?;
    let mut views: Vec<TokenView> = tokens
        .into_iter()
        .filter_map(|token| {
            let session = live.remove(&token.session)?;
            Some(TokenView {
                created: session.created,
                last_used: core.activity.newest(token.session, session.last_activity),
                token,
            })
        })
        .collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.created));
    Ok(views)
}
