//! GET /public_key and its older name /encryption_public_key.

use actix_web::web::{Data, Json};
use melo_protocol::rest::account::PublicKeyAnswer;

use crate::state::State;

pub(crate) async fn handle(state: Data<State>) -> Json<PublicKeyAnswer> {
    Json(PublicKeyAnswer {
        public_key: state.core.public_key(),
    })
}
