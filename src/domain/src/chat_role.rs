//! Who may do what in a group or channel: pure rules, the same for REST and WebSocket, this node and another.

use std::fmt;
use std::str::FromStr;

use crate::LogKind;
use crate::coded::coded;

coded!(
    /// A member's rank in one chat.
    #[derive(PartialOrd, Ord)]
    ChatRole, "chat role" {
        /// Reads, and writes where members write.
        Member = 1,
        /// Runs the chat: members, invites, title, other people's messages.
        Admin = 2,
        /// Owns it; there is exactly one.
        Owner = 3,
    }
);

/// Not the name of a role in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of owner, admin, member")]
pub struct UnknownChatRole;

impl ChatRole {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl FromStr for ChatRole {
    type Err = UnknownChatRole;
    fn from_str(s: &str) -> Result<Self, UnknownChatRole> {
        let found = Self::ALL.iter().find(|role| role.as_str() == s);
        found.copied().ok_or(UnknownChatRole)
    }
}

impl fmt::Display for ChatRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can be done in a chat. What is done to a member is judged by the member's role as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatAction {
    /// Read messages, members, the key directory of the members.
    Read,
    /// Write messages, wrap keys, show that one is writing.
    Write,
    /// React to a message.
    React,
    /// Change or delete one's own message.
    ChangeOwnMessage,
    /// Delete somebody's message: by the author's role.
    DeleteOthersMessage,
    /// Pin and unpin.
    Pin,
    /// Write without waiting for slow mode.
    SkipSlowMode,
    /// Title, description, picture.
    ChangeInfo,
    /// Slow mode, disappearing messages, retention, earlier keys for new members, joining by request.
    ChangeRules,
    /// Public or private.
    SetPublic,
    /// Add people.
    AddMember,
    /// Take somebody out, with or without keeping them out: by that member's role.
    RemoveMember,
    /// Make and revoke invites, answer requests, lift bans.
    ManageInvites,
    /// Make a member an admin or an admin a member: by that member's role.
    ChangeRole,
    /// Hand the chat to a member.
    TransferOwnership,
    /// Leave.
    Leave,
    /// Delete the chat for everybody.
    DeleteChat,
}

impl ChatAction {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Write,
        Self::React,
        Self::ChangeOwnMessage,
        Self::DeleteOthersMessage,
        Self::Pin,
        Self::SkipSlowMode,
        Self::ChangeInfo,
        Self::ChangeRules,
        Self::SetPublic,
        Self::AddMember,
        Self::RemoveMember,
        Self::ManageInvites,
        Self::ChangeRole,
        Self::TransferOwnership,
        Self::Leave,
        Self::DeleteChat,
    ];

    /// The lowest role that may, in a chat of this kind.
    fn least_role(self, kind: LogKind) -> ChatRole {
        match self {
            Self::Write | Self::ChangeOwnMessage if kind == LogKind::Channel => ChatRole::Admin,
            Self::Read | Self::React | Self::Leave | Self::Write | Self::ChangeOwnMessage => {
                ChatRole::Member
            }
            Self::DeleteOthersMessage
            | Self::Pin
            | Self::SkipSlowMode
            | Self::ChangeInfo
            | Self::ChangeRules
            | Self::AddMember
            | Self::RemoveMember
            | Self::ManageInvites => ChatRole::Admin,
            Self::SetPublic | Self::ChangeRole | Self::TransferOwnership | Self::DeleteChat => {
                ChatRole::Owner
            }
        }
    }
}

/// Whether a member of rank `actor` may do `action` in a chat of this kind, to a member of rank `target` if it is
/// done to one (or to what that member wrote). Nobody acts on their equals or superiors; an owner cannot leave
/// before the chat has another.
pub fn may_in_chat(
    kind: LogKind,
    actor: ChatRole,
    action: ChatAction,
    target: Option<ChatRole>,
) -> bool {
    kind.is_chat()
        && actor >= action.least_role(kind)
        && !(action == ChatAction::Leave && actor == ChatRole::Owner)
        && target.is_none_or(|target| target < actor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `action → (group, channel)`, each by (member, admin, owner).
    const TABLE: &[(ChatAction, [bool; 3], [bool; 3])] = &[
        (ChatAction::Read, [true, true, true], [true, true, true]),
        (ChatAction::Write, [true, true, true], [false, true, true]),
        (ChatAction::React, [true, true, true], [true, true, true]),
        (
            ChatAction::ChangeOwnMessage,
            [true, true, true],
            [false, true, true],
        ),
        (
            ChatAction::DeleteOthersMessage,
            [false, true, true],
            [false, true, true],
        ),
        (ChatAction::Pin, [false, true, true], [false, true, true]),
        (
            ChatAction::SkipSlowMode,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::ChangeInfo,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::ChangeRules,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::SetPublic,
            [false, false, true],
            [false, false, true],
        ),
        (
            ChatAction::AddMember,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::RemoveMember,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::ManageInvites,
            [false, true, true],
            [false, true, true],
        ),
        (
            ChatAction::ChangeRole,
            [false, false, true],
            [false, false, true],
        ),
        (
            ChatAction::TransferOwnership,
            [false, false, true],
            [false, false, true],
        ),
        (ChatAction::Leave, [true, true, false], [true, true, false]),
        (
            ChatAction::DeleteChat,
            [false, false, true],
            [false, false, true],
        ),
    ];

    #[test]
    fn every_role_action_and_kind_is_as_the_table_says() {
        assert_eq!(TABLE.len(), ChatAction::ALL.len());
        for (action, group, channel) in TABLE {
            for (i, role) in ChatRole::ALL.iter().enumerate() {
                for (kind, expected) in [(LogKind::Group, group), (LogKind::Channel, channel)] {
                    assert_eq!(
                        may_in_chat(kind, *role, *action, None),
                        expected[i],
                        "{kind:?} {role} {action:?}"
                    );
                }
                for kind in [LogKind::Direct, LogKind::Private] {
                    assert!(!may_in_chat(kind, *role, *action, None));
                }
            }
        }
    }

    #[test]
    fn nobody_acts_on_equals_or_superiors() {
        let on_members = [
            ChatAction::RemoveMember,
            ChatAction::ChangeRole,
            ChatAction::DeleteOthersMessage,
        ];
        for action in on_members {
            for actor in ChatRole::ALL {
                for target in ChatRole::ALL {
                    let may = may_in_chat(LogKind::Group, *actor, action, Some(*target));
                    let ranked = may_in_chat(LogKind::Group, *actor, action, None);
                    assert_eq!(may, ranked && target < actor, "{actor} {action:?} {target}");
                }
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for role in ChatRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert_eq!("Owner".parse::<ChatRole>(), Err(UnknownChatRole));
    }
}
