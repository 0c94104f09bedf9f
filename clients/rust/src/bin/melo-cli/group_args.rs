//! The command line of groups and channels.

use clap::{Args, Subcommand, ValueEnum};
use melo_client::keystore::Role;
use melo_domain::{ChatRole, LogId, Uid};

/// `group`, `channel`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Make one, and add people to it.
    Create(Create),
    /// List those you are in.
    List,
    /// Show who is in it.
    Members {
        /// Its id.
        id: LogId,
    },
    /// Make an invite: whoever has the code can join.
    Invite(Invite),
    /// Join by an invite's code.
    Join {
        /// The code.
        code: String,
    },
    /// Accept an invitation.
    Accept {
        /// Its id.
        id: LogId,
    },
    /// Decline an invitation.
    Decline {
        /// Its id.
        id: LogId,
    },
    /// Let somebody in who asked to join.
    Approve(OnMember),
    /// Do not let somebody in who asked to join.
    Reject(OnMember),
    /// Add somebody.
    Add(OnMember),
    /// Take somebody out: they cannot read what is written from then on.
    Remove(OnMember),
    /// Give a member another role.
    Role {
        /// Its id.
        id: LogId,
        /// Their user id.
        uid: Uid,
        /// The role; owner hands the group over.
        role: NewRole,
    },
    /// Change its title or rules.
    Set(Set),
    /// Send one message, and wait until the server has it on disk.
    Send(Send),
    /// Show earlier messages.
    History(History),
    /// Talk in it.
    Chat(Chat),
    /// Leave it.
    Leave {
        /// Its id.
        id: LogId,
    },
    /// Delete it for everybody.
    Delete {
        /// Its id.
        id: LogId,
    },
}

/// `create`.
#[derive(Debug, Args)]
pub struct Create {
    /// What it is called.
    pub name: String,
    /// User ids of those who are added.
    pub members: Vec<Uid>,
    /// What it is about.
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
}

/// `invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// Its id.
    pub id: LogId,
    /// How long the code is good [default: 60].
    #[arg(long)]
    pub minutes: Option<u32>,
    /// How many may use it [default: any number].
    #[arg(long, value_name = "NUMBER")]
    pub uses: Option<u32>,
}

/// A member, or somebody who is to be one.
#[derive(Debug, Args)]
pub struct OnMember {
    /// Its id.
    pub id: LogId,
    /// Their user id.
    pub uid: Uid,
}

/// A role that can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NewRole {
    /// Reads, and writes in a group.
    Member,
    /// Runs it too.
    Admin,
    /// Owns it; you are an admin from then on.
    Owner,
}

impl NewRole {
    /// The role; none when the group is handed over.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Member => Some(Role(ChatRole::Member)),
            Self::Admin => Some(Role(ChatRole::Admin)),
            Self::Owner => None,
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// `set`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// What it is called.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// What it is about.
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// Whether new members can read what was written before they came.
    #[arg(long, value_name = "SWITCH")]
    pub share_history: Option<Switch>,
    /// Whether those who run it decide who joins by an invite.
    #[arg(long, value_name = "SWITCH")]
    pub by_request: Option<Switch>,
    /// Seconds between two messages of a member; 0 for none.
    #[arg(long, value_name = "SECONDS")]
    pub slow_mode: Option<u32>,
    /// Seconds after which messages disappear; 0 for never.
    #[arg(long, value_name = "SECONDS")]
    pub disappearing: Option<u64>,
}

/// `set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Its id.
    pub id: LogId,
    /// What changes.
    #[command(flatten)]
    pub changes: Changes,
}

/// `send`.
#[derive(Debug, Args)]
pub struct Send {
    /// Its id.
    pub id: LogId,
    /// The text; - reads it from standard input, -- comes before a text that starts with a hyphen. @ and a user id
    /// mention somebody.
    #[arg(required = true, num_args = 1.., allow_negative_numbers = true)]
    pub text: Vec<String>,
}

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Its id.
    pub id: LogId,
    /// Only what lies before this position.
    #[arg(long, value_name = "NUMBER", conflicts_with = "after")]
    pub before: Option<u64>,
    /// Only what lies after this position.
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
    /// Messages to show.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

/// `chat`.
#[derive(Debug, Args)]
pub struct Chat {
    /// Its id.
    pub id: LogId,
    /// How it is shown.
    #[command(flatten)]
    pub view: View,
}

/// How a conversation is shown.
#[derive(Debug, Args)]
pub struct View {
    /// Earlier messages to show first [default: 10 on a terminal, none otherwise].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub history: Option<u32>,
    /// Only show what arrives, until interrupted; standard input is not read.
    #[arg(long)]
    pub listen: bool,
}
