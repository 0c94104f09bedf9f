//! What can be found in the audit log.

use std::fmt;

use melo_domain::{DeviceHandle, LogId, SessionId, Uid};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What was done, by a name that never changes meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in the log, `area.verb`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

actions! {
    /// A new account.
    AccountRegister = "account.register",
    /// A profile was changed; the details name the fields.
    AccountUpdate = "account.update",
    /// An account was deleted, by its owner or an admin.
    AccountDelete = "account.delete",
    /// Somebody took their data with them.
    AccountExport = "account.export",
    /// A password was changed by who knew it.
    PasswordChange = "password.change",
    /// A reset was asked for.
    PasswordResetRequest = "password.reset_request",
    /// A password was replaced with a code or a mailed token.
    PasswordReset = "password.reset",
    /// A login began a session.
    SessionBegin = "session.begin",
    /// A login was refused.
    LoginRefused = "login.refused",
    /// A session was ended by its owner or an admin.
    SessionEnd = "session.end",
    /// Sessions were ended together; the details say how many.
    SessionEndAll = "session.end_all",
    /// The password was shown again.
    SessionReauthenticate = "session.reauthenticate",
    /// A device got a token.
    DeviceRegister = "device.register",
    /// A device was signed out for good.
    DeviceRevoke = "device.revoke",
    /// A device token that had been replaced was shown again: somebody has a copy.
    DeviceTokenReused = "device.token_reused",
    /// A device put its keys into the directory; the details say whether the identity is another one now.
    KeysPublish = "keys.publish",
    /// A device's keys were taken out of the directory.
    KeysRemove = "keys.remove",
    /// The account's own encrypted key backup was stored.
    KeyBackupStore = "keys.backup",
    /// The RSA key that existing clients encrypt to was replaced.
    PublicKeySet = "keys.public_key",
    /// A second factor is being set up.
    SecondFactorEnrol = "second_factor.enrol",
    /// A second factor counts from now on.
    SecondFactorConfirm = "second_factor.confirm",
    /// A second factor was taken away.
    SecondFactorDisable = "second_factor.disable",
    /// New recovery codes replaced the old ones.
    RecoveryCodesRenew = "second_factor.recovery_codes",
    /// A recovery code was used.
    RecoveryCodeUse = "second_factor.recovery_use",
    /// A personal access token was made.
    TokenCreate = "token.create",
    /// A personal access token was revoked.
    TokenRevoke = "token.revoke",
    /// Privacy switches were changed.
    PrivacyUpdate = "privacy.update",
    /// Somebody was blocked.
    BlockAdd = "block.add",
    /// Somebody was unblocked.
    BlockRemove = "block.remove",
    /// An avatar was set or taken away.
    AvatarUpdate = "avatar.update",
    /// An admin looked at an account.
    AdminView = "admin.view",
    /// An admin searched for people.
    AdminSearch = "admin.search",
    /// An account was locked.
    AdminLock = "admin.lock",
    /// An account was unlocked.
    AdminUnlock = "admin.unlock",
    /// An account, address or device was banned.
    AdminBan = "admin.ban",
    /// A ban was lifted.
    AdminUnban = "admin.unban",
    /// A person must choose a new password.
    AdminForceReset = "admin.force_reset",
    /// A person's second factor was taken away by an admin.
    AdminResetSecondFactor = "admin.reset_second_factor",
    /// A person got another role.
    AdminChangeRole = "admin.change_role",
    /// An invite to register was made.
    InviteCreate = "invite.create",
    /// An invite to register was revoked.
    InviteRevoke = "invite.revoke",
    /// A group or channel was made.
    ChatCreate = "chat.create",
    /// A group or channel was deleted.
    ChatDelete = "chat.delete",
    /// A group or channel became public or private.
    ChatPublic = "chat.public",
    /// A group or channel was handed to another owner.
    ChatTransfer = "chat.transfer",
    /// A member of a group or channel got another role.
    ChatRole = "chat.role",
    /// A member was taken out of a group or channel.
    ChatRemove = "chat.remove",
    /// Somebody was banned from a group or channel.
    ChatBan = "chat.ban",
    /// A ban from a group or channel was lifted.
    ChatUnban = "chat.unban",
    /// An invite to a group or channel was made.
    ChatInviteCreate = "chat.invite_create",
    /// An invite to a group or channel was revoked.
    ChatInviteRevoke = "chat.invite_revoke",
    /// The audit log was read.
    AuditRead = "audit.read",
}

/// Not the name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an action of the audit log, like session.begin")]
pub struct UnknownAction;

impl std::str::FromStr for Action {
    type Err = UnknownAction;
    fn from_str(s: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == s);
        found.copied().ok_or(UnknownAction)
    }
}

/// What it was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A person.
    User(Uid),
    /// A session.
    Session(SessionId),
    /// A device.
    Device(DeviceHandle),
    /// A personal access token, by the session it stands for.
    Token(SessionId),
    /// An invite to register.
    Invite(i64),
    /// A ban.
    Ban(i64),
    /// A group or channel.
    Chat(LogId),
    /// Nothing in particular.
    Server,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "user:{uid}"),
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Device(handle) => write!(f, "device:{handle}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Invite(id) => write!(f, "invite:{id:016x}"),
            Self::Ban(id) => write!(f, "ban:{id:016x}"),
            Self::Chat(log) => write!(f, "chat:{log}"),
            Self::Server => f.write_str("server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_fit_their_column() {
        let names: HashSet<_> = Action::ALL.iter().map(|a| a.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        assert!(names.iter().all(|n| n.len() <= 64 && n.contains('.')));
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
    }
}
