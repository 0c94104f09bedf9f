//! A code to the phone of somebody who wants to register.

use melo_crypto::random;
use melo_domain::{CodePurpose, Language, Phone, RegistrationMode};
use melo_storage::{StorageError, codes};

use super::{CODE_LIFE, CredentialError};
use crate::limits::{self, Limit};
use crate::outgoing;
use crate::{Core, Origin};

/// Calls for one phone at once may take each other's transaction back: as many as one phone may be sent in an hour.
const ATTEMPTS: usize = 5;

/// Sends a code, whether or not the phone has an account: only who holds it learns that.
pub async fn request_code(
    core: &Core,
    origin: &Origin,
    phone: &Phone,
    language: Language,
) -> Result<(), CredentialError> {
    if core.policy.registration == RegistrationMode::Closed {
        return Err(CredentialError::RegistrationClosed);
    }
    if !core.policy.channels.sms {
        return Err(CredentialError::NotConfigured("text messages"));
    }
    limits::open_call(core, origin.address).await?;
    limits::take(core, Limit::CodesFrom, origin.address).await?;
    limits::take(core, Limit::Code, phone.as_str()).await?;
    let mut attempt = 1;
    loop {
        match send(core, phone, language).await {
            // Another call for this phone was faster; its code is on the way.
            Err(error) if error.is_unique_violation() => return Ok(()),
            // Two that replace the same code ended in a deadlock; the other one has gone on.
            Err(error) if error.is_rolled_back() && attempt < ATTEMPTS => attempt += 1,
            other => return Ok(other?),
        }
    }
}

async fn send(core: &Core, phone: &Phone, language: Language) -> Result<(), StorageError> {
    let code = random::digits::<6>();
    let expires = core.now().plus(CODE_LIFE);
    let tx = core.store.db.begin().await?;
    let (keys, purpose) = (&core.store.keys, CodePurpose::Register);
    codes::put(&tx, keys, purpose, phone.as_str(), &code, expires).await?;
    let text = outgoing::register_code(language, &code);
    outgoing::sms(core, &tx, phone, text, expires).await?;
    tx.commit().await?;
    core.wake_worker();
    Ok(())
}
