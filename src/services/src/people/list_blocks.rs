//! Whom one keeps away.

use melo_storage::blocks::{self, Block};

use super::PeopleError;
use crate::{Caller, Core};

/// One page.
pub struct BlockPage {
    /// This page.
    pub blocks: Vec<Block>,
    /// Blocks in all.
    pub total: u64,
}

/// The caller's own blocks.
pub async fn list_blocks(
    core: &Core,
    caller: Caller,
    page: u32,
    per_page: u32,
) -> Result<BlockPage, PeopleError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (blocks, total) = blocks::page(db, keys, caller.uid, page, per_page).await?;
    Ok(BlockPage { blocks, total })
}
