//! A refused login in the audit log.

use std::time::Duration;

use melo_domain::Uid;
use serde_json::json;

use super::AccountError;
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit, LimitError};
use crate::{Core, Origin};

/// Notes that a login was refused, and for how long it closed a door. Tries behind a closed door are not noted,
/// and of the others only so many an hour: a flood of wrong passwords must not become a flood of entries. An
/// identifier of nobody is not kept at all: somebody may have typed a password there.
pub(super) async fn note_refusal(
    core: &Core,
    origin: &Origin,
    uid: Option<Uid>,
    closed: Option<Duration>,
) -> Result<(), AccountError> {
    for (limit, whose) in [
        (Limit::AddressRefusals, origin.address.to_string()),
        (Limit::Refusals, "all".to_owned()),
    ] {
        match limits::take(core, limit, whose).await {
            Err(LimitError::Exceeded(_)) => return Ok(()),
            other => other?,
        }
    }
    let object = uid.map_or(Object::Server, Object::User);
    let details = json!({"closed_seconds": closed.map(|closed| closed.as_secs())});
    let action = Action::LoginRefused;
    audit::record_alone(core, origin, None, action, object, &details).await?;
    Ok(())
}
