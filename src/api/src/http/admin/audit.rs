//! GET /admin/audit.

use actix_web::web::{Data, Json, Query};
use melo_protocol::rest::admin::{AuditAnswer, AuditItem};
use melo_services::admin::{self, AuditQuery};
use serde::Deserialize;

use super::bounded;
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::validate::Check;

/// Longest name of an object, as in the log, in bytes.
const MAX_OBJECT: usize = 64;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    before: Option<i64>,
    limit: Option<u64>,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Query(parameters): Query<Parameters>,
) -> Result<Json<AuditAnswer>, ApiError> {
    let query = parse(parameters)?;
    let page = admin::read_audit(&state.core, caller, &origin, &query).await?;
    let entries = page.entries.into_iter().map(|entry| AuditItem {
        id: entry.id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
        // Written by us as JSON; should that not be so, nothing is made up.
        details: serde_json::from_str(&entry.details).unwrap_or_default(),
        ip_address: entry.ip_address,
        user_agent: entry.user_agent,
        request_id: entry.request_id,
    });
    Ok(Json(AuditAnswer {
        entries: entries.collect(),
        next: page.next,
    }))
}

fn parse(parameters: Parameters) -> Result<AuditQuery, ApiError> {
    let mut check = Check::default();
    let actor = parameters.actor.as_deref();
    let actor = actor.and_then(|text| check.parse("actor", text));
    let action = parameters.action.as_deref();
    let action = action.and_then(|text| check.parse("action", text));
    if parameters
        .object
        .as_deref()
        .is_some_and(|text| text.is_empty() || text.len() > MAX_OBJECT)
    {
        check.refuse(
            "object",
            "must be an object of the audit log, like user:10000001",
        );
    }
    check.finish()?;
    Ok(AuditQuery {
        actor,
        action,
        object: parameters.object,
        before: parameters.before,
        limit: bounded(parameters.limit),
    })
}
