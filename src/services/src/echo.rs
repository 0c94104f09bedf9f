//! The echo contact: an account of the server's own that answers every call and sends the sound back, so that people
//! can try whether calls work. It is a client like any other; here is only what makes it one.

use melo_domain::{DisplayName, Phone, Role, Secret, Uid};
use melo_storage::accounts;

use crate::admin::{self, AdminError, NewPerson};
use crate::{Core, Fault, Origin};

/// What contacts see.
const NAME: &str = "Echo";

/// Why there is no echo.
#[derive(Debug, thiserror::Error)]
pub enum EchoError {
    /// The account.
    #[error(transparent)]
    Account(#[from] AdminError),
    /// Storage.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its name is none, or its account went while it was made.
    #[error("the echo's account could not be made")]
    Identity,
}

/// Finds the account by its number, or makes it: it is the same one on every node and after every restart.
pub async fn ensure(core: &Core, password: Secret) -> Result<Uid, EchoError> {
    let phone = Phone::of_echo();
    if let Some(uid) = find(core, &phone).await? {
        return Ok(uid);
    }
    let new = NewPerson {
        phone: phone.clone(),
        name: NAME
            .parse::<DisplayName>()
            .map_err(|_| EchoError::Identity)?,
        role: Role::User,
        password,
    };
    match admin::create_person(core, &Origin::server("echo"), new).await {
        // Another node was faster.
        Err(AdminError::PhoneTaken) => find(core, &phone).await?.ok_or(EchoError::Identity),
        made => Ok(made?),
    }
}

async fn find(core: &Core, phone: &Phone) -> Result<Option<Uid>, Fault> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let account = accounts::find_by_phone(db, keys, phone).await?;
    Ok(account.map(|account| account.uid))
}
