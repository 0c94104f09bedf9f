//! GET /`chats/by_invite`/{code}.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use melo_domain::ChatId;
use melo_protocol::rest::chats::ByInviteAnswer;
use melo_services::chats;

use crate::error::ApiError;
use crate::extract::address;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    req: HttpRequest,
    code: Path<String>,
) -> Result<Json<ByInviteAnswer>, ApiError> {
    let chat = chats::look_up(&state.core, address(&req), &code).await?;
    Ok(Json(ByInviteAnswer {
        chat_id: ChatId(chat.log),
        name: chat.title,
        kind: chat.kind.chat_type().to_owned(),
        description: chat.description,
    }))
}
