//! Changes of one's own profile.

use melo_domain::{Bio, DisplayName, Secret, Username};
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::accounts::{self, ProfileChange};
use serde_json::json;

use super::AccountError;
use crate::audit::{self, Action, Object};
use crate::credentials::{CredentialError, check_current, check_fit, replace_password};
use crate::{Caller, Core, Origin, sessions};

/// What to change; `None` leaves as it is.
#[derive(Default)]
pub struct ProfileUpdate {
    /// New name.
    pub name: Option<DisplayName>,
    /// New nickname.
    pub nickname: Option<DisplayName>,
    /// New username, or `Some(None)` to give it up.
    pub username: Option<Option<Username>>,
    /// New bio.
    pub bio: Option<Bio>,
    /// New password, checked for its form already.
    pub password: Option<Secret>,
    /// Needed to change the password.
    pub current_password: Option<Secret>,
}

/// Applies the changes, all or none. A new password ends all other logins, as POST /password/change does.
pub async fn update_profile(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    update: ProfileUpdate,
) -> Result<(), AccountError> {
    let (keys, uid) = (&core.store.keys, caller.uid);
    let password_hash = new_password(core, caller, &update).await?;
    let change = ProfileChange {
        name: update.name.as_ref(),
        nickname: update.nickname.as_ref(),
        username: update.username.as_ref().map(Option::as_ref),
        bio: update.bio.as_ref().map(Bio::as_str),
        password_hash: None,
    };
    let fields = names(&change);
    let tx = core.store.db.begin().await?;
    if !fields.is_empty() {
        match accounts::update_profile(&tx, keys, uid, &change).await {
            Err(error) if error.is_unique_violation() => return Err(AccountError::UsernameTaken),
            other => other?,
        }
    }
    let ended = match &password_hash {
        Some(hash) => Some(replace_password(core, &tx, uid, hash, Some(caller)).await?),
        None => None,
    };
    let (actor, object) = (Some(uid), Object::User(uid));
    if !fields.is_empty() {
        let (action, details) = (Action::AccountUpdate, json!({ "fields": fields }));
        audit::record(core, &tx, origin, actor, action, object, &details).await?;
    }
    if let Some(ended) = &ended {
        let details = json!({"sessions_ended": ended.count()});
        let action = Action::PasswordChange;
        audit::record(core, &tx, origin, actor, action, object, &details).await?;
    }
    tx.commit().await.map_err(StorageError::from)?;
    if let Some(ended) = ended {
        sessions::tell(core, ended, CloseCode::SessionRevoked);
    }
    Ok(())
}

/// Which fields a change is about, for the audit log: what they say is nobody's business there.
fn names(change: &ProfileChange<'_>) -> Vec<&'static str> {
    let fields = [
        ("name", change.name.is_some()),
        ("nickname", change.nickname.is_some()),
        ("username", change.username.is_some()),
        ("bio", change.bio.is_some()),
    ];
    let set = fields.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| name).collect()
}

/// The hash of the new password, if there is to be one and the current one was shown.
async fn new_password(
    core: &Core,
    caller: Caller,
    update: &ProfileUpdate,
) -> Result<Option<String>, CredentialError> {
    let Some(new) = &update.password else {
        return Ok(None);
    };
    let current = update.current_password.clone();
    let current = current.ok_or(CredentialError::CurrentMissing)?;
    let account = check_current(core, caller, current).await?;
    check_fit(core, new, &account).await?;
    Ok(Some(core.passwords.hash(new.clone()).await?))
}
