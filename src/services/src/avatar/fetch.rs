//! Somebody's picture.

use melo_domain::Uid;
use melo_storage::avatars::{self, Avatar};

use super::AvatarError;
use crate::people::may_see;
use crate::{Caller, Core};

/// The picture of `uid`. Nobody of that id, no picture, and a picture that is not for the caller are one answer.
pub async fn fetch(core: &Core, caller: Caller, uid: Uid) -> Result<Avatar, AvatarError> {
    if !may_see(core, caller.uid, uid, |privacy| privacy.avatar).await? {
        return Err(AvatarError::None);
    }
    let found = avatars::find(core.store.db.read(), &core.store.keys, uid).await?;
    found.ok_or(AvatarError::None)
}
