//! Second factors, recovery codes, personal access tokens, and device tokens that were replaced.

use sea_orm_migration::prelude::*;

use crate::{big, drop_tables, index, sealed, table};

/// Creates `second_factors`, `recovery_codes`, `access_tokens` and `spent_device_tokens`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let hash = |name: &'static str| {
            ColumnDef::new(Alias::new(name))
                .var_binary(32)
                .not_null()
                .to_owned()
        };
        manager
            .create_table(
                table("second_factors")
                    .col(big("uid").not_null().primary_key())
                    .col(sealed("secret").not_null())
                    .col(ColumnDef::new(Alias::new("confirmed")).boolean().not_null())
                    // Steps up to this one are spent.
                    .col(big("last_step").not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                table("recovery_codes")
                    .col(hash("code_hash").primary_key())
                    .col(big("uid").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "recovery_codes", &["uid"], false).await?;
        manager
            .create_table(
                table("access_tokens")
                    .col(big("session").not_null().primary_key())
                    .col(big("uid").not_null())
                    .col(hash("token_hash"))
                    .col(sealed("name").not_null())
                    .col(
                        ColumnDef::new(Alias::new("scopes"))
                            .string_len(128)
                            .not_null(),
                    )
                    .col(sealed("expires_at").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "access_tokens", &["token_hash"], true).await?;
        index(manager, "access_tokens", &["uid"], false).await?;
        manager
            .create_table(
                table("spent_device_tokens")
                    .col(hash("token_hash").primary_key())
                    .col(big("device").not_null())
                    .col(ColumnDef::new(Alias::new("day")).integer().not_null())
                    .col(sealed("spent_at").not_null())
                    .to_owned(),
            )
            .await?;
        index(manager, "spent_device_tokens", &["device"], false).await?;
        index(manager, "spent_device_tokens", &["day"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "second_factors",
            "recovery_codes",
            "access_tokens",
            "spent_device_tokens",
        ];
        drop_tables(manager, &tables).await
    }
}
