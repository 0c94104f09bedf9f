//! Who is calling?

use std::net::IpAddr;

use melo_crypto::JwtError;
use melo_domain::{DeviceHandle, InvalidScope, SessionId, Timestamp, Uid};
use melo_ephemeral::Kind;
use melo_storage::StorageError;
use melo_storage::sessions::{self, Session};
use serde::{Deserialize, Serialize};

use crate::fault::faults;
use crate::{Caller, Core, Fault, Grant, bans, tokens};

/// Why a token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not one of ours: wrong form, algorithm, key, signature, issuer or audience.
    #[error("the access token is missing or not valid; log in again")]
    InvalidToken,
    /// It was good once.
    #[error("the access token has expired; log in again with the device token")]
    Expired,
    /// Its session was ended.
    #[error("this session was ended; log in again")]
    SessionRevoked,
    /// A personal access token of other scopes.
    #[error("this token is not good for that; it needs the scope {0}")]
    ScopeRequired(melo_domain::Scope),
    /// The token is good, and the address that it comes from is banned.
    #[error(
        "this server cannot be used from this address: it is barred here; ask the people who run it if that is a mistake"
    )]
    KeptOut,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AuthError: melo_storage::StorageError, melo_ephemeral::EphemeralError);

/// Checks an access token, of a login or a personal one, and its session.
pub async fn authenticate(core: &Core, token: &str) -> Result<Caller, AuthError> {
    let caller = if token.starts_with(tokens::PREFIX) {
        tokens::authenticate(core, token).await?
    } else {
        read_claims(core, token)?
    };
    check_session(core, caller).await?;
    core.activity.note(caller.session, core.now());
    Ok(caller)
}

/// The same for one call, which is refused from a banned address. What lasts asks [`bans::bars`] once it can be found
/// and closed.
pub async fn authenticate_call(
    core: &Core,
    token: &str,
    address: IpAddr,
) -> Result<Caller, AuthError> {
    let caller = authenticate(core, token).await?;
    if bans::bars(core, address).await? {
        return Err(AuthError::KeptOut);
    }
    Ok(caller)
}

fn read_claims(core: &Core, token: &str) -> Result<Caller, AuthError> {
    let claims = core
        .jwt
        .load()
        .verify(token, core.clock.now())
        .map_err(|error| match error {
            JwtError::Expired => AuthError::Expired,
            _ => AuthError::InvalidToken,
        })?;
    Ok(Caller {
        uid: claims.sub,
        device: claims.did,
        session: claims.sid,
        expires: Timestamp::from_millis(claims.exp.saturating_mul(1000)),
        grant: Grant::Login,
    })
}

async fn check_session(core: &Core, caller: Caller) -> Result<(), AuthError> {
    let session = known_session(core, caller.session).await?;
    let session = session.ok_or(AuthError::SessionRevoked)?;
    if session.active && session.uid == caller.uid && session.device == caller.device {
        Ok(())
    } else {
        Err(AuthError::SessionRevoked)
    }
}

/// A session as it was a few seconds ago at most; an end that was told of is known at once.
pub(crate) async fn known_session(
    core: &Core,
    id: SessionId,
) -> Result<Option<Session>, StorageError> {
    if let Some(session) = core.caches.sessions.get(&id) {
        return Ok(Some(session));
    }
    let Some(session) = sessions::find(core.store.db.read(), id).await? else {
        return Ok(None);
    };
    // Only if nobody was faster: an end that was told of in the meantime stands.
    let known = core.caches.sessions.entry(id);
    Ok(Some(known.or_insert(session).into_value()))
}

/// Looks at the session's row itself. A connection does so once it can be found and closed: an end that
/// came between its check and that moment must not be missed.
pub async fn still_signed_in(core: &Core, caller: Caller) -> Result<bool, AuthError> {
    let found = sessions::find(core.store.db.write(), caller.session).await?;
    Ok(found.is_some_and(|session| session.active))
}

/// What a ticket stands for: the caller that made it, as it is kept until the ticket is spent.
#[derive(Serialize, Deserialize)]
pub(super) struct TicketOwner {
    uid: Uid,
    device: DeviceHandle,
    session: SessionId,
    expires: Timestamp,
    /// Of a personal access token; none of a login.
    scopes: Option<String>,
}

impl From<Caller> for TicketOwner {
    fn from(caller: Caller) -> Self {
        Self {
            uid: caller.uid,
            device: caller.device,
            session: caller.session,
            expires: caller.expires,
            scopes: match caller.grant {
                Grant::Login => None,
                Grant::Token(scopes) => Some(scopes.to_string()),
            },
        }
    }
}

impl TicketOwner {
    fn caller(self) -> Result<Caller, InvalidScope> {
        let grant = match self.scopes {
            None => Grant::Login,
            Some(scopes) => Grant::Token(scopes.parse()?),
        };
        Ok(Caller {
            uid: self.uid,
            device: self.device,
            session: self.session,
            expires: self.expires,
            grant,
        })
    }
}

/// Spends a WebSocket ticket: of any number of uses at once exactly one succeeds. The caller is the one that
/// made it, with no more rights than it had.
pub async fn authenticate_ticket(core: &Core, ticket: &str) -> Result<Caller, AuthError> {
    if ticket.is_empty() || ticket.len() > 128 {
        return Err(AuthError::InvalidToken);
    }
    let stored = core
        .ephemeral
        .take(Kind::WsTicket, ticket.as_bytes())
        .await?;
    let owner = stored.and_then(|bytes| serde_json::from_slice::<TicketOwner>(&bytes).ok());
    let caller = owner.and_then(|owner| owner.caller().ok());
    let caller = caller.ok_or(AuthError::InvalidToken)?;
    if caller.expires <= core.clock.now() {
        return Err(AuthError::Expired);
    }
    check_session(core, caller).await?;
    Ok(caller)
}
