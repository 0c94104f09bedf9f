//! GET /statuses.

use actix_web::web::{Data, Json, Query};
use melo_domain::Uid;
use melo_protocol::rest::presence::{StatusEntry, StatusesAnswer};
use melo_services::presence::{self, MAX_ASKED};
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

#[derive(Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    user_ids: String,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(parameters): Query<Parameters>,
) -> Result<Json<StatusesAnswer>, ApiError> {
    let asked = parse(&parameters.user_ids)?;
    let found = presence::statuses(&state.core, caller, &asked).await?;
    let statuses = found.into_iter().map(|(uid, view)| {
        let entry = StatusEntry {
            status: view.status,
            typing: view.typing,
        };
        (uid, entry)
    });
    Ok(Json(StatusesAnswer {
        statuses: statuses.collect(),
    }))
}

/// Ids with commas between them, each once.
fn parse(text: &str) -> Result<Vec<Uid>, ApiError> {
    let mut check = Check::default();
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let parsed: Result<Vec<Uid>, _> = ids.map(str::parse).collect();
    let mut asked = check.take("user_ids", parsed);
    if let Some(asked) = &mut asked {
        asked.sort_unstable();
        asked.dedup();
        if asked.len() > MAX_ASKED {
            check.refuse("user_ids", "must be at most 100");
        }
    }
    check.finish()?;
    checked(asked)
}
