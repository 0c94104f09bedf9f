//! What a person may do beyond their own account, and what others have done to that account.

use std::fmt;
use std::str::FromStr;

use crate::coded::coded;

coded!(
    /// A person's rank on this server. Each rank may do what the ones below it may.
    #[derive(PartialOrd, Ord)]
    Role, "role" {
        /// Uses the server.
        User = 1,
        /// Looks after people: sees accounts, ends sessions, locks.
        Moderator = 2,
        /// Runs the server: bans, deletes, forces resets, reads the audit log, makes invites.
        Admin = 3,
        /// Chooses the others.
        Owner = 4,
    }
);

coded!(
    /// Whether an account may be used.
    AccountState, "account state" {
        /// It may.
        Active = 1,
        /// Nobody can sign in until it is unlocked.
        Locked = 2,
        /// Nobody can sign in, for good.
        Banned = 3,
    }
);

coded!(
    /// What a session belongs to.
    SessionKind, "session kind" {
        /// A login on a device.
        Login = 1,
        /// A personal access token.
        Token = 2,
    }
);

/// Not the name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of user, moderator, admin, owner")]
pub struct UnknownRole;

impl Role {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(s: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.iter().find(|role| role.as_str() == s);
        found.copied().ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AccountState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Banned => "banned",
        }
    }
}

/// Not the name of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of active, locked, banned")]
pub struct UnknownState;

impl FromStr for AccountState {
    type Err = UnknownState;
    fn from_str(s: &str) -> Result<Self, UnknownState> {
        let found = Self::ALL.iter().find(|state| state.as_str() == s);
        found.copied().ok_or(UnknownState)
    }
}

/// What the admin API can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAction {
    /// Search people, see an account with its sessions, devices and tokens.
    ViewPeople,
    /// End sessions, revoke devices and tokens.
    EndSessions,
    /// Lock and unlock an account.
    Lock,
    /// Ban and unban an account, an address or a device.
    Ban,
    /// Make a person choose a new password.
    ForceReset,
    /// Delete an account.
    DeleteAccount,
    /// Take a person's second factor away.
    ResetSecondFactor,
    /// Give a person another role.
    ChangeRole,
    /// Make, list and revoke invites to register.
    ManageInvites,
    /// See how the server does.
    ViewFigures,
    /// Read the audit log.
    ReadAudit,
}

impl AdminAction {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::ViewPeople,
        Self::EndSessions,
        Self::Lock,
        Self::Ban,
        Self::ForceReset,
        Self::DeleteAccount,
        Self::ResetSecondFactor,
        Self::ChangeRole,
        Self::ManageInvites,
        Self::ViewFigures,
        Self::ReadAudit,
    ];

    /// The lowest role that may.
    pub fn least_role(self) -> Role {
        match self {
            Self::ViewPeople | Self::EndSessions | Self::Lock | Self::ViewFigures => {
                Role::Moderator
            }
            Self::Ban
            | Self::ForceReset
            | Self::DeleteAccount
            | Self::ResetSecondFactor
            | Self::ManageInvites
            | Self::ReadAudit => Role::Admin,
            Self::ChangeRole => Role::Owner,
        }
    }

    /// Whether it only looks. What changes something may be done only to people of a lower rank.
    pub fn only_looks(self) -> bool {
        matches!(self, Self::ViewPeople | Self::ViewFigures | Self::ReadAudit)
    }
}

/// Whether `actor` may do `action`, to somebody of rank `target` if it is done to somebody. Owners may act on
/// everybody but owners; nobody acts on their equals or superiors.
pub fn may_administer(actor: Role, action: AdminAction, target: Option<Role>) -> bool {
    actor >= action.least_role()
        && target.is_none_or(|target| action.only_looks() || target < actor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `action → (user, moderator, admin, owner)`: the highest rank of a target each may act on, `.` for none.
    const TABLE: &[(AdminAction, [&str; 4])] = &[
        (AdminAction::ViewPeople, [".", "owner", "owner", "owner"]),
        (
            AdminAction::EndSessions,
            [".", "user", "moderator", "admin"],
        ),
        (AdminAction::Lock, [".", "user", "moderator", "admin"]),
        (AdminAction::Ban, [".", ".", "moderator", "admin"]),
        (AdminAction::ForceReset, [".", ".", "moderator", "admin"]),
        (AdminAction::DeleteAccount, [".", ".", "moderator", "admin"]),
        (
            AdminAction::ResetSecondFactor,
            [".", ".", "moderator", "admin"],
        ),
        (AdminAction::ChangeRole, [".", ".", ".", "admin"]),
        (AdminAction::ManageInvites, [".", ".", "moderator", "admin"]),
        (AdminAction::ViewFigures, [".", "owner", "owner", "owner"]),
        (AdminAction::ReadAudit, [".", ".", "owner", "owner"]),
    ];

    #[test]
    fn every_role_action_and_target_is_as_the_table_says() {
        assert_eq!(TABLE.len(), AdminAction::ALL.len());
        for (action, highest) in TABLE {
            for (actor, highest) in Role::ALL.iter().zip(highest) {
                let highest = highest.parse::<Role>().ok();
                for target in Role::ALL {
                    assert_eq!(
                        may_administer(*actor, *action, Some(*target)),
                        highest.is_some_and(|highest| *target <= highest),
                        "{actor} {action:?} {target}"
                    );
                }
                assert_eq!(may_administer(*actor, *action, None), highest.is_some());
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
        for state in AccountState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert_eq!("open".parse::<AccountState>(), Err(UnknownState));
    }
}
