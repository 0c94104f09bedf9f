//! Locks and bans, and lifts them.

use melo_domain::{AccountState, AdminAction, Uid};
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::accounts::{self, Standing};
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, sessions};

/// What to do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// Nobody signs in until it is unlocked. Device tokens stay, for that day.
    Lock,
    /// Ends a lock.
    Unlock,
    /// Nobody signs in, and device tokens die.
    Ban,
    /// Ends a ban.
    Unban,
}

impl StateChange {
    fn permission(self) -> AdminAction {
        match self {
            Self::Lock | Self::Unlock => AdminAction::Lock,
            Self::Ban | Self::Unban => AdminAction::Ban,
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Lock => Action::AdminLock,
            Self::Unlock => Action::AdminUnlock,
            Self::Ban => Action::AdminBan,
            Self::Unban => Action::AdminUnban,
        }
    }

    /// The state after it. A lock or unlock leaves bans alone: who may lock may not ban.
    fn of(self, state: AccountState) -> Result<AccountState, AdminError> {
        match (self, state) {
            (Self::Lock | Self::Unlock, AccountState::Banned) => Err(AdminError::TargetBanned),
            (Self::Unban, AccountState::Locked) => Err(AdminError::NotBanned),
            (Self::Lock, _) => Ok(AccountState::Locked),
            (Self::Ban, _) => Ok(AccountState::Banned),
            (Self::Unlock | Self::Unban, _) => Ok(AccountState::Active),
        }
    }
}

/// Changes the state of an account. A lock or ban ends its sessions and personal access tokens: live connections
/// are closed at once, with a code that says so. Doing it a second time changes nothing.
pub async fn change_state(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    change: StateChange,
    reason: &str,
) -> Result<AccountState, AdminError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, change.permission(), Some(uid)).await?;
    let before = accounts::hold_standing(&tx, uid).await?;
    let before = before.ok_or(AdminError::UserNotFound)?.state;
    let state = change.of(before)?;
    let standing = Standing {
        state: Some(state),
        ..Standing::default()
    };
    accounts::set_standing(&tx, uid, standing).await?;
    let ended = match state {
        AccountState::Active => None,
        AccountState::Locked | AccountState::Banned => {
            Some(sessions::end(&tx, uid, Which::All).await?)
        }
    };
    if state == AccountState::Banned {
        devices::drop_tokens(&tx, uid, Tokens::All).await?;
    }
    let details = json!({"reason": reason, "from": before.as_str(), "to": state.as_str()});
    let (action, object) = (change.action(), Object::User(uid));
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    if let Some(ended) = ended {
        sessions::tell(core, ended, CloseCode::AccountLocked);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_lock_cannot_touch_a_ban() {
        use AccountState::{Active, Banned, Locked};
        use StateChange::{Ban, Lock, Unban, Unlock};
        for (change, before, after) in [
            (Lock, Active, Some(Locked)),
            (Lock, Locked, Some(Locked)),
            (Lock, Banned, None),
            (Unlock, Active, Some(Active)),
            (Unlock, Locked, Some(Active)),
            (Unlock, Banned, None),
            (Ban, Active, Some(Banned)),
            (Ban, Locked, Some(Banned)),
            (Ban, Banned, Some(Banned)),
            (Unban, Active, Some(Active)),
            (Unban, Locked, None),
            (Unban, Banned, Some(Active)),
        ] {
            assert_eq!(change.of(before).ok(), after, "{change:?} {before:?}");
        }
    }
}
