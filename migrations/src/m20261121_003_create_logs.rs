//! Event logs: who is in them, what happened, how far each device has read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::m20261121_002_create_users::long_sealed;
use crate::{big, drop_tables, index, sealed, table};

/// Creates `logs`, `log_members`, `events` and `cursors`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                table("logs")
                    .col(big("id").not_null().primary_key())
                    .col(
                        ColumnDef::new(Alias::new("kind"))
                            .small_integer()
                            .not_null(),
                    )
                    // Everything up to here is gone: retention must not let a number be used twice.
                    .col(big("pruned_seq").not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(clustered(
                manager,
                table("log_members")
                    .col(big("log").not_null())
                    .col(big("uid").not_null())
                    .col(sealed("joined_at").not_null())
                    .primary_key(
                        Index::create()
                            .col(Alias::new("log"))
                            .col(Alias::new("uid")),
                    ),
            ))
            .await?;
        index(manager, "log_members", &["uid"], false).await?;
        manager
            .create_table(clustered(
                manager,
                table("events")
                    .col(big("log").not_null())
                    .col(big("seq").not_null())
                    .col(
                        ColumnDef::new(Alias::new("kind"))
                            .small_integer()
                            .not_null(),
                    )
                    .col(big("sender").not_null())
                    .col(big("device"))
                    .col(ColumnDef::new(Alias::new("client_id")).var_binary(16))
                    .col(ColumnDef::new(Alias::new("day")).integer().not_null())
                    .col(long_sealed(manager, "body").not_null())
                    .primary_key(
                        Index::create()
                            .col(Alias::new("log"))
                            .col(Alias::new("seq")),
                    ),
            ))
            .await?;
        index(manager, "events", &["device", "client_id"], true).await?;
        manager
            .create_table(clustered(
                manager,
                table("cursors")
                    .col(big("device").not_null())
                    .col(big("log").not_null())
                    .col(sealed("position").not_null())
                    .primary_key(
                        Index::create()
                            .col(Alias::new("device"))
                            .col(Alias::new("log")),
                    ),
            ))
            .await?;
        index(manager, "cursors", &["log"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["logs", "log_members", "events", "cursors"]).await
    }
}

/// Rows lie in primary-key order, as InnoDB does by itself: a log is read in one sweep, and an append
/// touches one tree less.
pub(crate) fn clustered(
    manager: &SchemaManager<'_>,
    statement: &mut TableCreateStatement,
) -> TableCreateStatement {
    if manager.get_database_backend() == DatabaseBackend::Sqlite {
        statement.extra("WITHOUT ROWID");
    }
    statement.to_owned()
}
