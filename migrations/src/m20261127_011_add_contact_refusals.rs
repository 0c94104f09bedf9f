//! When a contact request was last refused: for a while after it the same person's requests are told to nobody.

use sea_orm_migration::prelude::*;

use crate::{add_columns, drop_columns, sealed};

/// Adds `contacts.refused_at`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(
            manager,
            "contacts",
            [sealed("refused_at").null().to_owned()],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "contacts", &["refused_at"]).await
    }
}
