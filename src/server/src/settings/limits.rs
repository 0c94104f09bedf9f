//! How much one person or address may ask for.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Limits",
    specs: &[
        RATE_LIMIT_CALLS,
        RATE_LIMIT_PERIOD,
        BLOCK_PERIOD,
        WS_RATE_LIMIT_MESSAGES,
        WS_RATE_LIMIT_PERIOD,
        WS_MAX_CONNECTIONS_PER_IP,
        FAILED_LOGIN_LIMIT,
        FAILED_LOGIN_BLOCK_PERIOD,
    ],
};

/// One year in seconds: the longest span a limit may have.
const YEAR: u32 = 31_536_000;

const RATE_LIMIT_CALLS: Spec = Spec {
    name: "RATE_LIMIT_CALLS",
    default: Some("20"),
    example: "20",
    secret: false,
    help: "Calls of a guarded REST endpoint (registration, login and the like) that one address may make per RATE_LIMIT_PERIOD.",
};
const RATE_LIMIT_PERIOD: Spec = Spec {
    name: "RATE_LIMIT_PERIOD",
    default: Some("120"),
    example: "120",
    secret: false,
    help: "Seconds.",
};
const BLOCK_PERIOD: Spec = Spec {
    name: "BLOCK_PERIOD",
    default: Some("60"),
    example: "60",
    secret: false,
    help: "Seconds for which an address that exceeded RATE_LIMIT_CALLS is refused.",
};
const WS_RATE_LIMIT_MESSAGES: Spec = Spec {
    name: "WS_RATE_LIMIT_MESSAGES",
    default: Some("100"),
    example: "100",
    secret: false,
    help: "Messages that one person may send over WebSocket per WS_RATE_LIMIT_PERIOD, and twenty times as many frames of any kind per connection. 0: no limit.",
};
const WS_RATE_LIMIT_PERIOD: Spec = Spec {
    name: "WS_RATE_LIMIT_PERIOD",
    default: Some("60"),
    example: "60",
    secret: false,
    help: "Seconds.",
};
const WS_MAX_CONNECTIONS_PER_IP: Spec = Spec {
    name: "WS_MAX_CONNECTIONS_PER_IP",
    default: Some("5"),
    example: "5",
    secret: false,
    help: "Open WebSocket connections per address. 0: no limit.",
};
const FAILED_LOGIN_LIMIT: Spec = Spec {
    name: "FAILED_LOGIN_LIMIT",
    default: Some("5"),
    example: "5",
    secret: false,
    help: "Wrong passwords in a row for one user id or phone from one address after which they are refused; ten times as many close
           the user id or phone for every address, or the address for everybody. A device token is taken all the same.",
};
const FAILED_LOGIN_BLOCK_PERIOD: Spec = Spec {
    name: "FAILED_LOGIN_BLOCK_PERIOD",
    default: Some("300"),
    example: "300",
    secret: false,
    help: "Seconds of the first refusal. Each further wrong password doubles it, up to a day (an hour for the wider ones).",
};

/// So many in such a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many. 0 means no limit, where the setting allows it.
    pub count: u32,
    /// In which span.
    pub per: Duration,
}

/// Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Guarded REST calls per address.
    pub calls: Rate,
    /// How long an address is refused afterwards.
    pub block: Duration,
    /// Frames per connection; a count of 0 means no limit.
    pub ws_messages: Rate,
    /// Connections per address; `None` means no limit.
    pub ws_connections_per_ip: Option<u32>,
    /// Wrong passwords in a row for one identifier from one address.
    pub failed_logins: u32,
    /// How long they are refused afterwards, the first time.
    pub failed_login_block: Duration,
}

impl Limits {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let calls = reader.value(&RATE_LIMIT_CALLS, parse::number(1, u32::MAX));
        let period = reader.value(&RATE_LIMIT_PERIOD, parse::seconds(1, YEAR));
        let block = reader.value(&BLOCK_PERIOD, parse::seconds(0, YEAR));
        let ws_messages = reader.value(&WS_RATE_LIMIT_MESSAGES, parse::number(0, u32::MAX));
        let ws_period = reader.value(&WS_RATE_LIMIT_PERIOD, parse::seconds(1, YEAR));
        let per_ip = reader.value(&WS_MAX_CONNECTIONS_PER_IP, parse::number(0, u32::MAX));
        let failed_logins = reader.value(&FAILED_LOGIN_LIMIT, parse::number(1, 1000));
        let failed_block = reader.value(&FAILED_LOGIN_BLOCK_PERIOD, parse::seconds(1, YEAR));
        Some(Self {
            calls: Rate {
                count: calls?,
                per: period?,
            },
            block: block?,
            ws_messages: Rate {
                count: ws_messages?,
                per: ws_period?,
            },
            ws_connections_per_ip: Some(per_ip?).filter(|limit| *limit > 0),
            failed_logins: failed_logins?,
            failed_login_block: failed_block?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            calls: Rate {
                count: 20,
                per: Duration::from_mins(2),
            },
            block: Duration::from_mins(1),
            ws_messages: Rate {
                count: 100,
                per: Duration::from_mins(1),
            },
            ws_connections_per_ip: Some(5),
            failed_logins: 5,
            failed_login_block: Duration::from_mins(5),
        }
    }
}
