//! Where the relay of a URL is.

use std::time::Duration;

use melo_stun::{NotARelay, RelayUrl};

use super::probe::Way;

/// How long looking a name up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The ways that a URL stands for: one for each address behind its name.
pub async fn ways(url: &str) -> Result<Vec<Way>, NotARelay> {
    let RelayUrl {
        host,
        port,
        transport,
    } = RelayUrl::parse(url)?;
    let found = tokio::net::lookup_host((host.as_str(), port));
    let found = tokio::time::timeout(LOOK_UP_WITHIN, found).await;
    let Ok(Ok(addresses)) = found else {
        return Ok(Vec::new());
    };
    let ways = addresses.map(|address| Way {
        transport,
        address,
        name: host.clone(),
    });
    Ok(ways.collect())
}
