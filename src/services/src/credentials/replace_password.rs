//! The change itself: the new password, and the end of what was proven with the old one.

use melo_domain::{CodePurpose, MailTokenPurpose, Uid};
use melo_storage::devices::Tokens;
use melo_storage::sessions::Which;
use melo_storage::{ConnectionTrait, StorageError, accounts, codes, devices, mail_tokens};

use crate::sessions::{self, Ended};
use crate::{Caller, Core};

/// Stores the hash, ends sessions and device tokens, and forgets resets that are under way. The session and
/// device of `but` go on; without it personal access tokens end as well. Tell of the end after the commit.
pub(crate) async fn replace_password(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    hash: &str,
    but: Option<Caller>,
) -> Result<Ended, StorageError> {
    accounts::set_password(tx, uid, hash).await?;
    let tokens = but.map_or(Tokens::All, |caller| Tokens::AllBut(caller.device));
    devices::drop_tokens(tx, uid, tokens).await?;
    codes::forget(tx, &core.store.keys, CodePurpose::Reset, &uid.to_string()).await?;
    mail_tokens::forget(tx, uid, MailTokenPurpose::Reset).await?;
    let which = but.map_or(Which::All, |caller| Which::LoginsBut(caller.session));
    sessions::end(tx, uid, which).await
}
