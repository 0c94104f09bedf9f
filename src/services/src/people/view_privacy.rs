//! One's own switches.

use melo_domain::Privacy;

use super::{PeopleError, privacy_of};
use crate::{Caller, Core};

/// The caller's switches.
pub async fn view_privacy(core: &Core, caller: Caller) -> Result<Privacy, PeopleError> {
    Ok(privacy_of(core, caller.uid).await?)
}
