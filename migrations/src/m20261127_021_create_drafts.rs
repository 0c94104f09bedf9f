//! What a person has begun to write and not sent yet.

use sea_orm_migration::prelude::*;

use crate::m20261121_002_create_users::long_sealed;
use crate::m20261121_003_create_logs::clustered;
use crate::{big, drop_tables, index, table};

/// Creates `drafts`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(clustered(
                manager,
                table("drafts")
                    .col(big("uid").not_null())
                    .col(big("log").not_null())
                    // The payload, for whom it is, and when it was written.
                    .col(long_sealed(manager, "body").not_null())
                    .primary_key(
                        Index::create()
                            .col(Alias::new("uid"))
                            .col(Alias::new("log")),
                    ),
            ))
            .await?;
        index(manager, "drafts", &["log"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["drafts"]).await
    }
}
