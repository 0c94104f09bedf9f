//! GET /status.

use actix_web::web::{Data, Json};
use melo_protocol::SERVER_VERSION;
use melo_protocol::rest::server::{ServerStatus, ServiceStatus, WebSocketStatus};

use crate::state::State;

pub(crate) async fn handle(state: Data<State>) -> Json<ServerStatus> {
    let database = state.core.database_ok().await;
    let word = |good: bool| if good { "ok" } else { "unavailable" }.to_owned();
    let settings = &state.settings;
    Json(ServerStatus {
        status: if database { "ok" } else { "degraded" }.to_owned(),
        version: SERVER_VERSION.to_owned(),
        services: ServiceStatus {
            redis: "not_configured".to_owned(),
            database: word(database),
            websocket: word(true),
        },
        websocket: WebSocketStatus {
            connections: state.core.hub().connections(),
            port: settings.ws_port,
        },
        http_port: settings.http_port,
        ws_port: settings.ws_port,
    })
}
