//! Limits on what anybody may try.

use std::net::IpAddr;

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

fn wait(remaining: std::time::Duration) -> LimitError {
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
