//! Is this the person's second factor?

use melo_crypto::RecoveryCode;
use melo_domain::{Secret, Uid};
use melo_storage::{StorageError, second_factors};

use super::generator;
use crate::Core;

/// How somebody got past the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// There is none.
    NotEnabled,
    /// With the authenticator's code.
    Authenticator,
    /// With a recovery code, which is spent now.
    RecoveryCode,
}

/// What came of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Let in.
    Passed(Passed),
    /// A code is needed.
    Missing,
    /// Not the code, or used before.
    Wrong,
}

/// Checks and spends a code. Of any number of uses at once exactly one passes.
pub(crate) async fn check(
    core: &Core,
    uid: Uid,
    code: Option<&Secret>,
) -> Result<Shown, StorageError> {
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    let factor = second_factors::find(core.store.db.read(), keys, uid).await?;
    let Some(factor) = factor.filter(|factor| factor.confirmed) else {
        return Ok(Shown::Passed(Passed::NotEnabled));
    };
    let Some(code) = code else {
        return Ok(Shown::Missing);
    };
    let code = code.expose().trim();
    if let Some(step) = generator(&factor.secret, uid)?.step_of(code, core.now()) {
        return Ok(if second_factors::spend_step(db, uid, step).await? {
            Shown::Passed(Passed::Authenticator)
        } else {
            Shown::Wrong
        });
    }
    let hash = RecoveryCode::hash(code);
    Ok(
        if second_factors::spend_recovery_code(db, uid, &hash).await? {
            Shown::Passed(Passed::RecoveryCode)
        } else {
            Shown::Wrong
        },
    )
}
