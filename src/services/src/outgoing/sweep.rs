//! Forgets what has expired.

use std::time::Duration;

use melo_domain::Timestamp;
use melo_storage::{StorageError, chat_invites, codes, deliveries, invites, jobs, mail_tokens};

use crate::Core;

/// How long reports of delivery, expired invites and jobs that were given up stay to be looked at.
const KEPT_DAYS: u16 = 30;

/// Removes expired codes, tokens and invites, old reports, and jobs that were given up long ago.
pub async fn sweep(core: &Core) -> Result<(), StorageError> {
    let (db, now) = (core.store.db.write(), core.now());
    codes::sweep(db, now).await?;
    mail_tokens::sweep(db, now).await?;
    invites::sweep(db, now, KEPT_DAYS.into()).await?;
    // Nobody sees an expired one, or comes in with it.
    chat_invites::sweep(db, now, 1).await?;
    deliveries::sweep(db, now, KEPT_DAYS.into()).await?;
    let kept = Duration::from_secs(u64::from(KEPT_DAYS) * 86_400);
    let kept = i64::try_from(kept.as_millis()).unwrap_or(0);
    jobs::sweep_dead(db, Timestamp::from_millis(now.millis() - kept)).await?;
    Ok(())
}
