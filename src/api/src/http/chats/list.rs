//! GET /chats/list.

use actix_web::web::{Data, Json, Query};
use melo_domain::ChatId;
use melo_protocol::rest::PageQuery;
use melo_protocol::rest::chats::{ChatsAnswer, ChatsQuery};
use melo_services::chats::{self, ChatsPage};

use super::view_of;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ChatsQuery>,
) -> Result<Json<ChatsAnswer>, ApiError> {
    let by_page = PageQuery {
        page: query.page,
        per_page: query.limit.or(query.per_page),
    };
    let (page, per_page) = by_page.bounded();
    let mut check = Check::default();
    let after = query.after.as_ref();
    let after = after.and_then(|after| check.parse::<ChatId>("after", after));
    check.finish()?;
    let by_cursor = query.after.is_some() || query.limit.is_some();
    let asked = if by_cursor {
        ChatsPage::After {
            after: after.map(|chat| chat.0),
            limit: per_page,
        }
    } else {
        ChatsPage::Numbered { page, per_page }
    };
    let (found, total) = chats::list(&state.core, caller, asked).await?;
    let full = found.len() == per_page as usize;
    let last = found.last().map(|card| ChatId(card.chat.log));
    Ok(Json(ChatsAnswer {
        chats: found.into_iter().map(view_of).collect(),
        page,
        per_page,
        total,
        pages: total.div_ceil(u64::from(per_page)),
        next: last.filter(|_| full),
    }))
}
