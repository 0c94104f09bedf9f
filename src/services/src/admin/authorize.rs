//! Whether somebody may administer.

use melo_domain::{
    AccountState, AdminAction, Area, Level, Role, Scope, Timestamp, Uid, may_administer,
};
use melo_storage::{ConnectionTrait, StorageError, accounts, second_factors, sessions};

use super::AdminError;
use crate::{Caller, Core, Grant};

/// Somebody who may, for this one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub uid: Uid,
    /// Their rank at this moment.
    pub role: Role,
}

/// Whether the caller may do `action` now, to `target` if it is done to somebody. Nothing of it is remembered:
/// who was demoted a moment ago may not any more.
pub async fn authorize(
    core: &Core,
    caller: Caller,
    action: AdminAction,
    target: Option<Uid>,
) -> Result<Actor, AdminError> {
    authorize_on(core, core.store.db.read(), caller, action, target).await
}

/// The same within the transaction of the change itself.
pub(crate) async fn authorize_on(
    core: &Core,
    conn: &impl ConnectionTrait,
    caller: Caller,
    action: AdminAction,
    target: Option<Uid>,
) -> Result<Actor, AdminError> {
    let own = accounts::standing(conn, caller.uid).await?;
    // First of all: whoever has no business here learns nothing else.
    let Some(own) = own
        .filter(|own| own.state == AccountState::Active && may_administer(own.role, action, None))
    else {
        return Err(AdminError::RoleRequired(action.least_role()));
    };
    let scope = Scope {
        area: Area::Admin,
        level: if action.only_looks() {
            Level::Read
        } else {
            Level::Write
        },
    };
    if !caller.grant.allows(scope) {
        return Err(AdminError::ScopeRequired(scope));
    }
    if core.policy.admin_second_factor && !second_factors::is_confirmed(conn, caller.uid).await? {
        return Err(AdminError::EnrolmentRequired);
    }
    if !recently_authenticated(core, conn, caller).await? {
        return Err(AdminError::ReauthenticationRequired);
    }
    if let Some(target) = target {
        let target = accounts::standing(conn, target).await?;
        let target = target.ok_or(AdminError::UserNotFound)?;
        if !may_administer(own.role, action, Some(target.role)) {
            return Err(AdminError::TargetRank);
        }
    }
    Ok(Actor {
        uid: caller.uid,
        role: own.role,
    })
}

/// Whether the person of this call was at the keyboard a short while ago. A personal access token with the
/// scope stands for itself: it was made with a fresh password for exactly this (docs/adr/0015).
async fn recently_authenticated(
    core: &Core,
    conn: &impl ConnectionTrait,
    caller: Caller,
) -> Result<bool, StorageError> {
    match caller.grant {
        Grant::Token(_) => Ok(true),
        Grant::Login => {
            let at = sessions::authenticated(conn, &core.store.keys, caller.session).await?;
            Ok(at.is_some_and(|at| is_recent(core, at)))
        }
    }
}

fn is_recent(core: &Core, at: Timestamp) -> bool {
    at.plus(core.policy.admin_reauthentication) > core.now()
}
