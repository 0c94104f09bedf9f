//! Invites to register.

mod create;
mod list;
mod revoke;

use actix_web::web::{ServiceConfig, delete, get, post, resource};
use melo_protocol::rest::credentials::InviteView;
use melo_services::invites::Invite;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/admin/invites")
                .route(post().to(create::handle))
                .route(get().to(list::handle)),
        )
        .service(resource("/admin/invites/{id}").route(delete().to(revoke::handle)));
}

fn view(invite: Invite) -> InviteView {
    InviteView {
        id: format!("{:016x}", invite.id),
        code: None,
        uses: invite.uses,
        uses_left: invite.uses_left,
        note: invite.note,
        created_by: invite.created_by,
        created_at: invite.created,
        expires_at: invite.expires,
    }
}
