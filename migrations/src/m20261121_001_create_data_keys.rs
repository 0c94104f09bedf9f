//! The data keys, each wrapped by the root key.

use sea_orm_migration::prelude::*;

use crate::{big, drop_tables, table};

/// Creates `data_keys`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("data_keys")
                    .col(big("id").not_null().primary_key())
                    .col(
                        ColumnDef::new(Alias::new("purpose"))
                            .small_integer()
                            .not_null(),
                    )
                    .col(
                        ColumnDef::new(Alias::new("wrapped"))
                            .var_binary(128)
                            .not_null(),
                    )
                    .col(
                        ColumnDef::new(Alias::new("state"))
                            .small_integer()
                            .not_null(),
                    )
                    .col(big("created").not_null())
                    .col(big("seals").not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["data_keys"]).await
    }
}
