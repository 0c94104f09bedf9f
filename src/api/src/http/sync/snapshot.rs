//! GET /sync.

use std::borrow::Cow;

use actix_web::web::{Data, Json, Query};
use melo_domain::{ChatId, LogId, LogKind};
use melo_protocol::rest::sync::{LastEvent, SyncAnswer, SyncLog, SyncQuery};
use melo_services::live::{self, LogView};

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<SyncQuery>,
) -> Result<Json<SyncAnswer>, ApiError> {
    let mut check = Check::default();
    let after: Option<LogId> = match &query.after {
        Some(after) => check.parse("after", after),
        None => None,
    };
    check.finish()?;
    let limit = query.limit.unwrap_or(50).clamp(1, 100);
    let page = live::snapshot(&state.core, caller, after, limit).await?;
    Ok(Json(SyncAnswer {
        logs: page.logs.into_iter().map(show).collect(),
        private_log: page.private_log,
        next: page.next,
        server_time: state.core.now(),
    }))
}

fn show(view: LogView) -> SyncLog {
    SyncLog {
        log: view.log,
        kind: Cow::Borrowed(name_of(view.kind)),
        chat_id: view.kind.is_chat().then_some(ChatId(view.log)),
        peer: view.peer,
        last_seq: view.last_seq,
        first_seq: view.first_seq,
        delivered: view.position.delivered,
        read: view.position.read,
        unread: view.unread,
        last_event: view.last.map(|last| LastEvent {
            seq: last.seq,
            at: last.at,
            kind: Cow::Borrowed(last.header.kind.as_str()),
            from: last.header.sender,
        }),
    }
}

fn name_of(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Private => "private",
        LogKind::Direct => "direct",
        LogKind::Group => "chat",
        LogKind::Channel => "channel",
    }
}
