//! What is limited, and how much of it there is: one row for each.

use std::time::Duration;

use melo_ephemeral::Quota;

use crate::Policy;

/// What is limited. Wrong passwords are counted apart ([`super::lockout`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Registrations and logins together, by address.
    OpenCall,
    /// Challenges asked for, by address.
    Challenge,
    /// One-time codes asked for.
    Code,
    /// Messages that one address has sent to phones and mailboxes.
    CodesFrom,
    /// Password resets asked for, and tried.
    Reset,
    /// People searched for.
    Search,
    /// Messages sent over REST, by person: as many as over WebSocket.
    Send,
    /// Pictures uploaded.
    Upload,
    /// Exports of one's data.
    Export,
    /// The password shown again, or changed; a second factor tried.
    Secret,
    /// Device tokens refreshed.
    Refresh,
    /// Personal access tokens made.
    Token,
    /// Contact requests, by person.
    Subscribe,
    /// Chats made, by person.
    ChatCreate,
    /// Codes tried to get into a chat, by person.
    Join,
    /// Codes looked at by anybody, by address.
    InviteLook,
    /// Invites to a chat made, by person.
    ChatInvite,
    /// Looks at people who are no contacts, by person: what bounds trying out user ids.
    Stranger,
    /// Calls begun, and reports of them, by person.
    CallStart,
    /// Frames within one call, by call and device.
    CallFrame,
    /// Beginnings of writing that others are told of, by person.
    Typing,
    /// Answers kept so that a call can be sent again, by person.
    Once,
    /// Every call with a token, by person.
    Call,
    /// Every call with a token, by device: one program that has gone mad leaves something to the others.
    DeviceCall,
    /// Refused logins that the audit log keeps, by address.
    AddressRefusals,
    /// Refused logins that the audit log keeps, of all.
    Refusals,
    /// Refused admin calls that the audit log keeps, of all.
    AdminRefusals,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const fn quota(count: u64, per: Duration) -> Quota {
    Quota {
        count,
        per,
        block: Duration::ZERO,
    }
}

impl Limit {
    /// The name in the store, and how much there is. `None`: the operator wants no limit.
    pub(super) fn rule(self, policy: &Policy) -> (&'static str, Option<Quota>) {
        let (name, quota) = match self {
            Self::OpenCall => {
                let open = policy.open_calls;
                let block = open.block;
                let plain = quota(open.count, open.per);
                ("open call", Quota { block, ..plain })
            }
            Self::Challenge => ("challenge", quota(60, MINUTE)),
            Self::Code => ("code", quota(5, HOUR)),
            Self::CodesFrom => ("codes from", quota(30, HOUR)),
            Self::Reset => ("reset", quota(10, HOUR)),
            Self::Search => ("search", quota(60, MINUTE)),
            Self::Send => {
                let rate = policy.messages;
                ("send", quota(rate.count.into(), rate.per))
            }
            Self::Upload => ("upload", quota(20, HOUR)),
            Self::Export => ("export", quota(5, DAY)),
            Self::Secret => ("secret", quota(10, MINUTE)),
            Self::Refresh => ("refresh", quota(60, MINUTE)),
            Self::Token => ("token", quota(30, HOUR)),
            Self::Subscribe => ("subscribe", quota(60, HOUR)),
            Self::ChatCreate => ("chat create", quota(60, HOUR)),
            Self::Join => ("join", quota(60, HOUR)),
            Self::InviteLook => ("invite look", quota(60, MINUTE)),
            Self::ChatInvite => ("chat invite", quota(120, HOUR)),
            Self::Stranger => ("stranger", quota(60, HOUR)),
            // Both grow with what people may write.
            Self::CallStart => {
                let rate = policy.messages;
                ("call start", quota(u64::from(rate.count) * 3 / 5, rate.per))
            }
            // Two negotiations with all their candidates fit into it.
            Self::CallFrame => {
                let count = u64::from(policy.messages.count) * 2;
                ("call frame", quota(count, Duration::from_secs(10)))
            }
            Self::Typing => ("typing", quota(120, MINUTE)),
            Self::Once => ("once", quota(600, HOUR)),
            Self::Call => ("call", quota(policy.account_calls, MINUTE)),
            Self::DeviceCall => {
                let half = policy.account_calls.div_ceil(2);
                ("device call", quota(half, MINUTE))
            }
            Self::AddressRefusals => ("address refusals", quota(20, HOUR)),
            Self::Refusals => ("refusals", quota(2000, HOUR)),
            Self::AdminRefusals => ("admin refusals", quota(2000, HOUR)),
        };
        (name, Some(quota).filter(|quota| quota.count > 0))
    }

    /// Whether callers are told of it. What only bounds the server's own work is not their business.
    pub(super) fn is_told(self) -> bool {
        !matches!(
            self,
            Self::AddressRefusals | Self::Refusals | Self::AdminRefusals
        )
    }
}
