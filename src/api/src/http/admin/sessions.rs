//! GET and DELETE /admin/users/{uid}/sessions, DELETE /admin/users/{uid}/sessions/{id}.

use actix_web::web::{Data, Json, Path, Query};
use melo_domain::SessionKind;
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::admin::{AdminSession, AdminSessionsAnswer, EndedAnswer};
use melo_services::admin;

use super::{Page, next, uid};
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<AdminSessionsAnswer>, ApiError> {
    let uid = uid(&path)?;
    let mut check = Check::default();
    let after = page.after.as_deref();
    let after = after.and_then(|text| check.parse("after", text));
    check.finish()?;
    let limit = page.limit();
    let found = admin::list_sessions(&state.core, caller, &origin, uid, after, limit).await?;
    let next = next(&found, limit, |session| session.id);
    let sessions = found.into_iter().map(|session| AdminSession {
        id: session.id,
        kind: match session.kind {
            SessionKind::Login => "login".to_owned(),
            SessionKind::Token => "token".to_owned(),
        },
        device: session.device,
        device_type: session.device_type,
        device_name: session.device_name,
        ip_address: session.ip_address,
        user_agent: session.user_agent,
        created_at: session.created,
        last_activity: session.last_activity,
    });
    Ok(Json(AdminSessionsAnswer {
        sessions: sessions.collect(),
        next,
    }))
}

pub(crate) async fn end_one(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<(String, String)>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", &path.0);
    let id = check.parse("id", &path.1);
    check.finish()?;
    let (uid, id) = (checked(uid)?, checked(id)?);
    admin::end_session(&state.core, caller, &origin, uid, id).await?;
    Ok(Json(StatusAnswer::of("ok")))
}

pub(crate) async fn end_all(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
) -> Result<Json<EndedAnswer>, ApiError> {
    let uid = uid(&path)?;
    let revoked_count = admin::end_sessions(&state.core, caller, &origin, uid).await?;
    Ok(Json(EndedAnswer {
        status: "ok".to_owned(),
        revoked_count,
    }))
}
