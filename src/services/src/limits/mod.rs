//! Limits on what anybody may try: sliding windows for calls, growing delays for wrong passwords
//! (docs/adr/0016).

mod ledger;
pub(crate) mod lockout;
mod table;

pub use ledger::{note, watch};
pub use melo_ephemeral::Spent;
pub(crate) use table::Limit;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use melo_domain::network_of;
use melo_ephemeral::Kind;

use crate::{Caller, Core, Fault};

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

impl LimitError {
    /// Refused for this long.
    fn wait(remaining: Duration) -> Self {
        Self::Exceeded(whole_seconds(remaining))
    }
}

/// How long to wait: whole seconds, rounded up, so that nobody comes back a moment too early.
pub(crate) fn whole_seconds(remaining: Duration) -> u64 {
    let seconds = remaining.as_millis().div_ceil(1000).max(1);
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

/// Takes one of what `whose` (an address, a user id, a device, a phone) may have of it.
pub(crate) async fn take(
    core: &Core,
    limit: Limit,
    whose: impl std::fmt::Display,
) -> Result<(), LimitError> {
    let (name, quota) = limit.rule(&core.policy);
    let Some(quota) = quota else {
        return Ok(());
    };
    let id = format!("{name} {}", by_network(whose.to_string()));
    let spent = core
        .ephemeral
        .spend(Kind::Limit, id.as_bytes(), &quota)
        .await
        .map_err(Fault::from)?;
    if limit.is_told() {
        ledger::note(spent);
    }
    if spent.refused {
        return Err(LimitError::wait(spent.reset));
    }
    Ok(())
}

/// Takes one of the calls that an address may make before anybody has signed in there.
pub(crate) async fn open_call(core: &Core, address: IpAddr) -> Result<(), LimitError> {
    take(core, Limit::OpenCall, address).await
}

/// An IPv6 address counts by its network, whoever names it here.
fn by_network(whose: String) -> String {
    match whose.parse::<Ipv6Addr>() {
        Ok(address) => network_of(IpAddr::V6(address)).to_string(),
        Err(_) => whose,
    }
}

/// Takes one call from the budgets of a caller and of their device: generous, for what has no limit of its own.
pub async fn spend_call(core: &Core, caller: Caller) -> Result<(), LimitError> {
    take(core, Limit::DeviceCall, caller.device).await?;
    take(core, Limit::Call, caller.uid).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (119_999, 120)] {
            let LimitError::Exceeded(wait) = LimitError::wait(Duration::from_millis(millis)) else {
                panic!("a wait")
            };
            assert_eq!(wait, seconds);
        }
    }

    #[test]
    fn only_ipv6_addresses_are_taken_by_their_network() {
        for (whose, key) in [
            ("2001:db8::1:2:3", "2001:db8::"),
            ("203.0.113.7", "203.0.113.7"),
            ("12345678", "12345678"),
            ("+79991234567", "+79991234567"),
        ] {
            assert_eq!(by_network(whose.to_owned()), key);
        }
    }
}
