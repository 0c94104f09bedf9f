//! When people were last there.

use sea_orm_migration::prelude::*;

use crate::{big, drop_tables, sealed, table};

/// Creates `presence`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("presence")
                    .col(big("uid").not_null().primary_key())
                    .col(sealed("last_seen").not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["presence"]).await
    }
}
