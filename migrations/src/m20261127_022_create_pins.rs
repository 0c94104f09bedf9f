//! Which messages are pinned now.

use sea_orm_migration::prelude::*;

use crate::m20261121_003_create_logs::clustered;
use crate::{big, drop_tables, table};

/// Creates `pins`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let pins = clustered(
            manager,
            table("pins")
                .col(big("log").not_null())
                // The pinned message.
                .col(big("target_seq").not_null())
                // The event that pinned it.
                .col(big("seq").not_null())
                .primary_key(
                    Index::create()
                        .col(Alias::new("log"))
                        .col(Alias::new("target_seq")),
                ),
        );
        manager.create_table(pins).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["pins"]).await
    }
}
