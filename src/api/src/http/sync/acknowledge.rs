//! POST /events/ack.

use actix_web::web::{Data, Json};
use melo_protocol::frame::MAX_RESUME_CURSORS;
use melo_protocol::rest::sync::{AckAnswer, AckRequest, Standing};
use melo_services::receipts::{self, Acknowledged};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::Check;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<AckRequest>,
) -> Result<Json<AckAnswer>, ApiError> {
    let mut check = Check::default();
    if body.cursors.len() + body.read.len() > MAX_RESUME_CURSORS {
        check.refuse("cursors", "must name at most 1000 logs");
    }
    check.finish()?;
    let said = Acknowledged {
        delivered: body.cursors,
        read: body.read,
    };
    let stand = receipts::acknowledge(&state.core, caller, &said).await?;
    let cursors = stand.into_iter().map(|(log, position)| {
        let standing = Standing {
            delivered: position.delivered,
            read: position.read,
        };
        (log, standing)
    });
    Ok(Json(AckAnswer {
        cursors: cursors.collect(),
    }))
}
