//! Invites to register.

mod create;
mod list;
mod revoke;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, get, post, resource};
use melo_protocol::rest::credentials::InviteView;
use melo_services::invites::Invite;

use crate::http::idempotency::once;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/admin/invites")
                .wrap(from_fn(once))
                .route(post().to(create::handle))
                .route(get().to(list::handle)),
        )
        .service(resource("/admin/invites/{id}").route(delete().to(revoke::handle)));
}

/// An invite's id as it is told.
fn named(id: i64) -> String {
    format!("{id:016x}")
}

/// The invite that is called so.
fn id_of(text: &str) -> Result<i64, &'static str> {
    let id = i64::from_str_radix(text, 16).ok();
    id.filter(|_| text.len() <= 16)
        .ok_or("must be the id of an invite, 16 hex digits")
}

fn view(invite: Invite) -> InviteView {
    InviteView {
        id: named(invite.id),
        code: None,
        uses: invite.uses,
        uses_left: invite.uses_left,
        note: invite.note,
        created_by: invite.created_by,
        created_at: invite.created,
        expires_at: invite.expires,
    }
}
