//! The relay for calls: from settings to a running one, and what it asks of the layers above it.

mod address;
mod start;

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use melo_domain::Uid;
use melo_gateways::turn::{Account, Authority, CannotSay, Transport, TurnServer};
use melo_realtime::{BusMessage, BusSubscriber};
use melo_services::Core;
use melo_services::ice::{self, Ice, RelayFigures, RelayGauge, TransportFigures};

pub use address::{Clues, Found, Known, families};
pub use start::{Asked, host, start, turn_settings};

/// Asks the use cases whose a pseudonym is. Weakly: a relay that still has packets must not hold up the end.
struct Sessions {
    core: Weak<Core>,
    /// Who runs the server relays as well, to see whether it works: `melo doctor calls`.
    operator: String,
}

#[async_trait]
impl Authority for Sessions {
    async fn account(&self, pseudonym: &str) -> Result<Option<Account>, CannotSay> {
        if pseudonym == self.operator {
            return Ok(Some(OPERATOR));
        }
        let Some(core) = self.core.upgrade() else {
            return Ok(None);
        };
        match ice::account(&core, pseudonym).await {
            Ok(uid) => Ok(uid.map(tag)),
            Err(error) => {
                tracing::error!(%error, "whether somebody may relay");
                Err(CannotSay)
            }
        }
    }
}

/// No id has so many digits.
const OPERATOR: Account = Account(u64::MAX);

/// Ids are eight digits; the relay only compares them.
fn tag(uid: Uid) -> Account {
    Account(uid.to_string().parse().unwrap_or(u64::MAX - 1))
}

/// Ends the allocations of sessions that are over, on whatever node that was decided.
pub struct RelayWatch {
    /// The relay of this node.
    pub server: Arc<TurnServer>,
    /// Knows under which names sessions relay.
    pub ice: Arc<Ice>,
}

impl BusSubscriber for RelayWatch {
    fn receive(&self, message: &BusMessage) {
        if let BusMessage::SessionsEnded { uid, sessions, .. } = message {
            self.server.revoke(&self.ice.pseudonyms_of(*uid, sessions));
        }
    }
}

/// The counts, in the words of the use cases.
pub struct Gauge(pub Arc<TurnServer>);

impl RelayGauge for Gauge {
    fn figures(&self) -> RelayFigures {
        let figures = self.0.figures();
        let transports = Transport::ALL.iter().zip(figures.transports);
        RelayFigures {
            transports: transports
                .map(|(transport, counts)| TransportFigures {
                    name: transport.as_str(),
                    live: counts.live,
                    made: counts.made,
                    bytes: counts.bytes,
                })
                .collect(),
            refused: vec![
                ("unauthorized", figures.unauthorized),
                ("forbidden", figures.forbidden),
                ("quota", figures.quota),
                ("capacity", figures.capacity),
                ("dropped", figures.dropped),
                ("malformed", figures.malformed),
            ],
        }
    }
}
