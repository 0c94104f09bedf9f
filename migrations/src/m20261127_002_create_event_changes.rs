//! Events that concern an earlier event, and messages whose time ends.

use sea_orm_migration::prelude::*;

use crate::m20261121_003_create_logs::clustered;
use crate::{big, drop_tables, index, table};

/// Creates `event_changes` and `expiries`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = |name, keys: [&'static str; 3]| {
            let mut primary = Index::create();
            let mut statement = table(name);
            for key in keys {
                statement.col(big(key).not_null());
                primary.col(Alias::new(key));
            }
            clustered(manager, statement.primary_key(&mut primary))
        };
        // `seq` is an edit, a reaction, a pin of `target_seq`.
        let changes = columns("event_changes", ["log", "target_seq", "seq"]);
        manager.create_table(changes).await?;
        // `due`: milliseconds since 1970.
        let expiries = columns("expiries", ["due", "log", "seq"]);
        manager.create_table(expiries).await?;
        index(manager, "expiries", &["log"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["event_changes", "expiries"]).await
    }
}
