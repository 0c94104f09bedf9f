//! How the caller's second factor stands.

use melo_storage::second_factors;

use crate::access::AccessError;
use crate::{Caller, Core};

/// How a second factor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorView {
    /// Whether logins ask for it.
    pub enabled: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: u64,
}

/// The caller's own.
pub async fn view(core: &Core, caller: Caller) -> Result<FactorView, AccessError> {
    let db = core.store.db.read();
    Ok(FactorView {
        enabled: second_factors::is_confirmed(db, caller.uid).await?,
        recovery_codes_left: second_factors::recovery_codes_left(db, caller.uid).await?,
    })
}
