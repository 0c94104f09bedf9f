//! A refused admin call in the audit log.

use std::time::Duration;

use melo_domain::Uid;
use melo_ephemeral::Kind;
use serde_json::json;

use super::AdminError;
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit, LimitError};
use crate::{Caller, Core, Fault, Origin};

/// Of one call of one person no more than one refusal is noted in this time.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// A call that was not let through.
#[derive(Debug, Clone, Copy)]
pub struct RefusedCall<'a> {
    /// Method and route, as in `POST /admin/users/{uid}/ban`.
    pub call: &'a str,
    /// The code of the answer.
    pub code: &'a str,
    /// To whom it was to be done.
    pub target: Option<Uid>,
}

/// Notes that a call was refused. Bounded for each person and call, and for all together: who is refused again and
/// again must not fill the log.
pub async fn note_refusal(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    refused: RefusedCall<'_>,
) -> Result<(), AdminError> {
    let once = format!("{} {}", caller.uid, refused.call);
    let first = core
        .ephemeral
        .claim(Kind::AdminRefusal, once.as_bytes(), NOTED_EVERY);
    if !first.await.map_err(Fault::from)? {
        return Ok(());
    }
    match limits::take(core, Limit::AdminRefusals, "all").await {
        Ok(()) => {}
        Err(LimitError::Exceeded(_)) => return Ok(()),
        Err(LimitError::Fault(fault)) => return Err(fault.into()),
    }
    let object = refused.target.map_or(Object::Server, Object::User);
    let details = json!({"call": refused.call, "code": refused.code});
    let (actor, action) = (Some(caller.uid), Action::AdminRefused);
    audit::record_alone(core, origin, actor, action, object, &details).await?;
    Ok(())
}
