//! Addresses, devices and phone numbers that are kept out.

use sea_orm_migration::prelude::*;

use crate::{big, blind_index, drop_tables, index, sealed, small, table};

/// Creates `bans`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("bans")
                    .col(big("id").not_null().primary_key())
                    .col(small("kind").not_null())
                    .col(blind_index("value_index").not_null())
                    .col(blind_index("value_index_next"))
                    .col(sealed("value").not_null())
                    .col(sealed("reason").not_null())
                    .col(big("created_by"))
                    .col(sealed("created_at").not_null())
                    .col(sealed("expires"))
                    .to_owned(),
            )
            .await?;
        index(manager, "bans", &["value_index"], true).await?;
        index(manager, "bans", &["value_index_next"], true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["bans"]).await
    }
}
