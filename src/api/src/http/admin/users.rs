//! GET /admin/users.

use actix_web::web::{Data, Json, Query};
use melo_domain::{AccountState, Role, Uid};
use melo_protocol::rest::admin::AdminUsersAnswer;
use melo_services::admin;
use melo_storage::admin::people::{Lookup, PeopleFilter};
use serde::Deserialize;

use super::{bounded, next, user};
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;
use crate::validate::Check;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    query: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
    state: Option<String>,
    role: Option<String>,
}

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Query(parameters): Query<Parameters>,
) -> Result<Json<AdminUsersAnswer>, ApiError> {
    if let Some(query) = &parameters.query {
        let wanted = lookup(query)?;
        let (actor, found) = admin::find_people(&state.core, caller, &origin, &wanted).await?;
        return Ok(Json(AdminUsersAnswer {
            users: found.into_iter().map(|one| user(one, actor)).collect(),
            next: None,
        }));
    }
    let limit = bounded(parameters.limit);
    let (filter, after) = parse(&parameters)?;
    let (actor, found) =
        admin::list_people(&state.core, caller, &origin, filter, after, limit).await?;
    Ok(Json(AdminUsersAnswer {
        next: next(&found, limit, |person| person.uid),
        users: found.into_iter().map(|one| user(one, actor)).collect(),
    }))
}

fn parse(parameters: &Parameters) -> Result<(PeopleFilter, Option<Uid>), ApiError> {
    let mut check = Check::default();
    let after = parameters.after.as_deref();
    let after = after.and_then(|text| check.parse("after", text));
    let state = parameters.state.as_deref();
    let state = state.and_then(|text| check.parse::<AccountState>("state", text));
    let role = parameters.role.as_deref();
    let role = role.and_then(|text| check.parse::<Role>("role", text));
    check.finish()?;
    Ok((PeopleFilter { state, role }, after))
}

/// Whatever the text can be read as.
fn lookup(query: &str) -> Result<Lookup, ApiError> {
    let text = query.trim();
    let wanted = Lookup {
        uid: text.parse().ok(),
        phone: text.parse().ok(),
        username: text.strip_prefix('@').unwrap_or(text).parse().ok(),
    };
    let mut check = Check::default();
    if wanted.is_empty() {
        check.refuse("query", "must be a whole user id, phone or username");
    }
    check.finish()?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_in_every_way_it_can_be() {
        let phone = lookup("8 (999) 123-45-67").unwrap();
        assert_eq!(phone.phone.unwrap().as_str(), "+79991234567");
        assert!(phone.uid.is_none() && phone.username.is_none());
        let eight = lookup("12345678").unwrap();
        assert!(eight.uid.is_some() && eight.phone.is_some());
        assert_eq!(
            lookup("@Anna_K").unwrap().username.unwrap().as_str(),
            "Anna_K"
        );
        for bad in ["", "x", "a b", "ü"] {
            assert!(lookup(bad).is_err(), "{bad}");
        }
    }
}
