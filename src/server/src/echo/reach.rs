//! Where the echo sends packets to. Callers say where they can be reached, and are sent checks there; without a rule that
//! would be a way into the operator's network. It is the relay's rule ([`melo_gateways::turn`]). Callers whom it leaves out
//! are heard all the same: whoever reaches the echo is answered where they came from (RFC 8445, section 7.3.1.3).

use std::net::SocketAddr;
use std::sync::Arc;

use melo_client::phone::Admits;
use melo_gateways::turn::{Peers, Reach, TurnServer, own_addresses};

use crate::settings::Settings;

/// The rule of this server.
pub fn admits(settings: &Settings, relay: Option<Arc<TurnServer>>) -> Admits {
    if let Some(relay) = relay {
        return Arc::new(move |peer| relay.reaches(peer));
    }
    let peers = Peers::new(settings.turn.allowed.clone(), Vec::new());
    Arc::new(move |peer: SocketAddr| {
        // They change; one call names few addresses.
        match own_addresses() {
            Ok(own) => peers.set_own(own),
            Err(error) => tracing::warn!(%error, "the addresses of this machine"),
        }
        peers.reach(peer.ip()) == Reach::Outside
    })
}
