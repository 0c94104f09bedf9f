//! Begins a second factor: the secret goes to the authenticator app and counts once a code of it was shown.

use melo_crypto::SecondFactor;
use melo_domain::Secret;
use melo_storage::{StorageError, second_factors};

use super::generator;
use crate::access::{self, AccessError, Credentials};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Fault, Origin};

/// What the authenticator app needs.
pub struct Enrolment {
    /// Base32, to be typed in.
    pub secret: Secret,
    /// `otpauth://…`, to be shown as a QR code.
    pub uri: Secret,
}

/// Makes a new secret. A second one before the first was confirmed replaces it.
pub async fn enrol(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<Enrolment, AccessError> {
    access::show(core, caller, shown).await?;
    let secret = SecondFactor::generate_secret();
    let factor = generator(&secret, caller.uid)?;
    let tx = core.store.db.begin().await?;
    match second_factors::begin(&tx, &core.store.keys, caller.uid, &secret).await {
        Err(error) if error.is_unique_violation() => return Err(AccessError::AlreadyEnabled),
        other => other?,
    }
    let (action, object) = (Action::SecondFactorEnrol, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    let malformed = |_| Fault::from(StorageError::Corrupt("second factor"));
    Ok(Enrolment {
        secret: factor.base32(),
        uri: factor.provisioning_uri().map_err(malformed)?,
    })
}
