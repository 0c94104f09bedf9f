//! POST /schedule/message.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use melo_domain::Timestamp;
use melo_protocol::rest::schedule::{ScheduleAnswer, ScheduleRequest};
use melo_services::messages;
use melo_services::schedule::{self, ScheduleInput};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as TimeError, StrDeserializer};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, MESSAGE_BODY_LIMIT};
use crate::http::messages::{destination, idempotency_key};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    req: HttpRequest,
    Authenticated(caller): Authenticated,
    Body(body): Body<ScheduleRequest, MESSAGE_BODY_LIMIT>,
) -> Result<Json<ScheduleAnswer>, ApiError> {
    let mut check = Check::default();
    let to = destination(&mut check, body.target_id.as_deref(), body.chat_id);
    if !body.data.get().starts_with(['"', '{']) {
        check.refuse("data", "must be a string or an object");
    }
    let text: StrDeserializer<'_, TimeError> = body.when.as_str().into_deserializer();
    let when = Timestamp::deserialize(text);
    let when = check.take(
        "when",
        when.map_err(|_| "must be a time like 2027-01-31T08:00:00Z"),
    );
    let client_id = body.client_id.or_else(|| idempotency_key(&req, &mut check));
    check.finish()?;
    let input = ScheduleInput {
        to: checked(to)?,
        when: checked(when)?,
        payload: &body.data,
        client_id,
    };
    messages::spend_rest_send(&state.core, caller).await?;
    let schedule_id = schedule::schedule(&state.core, caller, input).await?;
    Ok(Json(ScheduleAnswer {
        status: "ok".into(),
        schedule_id,
        message_client_id: schedule::message_client_id(schedule_id),
    }))
}
