//! POST /tokens.

use std::time::Duration;

use actix_web::web::{Data, Json};
use melo_domain::{DisplayName, Scope, Scopes};
use melo_protocol::rest::access::{NewTokenAnswer, NewTokenRequest};
use melo_services::tokens::{self, NewToken};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

/// Days that a token is good for unless something else is asked for.
const DEFAULT_DAYS: u32 = 90;
/// Days that a token may be good for.
const DAYS: std::ops::RangeInclusive<u32> = 1..=366;
/// Scopes in one request: there are fifteen.
const MAX_SCOPES: usize = 15;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<NewTokenRequest>,
) -> Result<Json<NewTokenAnswer>, ApiError> {
    let new = parse(&body)?;
    let scopes = words(new.scopes);
    let made = tokens::create(&state.core, caller, &origin, new).await?;
    Ok(Json(NewTokenAnswer {
        token: made.token,
        id: made.id,
        scopes,
        expires_at: made.expires,
    }))
}

fn parse(body: &NewTokenRequest) -> Result<NewToken, ApiError> {
    let mut check = Check::default();
    let name: Option<DisplayName> = check.parse("name", &body.name);
    let days = body.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !DAYS.contains(&days) {
        check.refuse("expires_in_days", "must be 1 to 366");
    }
    let scopes: Option<Scopes> = match body.scopes.len() {
        0 => {
            check.refuse("scopes", "must name at least one scope");
            None
        }
        1..=MAX_SCOPES => {
            let parsed: Result<Vec<Scope>, _> =
                body.scopes.iter().map(|scope| scope.parse()).collect();
            check
                .take("scopes", parsed)
                .map(|scopes| scopes.into_iter().collect())
        }
        _ => {
            check.refuse("scopes", "must be 15 or fewer");
            None
        }
    };
    check.finish()?;
    Ok(NewToken {
        name: checked(name)?.as_str().to_owned(),
        scopes: checked(scopes)?,
        life: Duration::from_secs(u64::from(days) * 24 * 3600),
    })
}

/// The scopes one by one.
pub(in crate::http) fn words(scopes: Scopes) -> Vec<String> {
    scopes
        .to_string()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}
