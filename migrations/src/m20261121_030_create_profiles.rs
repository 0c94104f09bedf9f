//! What people show of themselves and to whom; who is kept away; which ids are never given out again.

use sea_orm_migration::prelude::*;

use crate::m20261121_002_create_users::long_sealed;
use crate::{big, drop_tables, index, sealed, table};

/// Creates `avatars`, `privacy`, `blocks` and `tombstones`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("avatars")
                    .col(big("uid").not_null().primary_key())
                    // Up to a mebibyte, which is more than a plain BLOB holds in MySQL.
                    .col(long_sealed(manager, "image").not_null())
                    .col(sealed("mime").not_null())
                    .col(sealed("updated_at").not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                table("privacy")
                    .col(big("uid").not_null().primary_key())
                    .col(sealed("switches").not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                table("blocks")
                    .col(big("uid").not_null())
                    .col(big("peer").not_null())
                    .col(sealed("created_at").not_null())
                    .primary_key(
                        Index::create()
                            .col(Alias::new("uid"))
                            .col(Alias::new("peer")),
                    )
                    .to_owned(),
            )
            .await?;
        index(manager, "blocks", &["peer"], false).await?;
        manager
            .create_table(
                table("tombstones")
                    .col(big("uid").not_null().primary_key())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["avatars", "privacy", "blocks", "tombstones"]).await
    }
}
