//! The durable queue of work that leaves this server: codes, mails, pushes.

use sea_orm_migration::prelude::*;

use crate::{big, drop_tables, index, sealed, small, table};

/// Creates `jobs`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("jobs")
                    .col(big("id").not_null().primary_key())
                    .col(small("kind").not_null())
                    .col(small("state").not_null())
                    .col(ColumnDef::new(Alias::new("attempts")).integer().not_null())
                    // Milliseconds since 1970: when it is due, or, while it runs, when its worker counts as dead.
                    .col(big("due").not_null())
                    .col(sealed("payload").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "jobs", &["state", "due"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["jobs"]).await
    }
}
