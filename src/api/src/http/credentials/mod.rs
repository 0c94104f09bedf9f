//! What somebody proves with that an account, a phone or a mailbox is theirs.

mod change_password;
mod email;
mod request_code;
mod request_reset;
mod reset_password;

use actix_web::web::{ServiceConfig, delete, get, post, put, resource};

/// The routes of this area.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/register/code").route(post().to(request_code::handle)))
        .service(resource("/password/change").route(post().to(change_password::handle)))
        .service(resource("/password/reset/request").route(post().to(request_reset::handle)))
        .service(resource("/password/reset").route(post().to(reset_password::handle)))
        .service(
            resource("/account/email")
                .route(get().to(email::view))
                .route(put().to(email::set))
                .route(delete().to(email::remove)),
        )
        .service(resource("/account/email/confirm").route(post().to(email::confirm)));
}
