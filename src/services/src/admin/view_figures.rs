//! How the server does.

use melo_domain::AdminAction;
use melo_storage::admin::figures::{self, Figures};
use serde_json::json;

use super::{AdminError, authorize};
use crate::audit::{self, Action, Object};
use crate::calls::CallFigures;
use crate::{Caller, Core, Origin};

/// Counts of this server.
pub struct ServerFigures {
    /// Of the database.
    pub stored: Figures,
    /// Open WebSocket connections of this node.
    pub connections: usize,
    /// How calls were, as clients of this node have reported.
    pub calls: CallFigures,
    /// Seconds since this node was started.
    pub uptime: u64,
}

/// The figures at this moment.
pub async fn view_figures(
    core: &Core,
    caller: Caller,
    origin: &Origin,
) -> Result<ServerFigures, AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewFigures, None).await?;
    let stored = figures::figures(core.store.db.read()).await?;
    let (action, object) = (Action::AdminView, Object::Server);
    let details = json!({"what": "figures"});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok(ServerFigures {
        stored,
        connections: core.hub.connections(),
        calls: core.call_figures(),
        uptime: core.uptime().as_secs(),
    })
}
