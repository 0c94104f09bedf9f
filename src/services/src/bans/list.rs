//! Who is kept out, for those who decide about it.

use melo_domain::AdminAction;
use melo_storage::bans::{self, Ban};

use super::BanError;
use crate::{Caller, Core, admin};

/// A page of bans.
pub struct BanPage {
    /// In an order that stays.
    pub bans: Vec<Ban>,
    /// Of all pages.
    pub total: u64,
}

/// The bans, those that have ended included. Reading them takes the right to ban: they hold addresses and
/// phone numbers.
pub async fn list(
    core: &Core,
    caller: Caller,
    page: u32,
    per_page: u32,
) -> Result<BanPage, BanError> {
    admin::authorize(core, caller, AdminAction::Ban, None).await?;
    let (bans, total) = bans::page(core.store.db.read(), &core.store.keys, page, per_page).await?;
    Ok(BanPage { bans, total })
}
