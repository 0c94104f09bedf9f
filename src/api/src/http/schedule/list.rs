//! GET /schedule and GET /schedule/{id}.

use actix_web::web::{Data, Json, Path};
use melo_domain::{ChatId, ScheduleId};
use melo_protocol::rest::schedule::{ScheduledAnswer, ScheduledView};
use melo_services::messages::Destination;
use melo_services::schedule::{self, Scheduled};
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn all(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Result<Json<ScheduledAnswer>, ApiError> {
    let found = schedule::list(&state.core, caller).await?;
    Ok(Json(ScheduledAnswer {
        schedules: found.iter().map(|one| view(one, None)).collect(),
    }))
}

pub(crate) async fn one(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
) -> Result<Json<ScheduledView>, ApiError> {
    let mut check = Check::default();
    let id: Option<ScheduleId> = check.parse("id", &id);
    check.finish()?;
    let (found, payload) = schedule::find(&state.core, caller, checked(id)?).await?;
    Ok(Json(view(&found, RawValue::from_string(payload).ok())))
}

fn view(scheduled: &Scheduled, data: Option<Box<RawValue>>) -> ScheduledView {
    let (target_id, chat_id) = match Destination::from(scheduled.to) {
        Destination::Person(uid) => (Some(uid), None),
        Destination::Chat(log) => (None, Some(ChatId(log))),
    };
    ScheduledView {
        schedule_id: scheduled.id,
        message_client_id: schedule::message_client_id(scheduled.id),
        target_id,
        chat_id,
        when: scheduled.due,
        created_at: scheduled.created,
        device: scheduled.device,
        client_id: scheduled.client_id,
        data,
    }
}
