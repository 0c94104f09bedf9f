//! Logs, the events in them, and contacts. The numbers are what the database keeps: they never change meaning.

use crate::coded::coded;

/// The longest payload of one message, in bytes (contract: 1 MiB).
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

coded!(
    /// What a log is the log of.
    LogKind, "log kind" {
        /// One person's own notices: contact requests, changes of keys.
        Private = 1,
        /// The conversation of two people.
        Direct = 2,
        /// A conversation of several, in which every member writes.
        Group = 3,
        /// A conversation of several, in which those who run it write and all read.
        Channel = 4,
    }
);

impl LogKind {
    /// Whether it is a chat of several people: what the wire calls `chat_id` then names it.
    pub fn is_chat(self) -> bool {
        matches!(self, Self::Group | Self::Channel)
    }

    /// What the wire calls a chat of this kind: a group is a `chat` there.
    pub fn chat_type(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Direct => "direct",
            Self::Group => "chat",
            Self::Channel => "channel",
        }
    }

    /// The kind that the wire calls so.
    pub fn from_chat_type(name: &str) -> Option<Self> {
        [Self::Group, Self::Channel]
            .into_iter()
            .find(|kind| kind.chat_type() == name)
    }
}

coded!(
    /// What happened.
    EventKind, "event kind" {
        /// A message, opaque to us.
        Message = 1,
        /// Somebody asks the owner of this private log to become a contact.
        SubscriptionRequest = 2,
        /// A request of the owner of this private log was accepted.
        SubscriptionConfirmed = 3,
        /// A contact's (or one's own) device keys changed.
        KeysChanged = 4,
        /// The owner of this private log signed in on another device.
        NewDevice = 5,
        /// Something happened to the account that its owner should know.
        SecurityAlert = 6,
        /// A contact's account was deleted.
        AccountDeleted = 7,
        /// A message has another content now.
        Edit = 8,
        /// A message is gone for everybody.
        Delete = 9,
        /// A message is pinned, or no longer.
        Pin = 10,
        /// Somebody's reaction to a message; an empty one takes it back.
        Reaction = 11,
        /// An event whose content is gone: it was deleted, or its time was over.
        Erased = 12,
        /// A frame of another type that existing clients relay to each other.
        Relayed = 13,
        /// A chat's key, wrapped for devices of its members.
        ChatKey = 14,
        /// Somebody became a member of this chat.
        MemberJoined = 15,
        /// Somebody is no longer a member of this chat.
        MemberLeft = 16,
        /// A member has another role in this chat.
        RoleChanged = 17,
        /// A chat's title, description, picture or rules changed.
        ChatChanged = 18,
        /// The owner of this private log became a member of a chat.
        ChatAdded = 20,
        /// The owner of this private log is no longer a member of a chat.
        ChatRemoved = 21,
        /// Somebody asks the owner of this private log to become a member of a chat.
        ChatInvitation = 22,
        /// Somebody asks to be let into a chat that the owner of this private log runs.
        JoinRequest = 23,
        /// The owner of this private log asked somebody, from another device.
        ContactRequested = 24,
        /// The owner of this private log accepted a request, on another device.
        ContactAccepted = 25,
        /// A request was refused or taken back: it waits no longer.
        ContactRequestEnded = 26,
        /// Two people are no longer contacts.
        ContactRemoved = 27,
        /// The owner of this private log blocked somebody, or lifted a block.
        BlockChanged = 28,
        /// A message that the owner of this private log had scheduled could not be delivered.
        ScheduleFailed = 29,
        /// Two people were in touch by call, or one tried.
        CallRecord = 30,
    }
);

impl EventKind {
    /// Its name: the type of its frame, but for messages (`relay_delivery`), erased events (`delete`) and relayed
    /// frames (their own).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::SubscriptionRequest => "subscription_request",
            Self::SubscriptionConfirmed => "subscription_confirmed",
            Self::KeysChanged => "keys_changed",
            Self::NewDevice => "new_device",
            Self::SecurityAlert => "security_alert",
            Self::AccountDeleted => "account_deleted",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Pin => "pin",
            Self::Reaction => "react",
            Self::Erased => "erased",
            Self::Relayed => "relayed",
            Self::ChatKey => "chat_key",
            Self::MemberJoined => "member_joined",
            Self::MemberLeft => "member_left",
            Self::RoleChanged => "role_changed",
            Self::ChatChanged => "chat_changed",
            Self::ChatAdded => "chat_added",
            Self::ChatRemoved => "chat_removed",
            Self::ChatInvitation => "chat_invitation",
            Self::JoinRequest => "join_request",
            Self::ContactRequested => "contact_requested",
            Self::ContactAccepted => "contact_accepted",
            Self::ContactRequestEnded => "contact_request_ended",
            Self::ContactRemoved => "contact_removed",
            Self::BlockChanged => "block_changed",
            Self::ScheduleFailed => "schedule_failed",
            Self::CallRecord => "call_record",
        }
    }
}

coded!(
    /// How one person stands to another. A mutual contact is `Accepted` in both directions.
    ContactStatus, "contact status" {
        /// Asked, not answered.
        Pending = 1,
        /// May write.
        Accepted = 2,
        /// Asked, and refused.
        Rejected = 3,
        /// The other account was deleted: what was written stays to be read.
        Gone = 4,
        /// Asked while the other had blocked them: nobody was told.
        Held = 5,
        /// Contacts no longer, or a request that was taken back: what is left is the way to what was written.
        Ended = 6,
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnknownCode;

    #[test]
    fn codes_round_trip_and_unknown_ones_are_named() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_code(kind.code()), Ok(*kind));
        }
        assert_eq!(
            LogKind::from_code(99),
            Err(UnknownCode {
                what: "log kind",
                code: 99
            })
        );
    }
}
