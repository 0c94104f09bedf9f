//! Messages whose time ends: their content is taken away when it has.

use melo_crypto::Keyring;
use melo_domain::{LogId, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::expiries::{Column, Entity};
use crate::{StorageError, events};

/// What one batch has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Messages whose time was over.
    pub count: u64,
    /// The logs they were in, each once.
    pub logs: Vec<LogId>,
}

/// Takes away the content of up to `limit` messages whose time is over. In the caller's transaction.
pub async fn sweep(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    now: Timestamp,
    limit: u64,
) -> Result<Swept, StorageError> {
    let due = Entity::find()
        .filter(Column::Due.lte(now.millis()))
        .order_by_asc(Column::Due)
        .order_by_asc(Column::Log)
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(tx)
        .await?;
    let mut swept = Swept::default();
    for row in due {
        let log = LogId::from_i64(row.log)?;
        events::erase(tx, keys, log, row.seq.unsigned_abs()).await?;
        Entity::delete_by_id((row.due, row.log, row.seq))
            .exec(tx)
            .await?;
        swept.count += 1;
        swept.logs.push(log);
    }
    swept.logs.sort_unstable();
    swept.logs.dedup();
    Ok(swept)
}
