//! Wrong passwords: counted for an identifier together with the address they come from, for the identifier
//! from everywhere, and for the address whatever identifiers it tries. Each closes its door for a time that
//! doubles.
//!
//! - The pair closes first, so that a stranger elsewhere locks out nobody. The identifier as a whole closes only
//!   after ten times as many, which takes many addresses, and never for long.
//! - A device token is looked at before any of this: a known device comes in through every lockout.
//! - Identifiers count as they were given, never by the account behind them: those of nobody behave the same,
//!   and locking a phone number does not show which user id it belongs to.

use std::net::IpAddr;
use std::time::Duration;

use melo_domain::network_of;
use melo_ephemeral::{Kind, Strike, StrikeRule};

use super::LimitError;
use crate::{Core, Fault};

/// How many times as many failures close the wider doors.
const WIDER: u64 = 10;
/// The longest delay of a pair; the memory of all.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest delay of an identifier, and of an address: others are behind those doors.
const HOUR: Duration = Duration::from_secs(3600);

/// A login with a password that is being looked at. It counts as a failure until it is told otherwise, so that
/// a hundred tries at once are not a hundred tries.
#[derive(Debug)]
pub(crate) struct Attempt {
    pair: Vec<u8>,
    identifier: Vec<u8>,
    address: Vec<u8>,
    /// The longest time for which this attempt has closed a door, if it has.
    closed: Option<Duration>,
}

fn rule(core: &Core, times: u64, longest: Duration) -> StrikeRule {
    let window = core.policy.failed_logins;
    StrikeRule {
        limit: window.count.saturating_mul(times).max(1),
        first: window.block,
        longest: longest.max(window.block),
        memory: DAY,
    }
}

/// Lets a password be tried, or says how long to wait.
pub(crate) async fn begin(
    core: &Core,
    identifier: &str,
    address: IpAddr,
) -> Result<Attempt, LimitError> {
    let network = network_of(address);
    let mut attempt = Attempt {
        pair: format!("pair {network} {identifier}").into_bytes(),
        identifier: format!("identifier {identifier}").into_bytes(),
        address: format!("address {network}").into_bytes(),
        closed: None,
    };
    let (store, kind) = (&core.ephemeral, Kind::FailedLogins);
    let barred = store.barred(kind, &attempt.address).await;
    let barred = barred.map_err(Fault::from)?;
    if !barred.is_zero() {
        return Err(LimitError::wait(barred));
    }
    let pair = store.strike(kind, &attempt.pair, &rule(core, 1, DAY)).await;
    let by_pair = match pair.map_err(Fault::from)? {
        Strike::Barred(wait) => return Err(LimitError::wait(wait)),
        Strike::Noted(closed) => closed,
    };
    let wide = rule(core, WIDER, HOUR);
    let whole = store.strike(kind, &attempt.identifier, &wide).await;
    let by_whole = match whole.map_err(Fault::from)? {
        Strike::Barred(wait) => {
            // This try was refused by others' doing: it is not held against the pair.
            let excused = store.excuse(kind, &attempt.pair).await;
            excused.map_err(Fault::from)?;
            return Err(LimitError::wait(wait));
        }
        Strike::Noted(closed) => closed,
    };
    attempt.closed = by_pair.max(by_whole);
    Ok(attempt)
}

impl Attempt {
    /// The password was wrong. Returns for how long a door is closed now, if one is.
    pub(crate) async fn failed(self, core: &Core) -> Result<Option<Duration>, Fault> {
        let wide = rule(core, WIDER, HOUR);
        let (store, kind) = (&core.ephemeral, Kind::FailedLogins);
        let by_address = match store.strike(kind, &self.address, &wide).await? {
            Strike::Noted(closed) => closed,
            Strike::Barred(_) => None,
        };
        Ok(self.closed.max(by_address))
    }

    /// The password was right: what was wrong before is forgotten. Not for the address: a right password of
    /// one's own must not pay for wrong ones of others.
    pub(crate) async fn succeeded(self, core: &Core) -> Result<(), Fault> {
        let (store, kind) = (&core.ephemeral, Kind::FailedLogins);
        store.forget(kind, &self.pair).await?;
        Ok(store.forget(kind, &self.identifier).await?)
    }

    /// The password was not looked at after all.
    pub(crate) async fn dropped(self, core: &Core) -> Result<(), Fault> {
        let (store, kind) = (&core.ephemeral, Kind::FailedLogins);
        store.excuse(kind, &self.pair).await?;
        Ok(store.excuse(kind, &self.identifier).await?)
    }
}
