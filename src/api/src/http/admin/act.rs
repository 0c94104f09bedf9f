//! DELETE /admin/users/{uid}, POST /admin/users/{uid}/`force_reset` and /`reset_2fa`: done to an account for a
//! reason, and answered with no more than that it was done.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::admin::ReasonBody;
use melo_services::admin;

use super::whom_and_why;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;

/// What is done.
#[derive(Clone, Copy)]
pub(crate) enum Deed {
    Delete,
    ForceReset,
    ResetSecondFactor,
}

pub(crate) async fn handle(
    deed: Deed,
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    path: Path<String>,
    Body(body): Body<ReasonBody>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let (uid, reason) = whom_and_why(&path, &body)?;
    let (core, origin) = (&state.core, &origin);
    let status = match deed {
        Deed::Delete => {
            admin::delete_account(core, caller, origin, uid, reason).await?;
            "deleted"
        }
        Deed::ForceReset => {
            admin::force_reset(core, caller, origin, uid, reason).await?;
            "ok"
        }
        Deed::ResetSecondFactor => {
            admin::reset_second_factor(core, caller, origin, uid, reason).await?;
            "ok"
        }
    };
    Ok(Json(StatusAnswer::of(status)))
}
