//! CSRF tokens: bound to the session, good as long as an access token, kept nowhere.

use crate::{Caller, Core};

/// A fresh token for the caller's session.
pub fn issue_csrf(core: &Core, caller: Caller) -> String {
    core.csrf.issue(
        caller.session,
        core.clock.now().plus(core.policy.access_token_life),
    )
}

/// Whether `token` was issued to the caller's session and is still good.
pub fn check_csrf(core: &Core, caller: Caller, token: &str) -> bool {
    core.csrf.verify(caller.session, token, core.clock.now())
}
