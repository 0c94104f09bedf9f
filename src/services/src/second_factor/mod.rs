//! The second factor: an authenticator app (RFC 6238), and recovery codes for when it is lost.

mod check;
mod confirm;
mod disable;
mod enrol;
mod renew_codes;
mod view;

pub(crate) use check::{Passed, Shown, check};
pub use confirm::confirm;
pub use disable::disable;
pub use enrol::{Enrolment, enrol};
pub use renew_codes::renew_codes;
pub use view::{FactorView, view};

use melo_crypto::{RecoveryCode, SecondFactor};
use melo_domain::{Secret, Uid};
use melo_storage::second_factors;
use melo_storage::{ConnectionTrait, StorageError};

/// What authenticator apps show above the code.
const ISSUER: &str = "Melo";
/// Recovery codes of one person.
const RECOVERY_CODES: usize = 10;

fn generator(secret: &[u8], uid: Uid) -> Result<SecondFactor, StorageError> {
    SecondFactor::new(secret, &uid.to_string(), ISSUER)
        .map_err(|_| StorageError::Corrupt("second factor"))
}

/// Ten new recovery codes in place of whatever there was.
async fn replace_codes(tx: &impl ConnectionTrait, uid: Uid) -> Result<Vec<Secret>, StorageError> {
    let (codes, hashes): (Vec<_>, Vec<_>) = (0..RECOVERY_CODES)
        .map(|_| RecoveryCode::generate())
        .unzip();
    second_factors::set_recovery_codes(tx, uid, &hashes).await?;
    Ok(codes)
}
