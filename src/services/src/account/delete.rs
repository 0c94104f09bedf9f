//! Leaves for good.

use super::{AccountError, Leaving};
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
    let leaving = Leaving::begin(core, caller.uid).await?;
    leaving.erase(origin, caller.uid, None).await
}
