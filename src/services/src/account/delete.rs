//! Leaves for good.

use super::{AccountError, erase};
use crate::access::{self, Credentials};
use crate::{Caller, Core, Origin};

/// Deletes the caller's own account, once password and second factor were shown.
pub async fn delete(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<(), AccountError> {
    access::show(core, caller, shown).await?;
    erase(core, origin, caller.uid, caller.uid, None).await
}
