//! Ranks and states of accounts; what kind of session a session is.

use sea_orm_migration::prelude::*;

use crate::{add_columns, drop_columns, sealed, small};

/// Adds to `users` and `sessions`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = [
            small("role").not_null().default(1).to_owned(),
            small("state").not_null().default(1).to_owned(),
            ColumnDef::new(Alias::new("reset_required"))
                .boolean()
                .not_null()
                .default(false)
                .to_owned(),
        ];
        add_columns(manager, "users", users).await?;
        let sessions = [
            small("kind").not_null().default(1).to_owned(),
            sealed("authenticated_at"),
        ];
        add_columns(manager, "sessions", sessions).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_columns(manager, "sessions", &["kind", "authenticated_at"]).await?;
        drop_columns(manager, "users", &["role", "state", "reset_required"]).await
    }
}
