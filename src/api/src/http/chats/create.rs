//! POST /chats/create.

use actix_web::web::{Data, Json};
use melo_domain::{ChatId, LogKind, Uid};
use melo_protocol::rest::chats::{CreateAnswer, CreateRequest};
use melo_services::chats::{self, NewChat};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

/// People that a chat is begun with, at most.
const MAX_MEMBERS: usize = 100;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<CreateRequest>,
) -> Result<Json<CreateAnswer>, ApiError> {
    let new = parse(&body)?;
    let made = chats::create(&state.core, caller, &origin, &new).await?;
    Ok(Json(CreateAnswer {
        ok: true,
        chat_id: ChatId(made.log),
        kind: new.kind.chat_type().to_owned(),
        log: made.log,
        invited: made.invited,
    }))
}

fn parse(body: &CreateRequest) -> Result<NewChat, ApiError> {
    let mut check = Check::default();
    let title = check.parse("name", &body.name);
    let kind = LogKind::from_chat_type(&body.kind);
    let kind = check.take("type", kind.ok_or("must be chat or channel"));
    let text = body.description.as_ref();
    let description = text.and_then(|text| check.parse("description", text));
    if body.members.len() > MAX_MEMBERS {
        check.refuse("members", "must be at most 100");
    }
    let mut members: Vec<Uid> = Vec::new();
    for uid in body.members.iter().take(MAX_MEMBERS) {
        members.extend(check.parse::<Uid>("members", uid));
    }
    check.finish()?;
    Ok(NewChat {
        kind: checked(kind)?,
        title: checked(title)?,
        description,
        is_public: body.is_public,
        members,
    })
}
