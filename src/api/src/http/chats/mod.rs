//! Groups and channels.

mod avatar;
mod bans;
mod by_invite;
mod create;
mod delete;
mod invitations;
mod invites;
mod join;
mod keys;
mod leave;
mod list;
mod members;
mod requests;
mod set_public;
mod set_slow_mode;
mod share_key;
mod transfer;
mod update;
mod view;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, get, post, resource};
use melo_domain::{ChatId, LogId, Uid};
use melo_protocol::rest::chats::{ChatView, ListedView, MemberRequest, PeopleQuery};
use melo_services::chats::{ChatCard, Listed};

use crate::error::ApiError;
use crate::http::idempotency::once;
use crate::validate::{Check, checked};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/chats/create")
                .wrap(from_fn(once))
                .route(post().to(create::handle)),
        )
        .service(resource("/chats/list").route(get().to(list::handle)))
        .service(resource("/chats/set_public").route(post().to(set_public::handle)))
        .service(resource("/chats/set_slow_mode").route(post().to(set_slow_mode::handle)))
        .service(resource("/chats/by_invite/{code}").route(get().to(by_invite::handle)))
        .service(
            resource("/chats/members/add")
                .wrap(from_fn(once))
                .route(post().to(members::add)),
        )
        .service(resource("/chats/members/remove").route(post().to(members::remove)))
        .service(resource("/chats/members/role").route(post().to(members::set_role)))
        .service(resource("/chats/keys").route(post().to(share_key::handle)))
        .service(resource("/chats/leave").route(post().to(leave::handle)))
        .service(resource("/chats/transfer").route(post().to(transfer::handle)))
        .service(resource("/chats/invitations").route(get().to(invitations::list)))
        .service(
            resource("/chats/invitations/accept")
                .wrap(from_fn(once))
                .route(post().to(invitations::accept)),
        )
        .service(resource("/chats/invitations/decline").route(post().to(invitations::decline)))
        .service(
            resource("/chats/requests/approve")
                .wrap(from_fn(once))
                .route(post().to(requests::approve)),
        )
        .service(resource("/chats/requests/reject").route(post().to(requests::reject)))
        .service(
            resource("/chats/bans/add")
                .wrap(from_fn(once))
                .route(post().to(bans::add)),
        )
        .service(resource("/chats/bans/remove").route(post().to(bans::lift)))
        .configure(of_one_chat)
        .service(
            resource("/invites/create")
                .wrap(from_fn(once))
                .route(post().to(invites::create)),
        )
        .service(
            resource("/invites/join")
                .wrap(from_fn(once))
                .route(post().to(join::handle)),
        )
        .service(resource("/invites").route(get().to(invites::list)))
        .service(resource("/invites/{id}").route(delete().to(invites::revoke)));
}

/// After the others, so that their names are not taken for ids.
fn of_one_chat(config: &mut ServiceConfig) {
    config
        .service(
            resource("/chats/{id}")
                .get(view::handle)
                .put(update::handle)
                .delete(delete::handle),
        )
        .service(resource("/chats/{id}/members").route(get().to(members::list)))
        .service(resource("/chats/{id}/keys").route(get().to(keys::handle)))
        .service(resource("/chats/{id}/requests").route(get().to(requests::list)))
        .service(resource("/chats/{id}/bans").route(get().to(bans::list)))
        .service(
            resource("/chats/{id}/avatar")
                .get(avatar::view)
                .post(avatar::upload)
                .delete(avatar::remove),
        );
}

fn view_of(card: ChatCard) -> ChatView {
    let chat = card.chat;
    ChatView {
        id: ChatId(chat.log),
        name: chat.title.clone(),
        title: chat.title,
        kind: chat.kind.chat_type().to_owned(),
        description: chat.description,
        created_at: chat.created,
        owner_id: chat.owner,
        is_public: chat.is_public,
        invite_code: card.public_code,
        slow_mode_seconds: chat.slow_mode,
        disappearing_seconds: chat.disappearing,
        retention_seconds: chat.retention,
        by_request: chat.by_request,
        share_history: chat.share_history,
        has_avatar: chat.has_avatar,
        role: card.role.as_str().to_owned(),
        log: chat.log,
        last_seq: card.last_seq,
        read_seq: card.read_seq,
        unread: card.unread,
        members_count: card.members,
        last_message_at: card.last_message,
    }
}

fn listed(entry: &Listed) -> ListedView {
    ListedView {
        user_id: entry.uid,
        by: entry.by,
        created_at: entry.created,
    }
}

/// The chat in a path.
fn chat_of(path: &str) -> Result<LogId, ApiError> {
    let mut check = Check::default();
    let chat = check.parse::<ChatId>("id", path);
    check.finish()?;
    Ok(checked(chat)?.0)
}

/// The chat and the person of a body.
fn member_of(body: &MemberRequest) -> Result<(LogId, Uid), ApiError> {
    let mut check = Check::default();
    let uid = check.parse("user_unique_id", &body.user_unique_id);
    check.finish()?;
    Ok((body.chat_id.0, checked(uid)?))
}

/// Entries of a page of people, at most.
const MAX_PEOPLE: u32 = 500;
/// Entries of a page of keys, at most.
const MAX_KEYS: u32 = 100;
/// Entries of a page, if the caller does not say.
const USUAL: u32 = 100;

/// After whom, and how many.
fn page_of(query: &PeopleQuery, most: u32) -> Result<(Option<Uid>, u64), ApiError> {
    let mut check = Check::default();
    let after = query.after.as_ref();
    let after = after.and_then(|after| check.parse("after", after));
    check.finish()?;
    let limit = query.limit.unwrap_or(USUAL).clamp(1, most);
    Ok((after, limit.into()))
}

/// What to ask for next: the last of a page that was full.
fn next_after<T>(page: &[T], limit: u64, uid: impl Fn(&T) -> Uid) -> Option<Uid> {
    let full = u64::try_from(page.len()).is_ok_and(|n| n >= limit);
    page.last().filter(|_| full).map(uid)
}
