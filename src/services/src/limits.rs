//! Limits on what anybody may try.

use std::net::IpAddr;
use std::time::Duration;

use melo_ephemeral::Kind;

use crate::{Core, Fault, Window};

/// An attempt that was not allowed.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// Too many; the number is the seconds to wait.
    #[error("too many attempts; try again in {0} seconds")]
    Exceeded(u64),
    /// Could not be counted.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What is limited, besides logins. One table for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// One-time codes asked for.
    Code,
    /// Messages that one address has sent to phones and mailboxes.
    CodesFrom,
    /// Password resets asked for, and tried.
    Reset,
    /// People searched for.
    Search,
    /// Invites made or tried.
    Invite,
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
    /// Contact requests.
    Subscribe,
}

impl Limit {
    /// The name in the store, how many, and in which time.
    const fn rule(self) -> (&'static str, u64, Duration) {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        const DAY: Duration = Duration::from_secs(24 * 3600);
        match self {
            Self::Code => ("code", 5, HOUR),
            Self::CodesFrom => ("codes_from", 30, HOUR),
            Self::Reset => ("reset", 10, HOUR),
            Self::Search => ("search", 60, MINUTE),
            Self::Invite => ("invite", 30, MINUTE),
            Self::Upload => ("upload", 20, HOUR),
            Self::Export => ("export", 5, DAY),
            Self::Secret => ("secret", 10, MINUTE),
            Self::Refresh => ("refresh", 60, MINUTE),
            Self::Token => ("token", 30, HOUR),
            Self::Subscribe => ("subscribe", 60, HOUR),
        }
    }
}

/// Takes one of what `whose` (an address, a user id, a phone) may have of it.
pub(crate) async fn take(
    core: &Core,
    limit: Limit,
    whose: impl std::fmt::Display,
) -> Result<(), LimitError> {
    let (name, count, per) = limit.rule();
    let id = format!("{name} {whose}");
    let taken = core
        .ephemeral
        .count(Kind::Limit, id.as_bytes(), per)
        .await
        .map_err(Fault::from)?;
    if taken.count <= count {
        return Ok(());
    }
    Err(wait(taken.remaining))
}

fn wait(remaining: Duration) -> LimitError {
    LimitError::Exceeded(remaining.as_secs().max(1))
}

/// Counts one call of an open endpoint from this address.
pub(crate) async fn open_call(core: &Core, address: IpAddr) -> Result<(), LimitError> {
    let id = address.to_string();
    let Window { count, per, block } = core.policy.open_calls;
    let attempts = core
        .ephemeral
        .count(Kind::OpenCalls, id.as_bytes(), per)
        .await
        .map_err(Fault::from)?;
    if attempts.count <= count {
        return Ok(());
    }
    if attempts.count == count + 1 {
        core.ephemeral
            .extend(Kind::OpenCalls, id.as_bytes(), block)
            .await
            .map_err(Fault::from)?;
    }
    Err(wait(attempts.remaining.max(block)))
}

/// The name under which wrong passwords are counted: by identifier and address, so that nobody locks out
/// somebody else, and the same whether the account exists or not.
fn login_id(identifier: &str, address: IpAddr) -> Vec<u8> {
    format!("{address} {identifier}").into_bytes()
}

/// Whether a login may be tried at all.
pub(crate) async fn may_try_login(
    core: &Core,
    identifier: &str,
    address: IpAddr,
) -> Result<(), LimitError> {
    let id = login_id(identifier, address);
    let attempts = core
        .ephemeral
        .attempts(Kind::FailedLogins, &id)
        .await
        .map_err(Fault::from)?;
    if attempts.count >= core.policy.failed_logins.count {
        return Err(wait(attempts.remaining));
    }
    Ok(())
}

/// Counts a wrong password.
pub(crate) async fn login_failed(
    core: &Core,
    identifier: &str,
    address: IpAddr,
) -> Result<(), Fault> {
    let id = login_id(identifier, address);
    let Window { count, per, block } = core.policy.failed_logins;
    let attempts = core.ephemeral.count(Kind::FailedLogins, &id, per).await?;
    if attempts.count == count {
        core.ephemeral
            .extend(Kind::FailedLogins, &id, block)
            .await?;
    }
    Ok(())
}

/// Forgets the wrong passwords after a right one.
pub(crate) async fn login_succeeded(
    core: &Core,
    identifier: &str,
    address: IpAddr,
) -> Result<(), Fault> {
    Ok(core
        .ephemeral
        .forget(Kind::FailedLogins, &login_id(identifier, address))
        .await?)
}
