//! GET /admin/figures.

use actix_web::web::{Data, Json};
use melo_domain::{AccountState, JobState, SessionKind};
use melo_protocol::SERVER_VERSION;
use melo_protocol::rest::admin::{
    CallQualityFigures, FiguresAnswer, HistogramView, JobFigures, RelayAnswer, RelayTransport,
    SessionFigures, UserFigures,
};
use melo_services::admin;
use melo_services::calls::{CallFigures, Histogram};
use melo_services::ice::RelayFigures;

use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
) -> Result<Json<FiguresAnswer>, ApiError> {
    let figures = admin::view_figures(&state.core, caller, &origin).await?;
    let stored = figures.stored;
    let users = |state| count(&stored.users, state);
    let sessions = |kind| count(&stored.sessions, kind);
    let jobs = |state| count(&stored.jobs, state);
    Ok(Json(FiguresAnswer {
        users: UserFigures {
            active: users(AccountState::Active),
            locked: users(AccountState::Locked),
            banned: users(AccountState::Banned),
        },
        sessions: SessionFigures {
            login: sessions(SessionKind::Login),
            token: sessions(SessionKind::Token),
        },
        devices: stored.devices,
        connections: figures.connections as u64,
        messages_stored: stored.events,
        jobs: JobFigures {
            waiting: jobs(JobState::Waiting),
            running: jobs(JobState::Running),
            dead: jobs(JobState::Dead),
        },
        calls: calls(&figures.calls),
        database_size: stored.database_bytes,
        relay: state
            .relay
            .as_ref()
            .map(|relay| relay_answer(relay.figures())),
        uptime: figures.uptime,
        version: SERVER_VERSION.to_owned(),
    }))
}

fn calls(figures: &CallFigures) -> CallQualityFigures {
    let view = |histogram: &Histogram| HistogramView {
        bounds: histogram.bounds.clone(),
        counts: histogram.counts.clone(),
    };
    let types = figures.candidates.iter();
    CallQualityFigures {
        reports: figures.reports,
        loss: view(&figures.loss),
        jitter: view(&figures.jitter),
        rtt: view(&figures.round_trip),
        candidate_types: types
            .map(|(name, many)| ((*name).to_owned(), *many))
            .collect(),
    }
}

fn count<T: PartialEq>(counts: &[(T, u64)], of: T) -> u64 {
    let found = counts.iter().find(|(one, _)| *one == of);
    found.map_or(0, |(_, many)| *many)
}

fn relay_answer(figures: RelayFigures) -> RelayAnswer {
    let transports = figures.transports.iter().map(|transport| {
        let answer = RelayTransport {
            allocations: transport.live,
            allocations_total: transport.made,
            bytes: transport.bytes,
        };
        (transport.name.to_owned(), answer)
    });
    let refused = figures.refused.iter();
    RelayAnswer {
        transports: transports.collect(),
        refused: refused
            .map(|(reason, count)| ((*reason).to_owned(), *count))
            .collect(),
    }
}
