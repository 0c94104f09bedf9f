//! Whose token is this?

use melo_crypto::TokenHash;
use melo_storage::{access_tokens, sessions};

use super::PREFIX;
use crate::account::AuthError;
use crate::caches::KnownToken;
use crate::{Caller, Core, Grant};

/// The longest token that is looked at, in characters.
const LONGEST: usize = 128;

/// Finds the token. Whether its session was ended is for the caller to look up.
pub(crate) async fn authenticate(core: &Core, token: &str) -> Result<Caller, AuthError> {
    let secret = token.strip_prefix(PREFIX).ok_or(AuthError::InvalidToken)?;
    if secret.len() > LONGEST {
        return Err(AuthError::InvalidToken);
    }
    let hash = TokenHash::of(token);
    let known = match core.caches.tokens.get(hash.as_bytes()) {
        Some(known) => known,
        None => find(core, &hash).await?,
    };
    if known.expires <= core.now() {
        return Err(AuthError::Expired);
    }
    Ok(Caller {
        uid: known.uid,
        device: known.device,
        session: known.session,
        expires: known.expires,
        grant: Grant::Token(known.scopes),
    })
}

async fn find(core: &Core, hash: &TokenHash) -> Result<KnownToken, AuthError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let token = access_tokens::find(db, keys, hash)
        .await?
        .ok_or(AuthError::InvalidToken)?;
    let session = sessions::find(db, token.session)
        .await?
        .ok_or(AuthError::InvalidToken)?;
    let known = KnownToken {
        uid: token.uid,
        device: session.device,
        session: token.session,
        scopes: token.scopes,
        expires: token.expires,
    };
    core.caches.tokens.insert(*hash.as_bytes(), known);
    Ok(known)
}
