//! GET /messages/history/dm/{uid}, its older name /history/{uid}, and GET /messages/history/chat/{chat_id}.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use melo_domain::ChatId;
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::messages::{HistoryAnswer, HistoryQuery, HistorySliceAnswer};
use melo_services::Caller;
use melo_services::messages::{self, Destination, Direction};

use super::view::view;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};
use crate::ws::current_string;

pub(crate) async fn direct(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    other: Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut check = Check::default();
    let other = check.parse("uid", &other).map(Destination::Person);
    read(&state, caller, check, other, query).await
}

pub(crate) async fn chat(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    chat: Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut check = Check::default();
    let chat: Option<ChatId> = check.parse("chat_id", &chat);
    let of = chat.map(|chat| Destination::Chat(chat.0));
    read(&state, caller, check, of, query).await
}

async fn read(
    state: &State,
    caller: Caller,
    mut check: Check,
    of: Option<Destination>,
    query: HistoryQuery,
) -> Result<HttpResponse, ApiError> {
    if query.before.is_some() && query.after.is_some() {
        check.refuse("before", "and after cannot both be given");
    }
    check.finish()?;
    let of = checked(of)?;
    let direction = match (query.before, query.after, query.limit) {
        (Some(before), _, _) => Direction::Before(before),
        (None, Some(after), _) => Direction::After(after),
        (None, None, Some(_)) => Direction::Before(u64::MAX),
        (None, None, None) => return page(state, caller, of, query).await,
    };
    let limit = query.limit.unwrap_or(20).clamp(1, 100);
    let found = messages::history_from(&state.core, caller, of, direction, limit).await?;
    let kid = found.kid.as_deref();
    Ok(HttpResponse::Ok().json(HistorySliceAnswer {
        events: found.messages.iter().map(|m| view(m, kid)).collect(),
        log: found.log,
        next: found.next,
    }))
}

async fn page(
    state: &State,
    caller: Caller,
    of: Destination,
    query: HistoryQuery,
) -> Result<HttpResponse, ApiError> {
    let pages = PageQuery {
        page: query.page,
        per_page: query.per_page,
    };
    let (page, per_page) = pages.bounded();
    let found = messages::history(&state.core, caller, of, page, per_page).await?;
    let kid = found.kid.as_deref();
    let strings = found.messages.iter().map(|m| current_string(m, kid));
    Ok(HttpResponse::Ok().json(HistoryAnswer {
        messages: strings.collect(),
        events: found.messages.iter().map(|m| view(m, kid)).collect(),
        log: found.log,
        page,
        per_page,
        total: found.total,
        pages: found.total.div_ceil(u64::from(per_page)),
    }))
}
