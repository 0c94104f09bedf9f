//! Somebody's personal access tokens.

use melo_domain::{AdminAction, Uid};
use serde_json::json;

use super::{AdminError, authorize};
use crate::audit::{self, Action, Object};
use crate::tokens::{self, TokenView};
use crate::{Caller, Core, Origin};

/// The tokens of `uid`, newest first, all of them: a person may have fifty.
pub async fn list_tokens(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
) -> Result<Vec<TokenView>, AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, Some(uid)).await?;
    let found = tokens::of_person(core, uid).await?;
    let (action, object) = (Action::AdminView, Object::User(uid));
    let details = json!({"what": "tokens"});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok(found)
}
