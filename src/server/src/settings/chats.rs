//! How large groups and channels grow, and how many there are.

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Groups and channels",
    specs: &[
        MAX_GROUP_MEMBERS,
        MAX_CHANNEL_MEMBERS,
        MAX_CHATS_PER_USER,
        MAX_OWNED_CHATS,
        MAX_CHAT_INVITES,
    ],
};

/// More people than any server of this kind has.
const MOST: u32 = 1_000_000;

const MAX_GROUP_MEMBERS: Spec = Spec {
    name: "MAX_GROUP_MEMBERS",
    default: Some("1000"),
    example: "1000",
    secret: false,
    help: "People in one group. A message's key is wrapped for every device of each.",
};
const MAX_CHANNEL_MEMBERS: Spec = Spec {
    name: "MAX_CHANNEL_MEMBERS",
    default: Some("100000"),
    example: "100000",
    secret: false,
    help: "People in one channel.",
};
const MAX_CHATS_PER_USER: Spec = Spec {
    name: "MAX_CHATS_PER_USER",
    default: Some("500"),
    example: "500",
    secret: false,
    help: "Groups and channels that one person may be in.",
};
const MAX_OWNED_CHATS: Spec = Spec {
    name: "MAX_OWNED_CHATS",
    default: Some("100"),
    example: "100",
    secret: false,
    help: "Groups and channels that one person may own.",
};
const MAX_CHAT_INVITES: Spec = Spec {
    name: "MAX_CHAT_INVITES",
    default: Some("50"),
    example: "50",
    secret: false,
    help: "Invites that one group or channel may have at a time.",
};

/// Groups and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chats {
    /// People in one group.
    pub group_members: u32,
    /// People in one channel.
    pub channel_members: u32,
    /// Chats that one person may be in.
    pub per_person: u32,
    /// Chats that one person may own.
    pub owned: u32,
    /// Invites of one chat.
    pub invites: u32,
}

impl Chats {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let group_members = reader.value(&MAX_GROUP_MEMBERS, parse::number(2, 100_000));
        let channel_members = reader.value(&MAX_CHANNEL_MEMBERS, parse::number(2, MOST));
        let per_person = reader.value(&MAX_CHATS_PER_USER, parse::number(1, 10_000));
        let owned = reader.value(&MAX_OWNED_CHATS, parse::number(0, 10_000));
        let invites = reader.value(&MAX_CHAT_INVITES, parse::number(1, 10_000));
        Some(Self {
            group_members: group_members?,
            channel_members: channel_members?,
            per_person: per_person?,
            owned: owned?,
            invites: invites?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            group_members: 1000,
            channel_members: 100_000,
            per_person: 500,
            owned: 100,
            invites: 50,
        }
    }
}
