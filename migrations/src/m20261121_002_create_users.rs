//! People, their devices, sessions and contacts.

use sea_orm_migration::prelude::*;

use crate::{big, blind_index, drop_tables, index, sealed, table};

/// Creates `users`, `devices`, `sessions` and `contacts`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_users(manager).await?;
        create_devices(manager).await?;
        create_sessions(manager).await?;
        create_contacts(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["users", "devices", "sessions", "contacts"]).await
    }
}

async fn create_users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            table("users")
                .col(big("uid").not_null().primary_key())
                // Each index has a twin that is filled while the index key is being rotated.
                .col(blind_index("phone_index").not_null())
                .col(blind_index("phone_index_next"))
                .col(blind_index("username_index"))
                .col(blind_index("username_index_next"))
                .col(sealed("phone").not_null())
                .col(sealed("name").not_null())
                .col(sealed("nickname").not_null())
                .col(sealed("username"))
                .col(sealed("bio"))
                .col(
                    ColumnDef::new(Alias::new("password_hash"))
                        .string_len(255)
                        .not_null(),
                )
                .col(sealed("e2e_key").not_null())
                .col(sealed("e2e_key_updated").not_null())
                .col(sealed("created_at").not_null())
                .col(big("private_log").not_null())
                .col(big("directory_version").not_null())
                .col(sealed("identity_key"))
                // A sealed text of up to 64 KiB is longer than a plain BLOB holds in MySQL.
                .col(long_sealed(manager, "key_backup"))
                .col(sealed("key_backup_updated"))
                .to_owned(),
        )
        .await?;
    for column in [
        "phone_index",
        "phone_index_next",
        "username_index",
        "username_index_next",
    ] {
        index(manager, "users", &[column], true).await?;
    }
    Ok(())
}

/// A sealed value of up to 4 GiB.
pub(crate) fn long_sealed(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DatabaseBackend::MySql {
        column.custom(Alias::new("longblob"));
    } else {
        column.blob();
    }
    column
}

async fn create_devices(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            table("devices")
                .col(big("id").not_null().primary_key())
                .col(big("uid").not_null())
                .col(blind_index("device_index").not_null())
                .col(blind_index("device_index_next"))
                .col(sealed("device_id").not_null())
                .col(ColumnDef::new(Alias::new("token_hash")).var_binary(32))
                .col(sealed("token_expires"))
                .col(sealed("created_at").not_null())
                .col(sealed("kid"))
                .col(sealed("encryption_key"))
                .col(sealed("signing_key"))
                .col(sealed("signature"))
                .to_owned(),
        )
        .await?;
    index(manager, "devices", &["uid"], false).await?;
    index(manager, "devices", &["device_index"], true).await?;
    index(manager, "devices", &["device_index_next"], true).await
}

async fn create_sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            table("sessions")
                .col(big("id").not_null().primary_key())
                .col(big("uid").not_null())
                .col(big("device").not_null())
                .col(sealed("device_type").not_null())
                .col(sealed("device_name").not_null())
                .col(sealed("ip_address").not_null())
                .col(sealed("user_agent").not_null())
                .col(sealed("created_at").not_null())
                .col(sealed("last_activity").not_null())
                .col(ColumnDef::new(Alias::new("active")).boolean().not_null())
                .to_owned(),
        )
        .await?;
    index(manager, "sessions", &["uid"], false).await?;
    index(manager, "sessions", &["device"], false).await
}

async fn create_contacts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            table("contacts")
                .col(big("uid").not_null())
                .col(big("peer").not_null())
                .col(
                    ColumnDef::new(Alias::new("status"))
                        .small_integer()
                        .not_null(),
                )
                .col(ColumnDef::new(Alias::new("secret")).boolean().not_null())
                .col(big("log"))
                .col(sealed("created_at").not_null())
                .primary_key(
                    Index::create()
                        .col(Alias::new("uid"))
                        .col(Alias::new("peer")),
                )
                .to_owned(),
        )
        .await?;
    index(manager, "contacts", &["peer", "status"], false).await
}
