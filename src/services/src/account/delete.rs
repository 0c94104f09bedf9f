//! Leaves for good.

use melo_domain::Uid;

use super::{AccountError, Leaving};
use crate::access::{self, Credentials};
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Deletes the caller's own account, once password and second factor were shown.
pub async fn delete(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<(), AccountError> {
    access::show(core, caller, shown).await?;
    erase(core, origin, caller.uid).await
}

/// Deletes an account that nobody else has a say in.
pub async fn erase(core: &Core, origin: &Origin, uid: Uid) -> Result<(), AccountError> {
    in_turn(|| async {
        let leaving = Leaving::begin(core, uid).await?;
        leaving.erase(origin, uid, None).await
    })
    .await
}
