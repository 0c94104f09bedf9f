//! Who is kept out.

mod add;
mod lift;
mod list;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, delete, get, post, resource};
use melo_domain::Timestamp;
use melo_protocol::rest::bans::BanView;
use melo_services::bans::Ban;

use crate::http::idempotency::once;

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/admin/bans")
                .wrap(from_fn(once))
                .route(get().to(list::handle))
                .route(post().to(add::handle)),
        )
        .service(resource("/admin/bans/{id}").route(delete().to(lift::handle)));
}

fn view(ban: Ban, now: Timestamp) -> BanView {
    BanView {
        id: format!("{:016x}", ban.id),
        kind: ban.kind.as_str().to_owned(),
        value: ban.value,
        reason: ban.reason,
        created_by: ban.created_by,
        created_at: ban.created,
        expires_at: ban.expires,
        active: ban.expires.is_none_or(|expires| expires > now),
    }
}
