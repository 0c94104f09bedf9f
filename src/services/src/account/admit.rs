//! Whether somebody may register, by the way this server has chosen.

use melo_crypto::TokenHash;
use melo_domain::{CodePurpose, RegistrationMode};
use melo_storage::{DatabaseTransaction, StorageError, codes, invites};

use super::Registration;
use crate::Core;
use crate::credentials::{CredentialError, check_code};

/// What lets somebody in; it is used up in the transaction of the new account.
pub(super) enum Admission {
    Open,
    Code(i64),
    Invite(i64),
}

/// Checks the code or the invite.
pub(super) async fn admit(core: &Core, new: &Registration) -> Result<Admission, CredentialError> {
    match core.policy.registration {
        RegistrationMode::Open => Ok(Admission::Open),
        RegistrationMode::Closed => Err(CredentialError::RegistrationClosed),
        RegistrationMode::Verified => {
            let code = new.code.as_ref();
            let code = code.ok_or(CredentialError::VerificationRequired)?;
            let id = check_code(core, CodePurpose::Register, new.phone.as_str(), code).await?;
            Ok(Admission::Code(id))
        }
        RegistrationMode::Invite => {
            let invite = new.invite.as_ref().ok_or(CredentialError::InviteRequired)?;
            let hash = TokenHash::of(invite.expose().trim());
            let found = invites::find(core.store.db.write(), &core.store.keys, &hash).await?;
            let good = found.filter(|i| i.uses_left > 0 && i.expires > core.now());
            good.map(|invite| Admission::Invite(invite.id))
                .ok_or(CredentialError::InviteInvalid)
        }
    }
}

impl Admission {
    /// Uses it up: as many callers succeed as it is good for.
    pub(super) async fn take(
        &self,
        tx: &DatabaseTransaction,
    ) -> Result<Result<(), CredentialError>, StorageError> {
        Ok(match self {
            Self::Open => Ok(()),
            Self::Code(id) if codes::spend(tx, *id).await? => Ok(()),
            Self::Invite(id) if invites::take_use(tx, *id).await? => Ok(()),
            Self::Code(_) => Err(CredentialError::CodeInvalid),
            Self::Invite(_) => Err(CredentialError::InviteInvalid),
        })
    }
}
