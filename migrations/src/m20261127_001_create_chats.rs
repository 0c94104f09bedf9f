//! Groups and channels: what a log of several members has besides its events.

use sea_orm_migration::prelude::*;

use crate::m20261121_002_create_users::long_sealed;
use crate::m20261121_003_create_logs::clustered;
use crate::{add_columns, big, drop_columns, drop_tables, index, sealed, small, table};

/// Adds to `logs` and `log_members`; creates `chats`, `chat_invites`, `chat_requests`, `chat_invitations`,
/// `chat_bans` and `chat_keys`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let number = |name| big(name).not_null().default(0).to_owned();
        let logs = [
            // The events of the last change of members or roles, and of the last removal of a member or device.
            number("members_seq"),
            number("removed_seq"),
            // Seconds that a message lives; 0: as long as the log keeps it.
            number("disappearing"),
            // Seconds that events are kept; 0: as long as the server keeps them.
            number("retention"),
        ];
        add_columns(manager, "logs", logs).await?;
        let members = [
            small("role").not_null().default(1).to_owned(),
            // The first event that is for this member.
            number("from_seq"),
        ];
        add_columns(manager, "log_members", members).await?;
        create_chats(manager).await?;
        create_ways_in(manager).await?;
        create_keys(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "chats",
            "chat_invites",
            "chat_requests",
            "chat_invitations",
            "chat_bans",
            "chat_keys",
        ];
        drop_tables(manager, &tables).await?;
        drop_columns(manager, "log_members", &["role", "from_seq"]).await?;
        let logs = ["members_seq", "removed_seq", "disappearing", "retention"];
        drop_columns(manager, "logs", &logs).await
    }
}

async fn create_chats(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let flag = |name: &'static str| {
        ColumnDef::new(Alias::new(name))
            .boolean()
            .not_null()
            .default(false)
            .to_owned()
    };
    manager
        .create_table(
            table("chats")
                // The id of its log.
                .col(big("id").not_null().primary_key())
                .col(big("owner").not_null())
                .col(flag("is_public"))
                .col(flag("by_request"))
                .col(flag("share_history"))
                .col(
                    ColumnDef::new(Alias::new("slow_mode"))
                        .integer()
                        .not_null()
                        .default(0),
                )
                .col(sealed("title").not_null())
                .col(sealed("description"))
                .col(long_sealed(manager, "avatar"))
                .col(sealed("avatar_mime"))
                .col(sealed("created_at").not_null())
                .to_owned(),
        )
        .await?;
    index(manager, "chats", &["owner"], false).await
}

async fn create_ways_in(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            table("chat_invites")
                .col(big("id").not_null().primary_key())
                .col(big("chat").not_null())
                .col(big("created_by").not_null())
                .col(
                    ColumnDef::new(Alias::new("code_hash"))
                        .var_binary(32)
                        .not_null(),
                )
                .col(sealed("code").not_null())
                // The one that a public chat shows as its `invite_code`.
                .col(
                    ColumnDef::new(Alias::new("public"))
                        .boolean()
                        .not_null()
                        .default(false),
                )
                .col(ColumnDef::new(Alias::new("uses")).integer().not_null())
                // How many more; negative: any number.
                .col(ColumnDef::new(Alias::new("uses_left")).integer().not_null())
                .col(ColumnDef::new(Alias::new("expires_day")).integer())
                .col(sealed("expires_at"))
                .col(sealed("created_at").not_null())
                .to_owned(),
        )
        .await?;
    index(manager, "chat_invites", &["code_hash"], true).await?;
    index(manager, "chat_invites", &["chat"], false).await?;
    for (name, by) in [
        ("chat_requests", false),
        ("chat_invitations", true),
        ("chat_bans", true),
    ] {
        let mut statement = table(name);
        statement
            .col(big("chat").not_null())
            .col(big("uid").not_null())
            .col(sealed("created_at").not_null())
            .primary_key(
                Index::create()
                    .col(Alias::new("chat"))
                    .col(Alias::new("uid")),
            );
        if by {
            statement.col(big("created_by").not_null());
        }
        manager.create_table(statement).await?;
        index(manager, name, &["uid"], false).await?;
    }
    Ok(())
}

async fn create_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(clustered(
            manager,
            table("chat_keys")
                .col(big("log").not_null())
                // SHA-256 over the key, made by the device that made the key.
                .col(
                    ColumnDef::new(Alias::new("key_ref"))
                        .var_binary(32)
                        .not_null(),
                )
                // The first event that carries it.
                .col(big("seq").not_null())
                .col(big("sender").not_null())
                .col(big("device").not_null())
                .col(sealed("made_at").not_null())
                // The devices it was wrapped for: their names, eight bytes each.
                .col(long_sealed(manager, "devices").not_null())
                .primary_key(
                    Index::create()
                        .col(Alias::new("log"))
                        .col(Alias::new("key_ref")),
                ),
        ))
        .await
}
