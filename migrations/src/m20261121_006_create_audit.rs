//! Who did what: an append-only log whose entries hold on to each other.

use sea_orm_migration::prelude::*;

use crate::{big, drop_tables, index, sealed, table};

/// Creates `audit_log` and `audit_head`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| {
            ColumnDef::new(Alias::new(name))
                .string_len(64)
                .not_null()
                .to_owned()
        };
        manager
            .create_table(
                table("audit_log")
                    .col(big("id").not_null().primary_key())
                    .col(sealed("at").not_null())
                    .col(big("actor"))
                    .col(text("action"))
                    .col(text("object"))
                    .col(sealed("details").not_null())
                    .col(sealed("ip_address").not_null())
                    .col(sealed("user_agent").not_null())
                    .col(text("request_id"))
                    .col(
                        ColumnDef::new(Alias::new("chain"))
                            .var_binary(32)
                            .not_null(),
                    )
                    .to_owned(),
            )
            .await?;
        index(manager, "audit_log", &["actor"], false).await?;
        index(manager, "audit_log", &["object"], false).await?;
        manager
            .create_table(
                // One row: whoever appends takes its lock first.
                table("audit_head")
                    .col(big("id").not_null().primary_key())
                    .col(big("last_id").not_null())
                    .col(
                        ColumnDef::new(Alias::new("chain"))
                            .var_binary(32)
                            .not_null(),
                    )
                    .to_owned(),
            )
            .await?;
        let head = Query::insert()
            .into_table(Alias::new("audit_head"))
            .columns(["id", "last_id", "chain"].map(Alias::new))
            .values_panic([1.into(), 0.into(), vec![0_u8; 32].into()])
            .to_owned();
        manager.execute(head).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["audit_log", "audit_head"]).await
    }
}
