//! Messages that are to be sent later.

use sea_orm_migration::prelude::*;

use crate::m20261121_002_create_users::long_sealed;
use crate::{big, drop_tables, index, sealed, small, table};

/// Creates `scheduled`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("scheduled")
                    .col(big("id").not_null().primary_key())
                    .col(big("uid").not_null())
                    .col(big("device").not_null())
                    .col(ColumnDef::new(Alias::new("client_id")).var_binary(16))
                    // Milliseconds since 1970.
                    .col(big("due").not_null())
                    .col(small("state").not_null())
                    // To whom, and when it was scheduled.
                    .col(sealed("head").not_null())
                    // The payload.
                    .col(long_sealed(manager, "body").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "scheduled", &["state", "due"], false).await?;
        index(manager, "scheduled", &["uid"], false).await?;
        index(manager, "scheduled", &["device", "client_id"], true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["scheduled"]).await
    }
}
