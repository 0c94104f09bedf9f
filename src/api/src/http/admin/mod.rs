//! What those do who look after the server and its people.

mod act;
mod audit;
mod change_role;
mod change_state;
mod devices;
mod figures;
mod sessions;
mod tokens;
mod users;
mod view;

use actix_web::Route;
use actix_web::web::{Path, ServiceConfig, delete, get, post, resource};
use melo_domain::{Role, Uid};
use melo_protocol::rest::admin::{AdminUser, ReasonBody};
use melo_services::admin::{Actor, MAX_PAGE, StateChange};
use melo_storage::admin::people::PersonView;
use serde::Deserialize;

use self::act::Deed;
use crate::error::ApiError;
use crate::validate::{Check, checked};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin/users").route(get().to(users::handle)))
        .service(
            resource("/admin/users/{uid}")
                .route(get().to(view::handle))
                .route(deed(delete(), Deed::Delete)),
        )
        .service(
            resource("/admin/users/{uid}/sessions")
                .route(get().to(sessions::list))
                .route(delete().to(sessions::end_all)),
        )
        .service(resource("/admin/users/{uid}/sessions/{id}").route(delete().to(sessions::end_one)))
        .service(resource("/admin/users/{uid}/devices").route(get().to(devices::list)))
        .service(
            resource("/admin/users/{uid}/devices/{device}").route(delete().to(devices::revoke)),
        )
        .service(resource("/admin/users/{uid}/force_reset").route(deed(post(), Deed::ForceReset)))
        .service(resource("/admin/users/{uid}/role").route(post().to(change_role::handle)))
        .service(
            resource("/admin/users/{uid}/reset_2fa").route(deed(post(), Deed::ResetSecondFactor)),
        )
        .service(resource("/admin/tokens").route(get().to(tokens::list)))
        .service(resource("/admin/tokens/{id}").route(delete().to(tokens::revoke)))
        .service(resource("/admin/figures").route(get().to(figures::handle)))
        .service(resource("/admin/audit").route(get().to(audit::handle)));
    for (verb, change) in [
        ("lock", StateChange::Lock),
        ("unlock", StateChange::Unlock),
        ("ban", StateChange::Ban),
        ("unban", StateChange::Unban),
    ] {
        let path = format!("/admin/users/{{uid}}/{verb}");
        let route = post().to(move |state, caller, origin, uid, body| {
            change_state::handle(change, state, caller, origin, uid, body)
        });
        config.service(resource(path).route(route));
    }
}

fn deed(route: Route, deed: Deed) -> Route {
    route.to(move |state, caller, origin, uid, body| {
        act::handle(deed, state, caller, origin, uid, body)
    })
}

/// `?after=&limit=`: pages go on after an id.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) after: Option<String>,
    limit: Option<u64>,
}

impl Page {
    pub(super) fn limit(&self) -> u64 {
        bounded(self.limit)
    }
}

/// Twenty entries unless asked for more or less.
fn bounded(limit: Option<u64>) -> u64 {
    limit.unwrap_or(20).clamp(1, MAX_PAGE)
}

/// The id to go on after, if the page is full.
pub(super) fn next<T, I>(page: &[T], limit: u64, id: impl Fn(&T) -> I) -> Option<I> {
    let full = u64::try_from(page.len()).is_ok_and(|read| read == limit);
    page.last().filter(|_| full).map(id)
}

fn uid(path: &Path<String>) -> Result<Uid, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("uid", path);
    check.finish()?;
    checked(uid)
}

/// Why something is done, for the audit log.
fn reason(check: &mut Check, text: &str) {
    let length = text.trim().chars().count();
    if !(1..=MAX_REASON).contains(&length) || text.chars().any(char::is_control) {
        check.refuse("reason", "must be 1 to 500 characters without line breaks");
    }
}

/// To whom something is done, and why.
fn whom_and_why<'a>(path: &Path<String>, body: &'a ReasonBody) -> Result<(Uid, &'a str), ApiError> {
    let uid = uid(path)?;
    let mut check = Check::default();
    reason(&mut check, &body.reason);
    check.finish()?;
    Ok((uid, body.reason.trim()))
}

fn user(person: PersonView, actor: Actor) -> AdminUser {
    AdminUser {
        unique_id: person.uid,
        phone: if actor.role >= Role::Admin {
            person.phone
        } else {
            masked(&person.phone)
        },
        name: person.name,
        nickname: person.nickname,
        username: person.username,
        role: person.role.to_string(),
        state: person.state.as_str().to_owned(),
        reset_required: person.reset_required,
        created_at: person.created,
    }
}

/// `+7999•••4567`: enough to compare with what somebody says, not enough to call.
fn masked(phone: &str) -> String {
    let front: String = phone.chars().take(5).collect();
    let length = phone.chars().count();
    let end: String = phone
        .chars()
        .skip(length.saturating_sub(4).max(5))
        .collect();
    format!("{front}•••{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_phone_hides_its_middle_even_if_it_is_short() {
        assert_eq!(masked("+79991234567"), "+7999•••4567");
        assert_eq!(masked("+12345678"), "+1234•••5678");
        assert_eq!(masked("+1234"), "+1234•••");
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        assert_eq!(next(&[1, 2], 2, |n| *n), Some(2));
        assert_eq!(next(&[1], 2, |n| *n), None);
        assert_eq!(next(&[] as &[i32], 2, |n| *n), None);
    }
}
