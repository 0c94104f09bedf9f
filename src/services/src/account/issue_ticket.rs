//! A ticket for opening one WebSocket, so that browsers need not put the access token into a URL.

use std::time::Duration;

use melo_crypto::BearerToken;
use melo_domain::Secret;
use melo_ephemeral::Kind;

use super::AccountError;
use super::authenticate::TicketOwner;
use crate::{Caller, Core, Fault};

/// How long a ticket is good for.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// Makes a ticket for the caller's session, good for what the caller is good for.
pub async fn issue_ticket(core: &Core, caller: Caller) -> Result<Secret, AccountError> {
    let (ticket, _) = BearerToken::generate();
    let owner = TicketOwner::from(caller);
    let value = serde_json::to_vec(&owner).map_err(|_| Fault::Task)?;
    // The store hides an entry's name behind an HMAC, so the ticket itself is kept nowhere.
    core.ephemeral
        .put(
            Kind::WsTicket,
            ticket.expose().as_bytes(),
            &value,
            TICKET_LIFE,
        )
        .await?;
    Ok(ticket)
}
