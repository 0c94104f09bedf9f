//! Database migrations, in order, each reversible. Written with the query builder so that the same code
//! runs on SQLite, MySQL/MariaDB and PostgreSQL; sealed columns are bytes everywhere.

use sea_orm_migration::prelude::*;

mod m20261121_001_create_data_keys;
mod m20261121_002_create_users;
mod m20261121_003_create_logs;
mod m20261121_004_add_roles;
mod m20261121_005_create_jobs;
mod m20261121_006_create_audit;
mod m20261121_010_create_bans;
mod m20261121_020_create_codes;
mod m20261121_030_create_profiles;
mod m20261121_050_create_second_factors;
mod m20261127_001_create_chats;
mod m20261127_002_create_event_changes;
mod m20261127_010_create_presence;
mod m20261127_011_add_contact_refusals;

/// The list of migrations.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_001_create_data_keys::Migration),
            Box::new(m20261121_002_create_users::Migration),
            Box::new(m20261121_003_create_logs::Migration),
            Box::new(m20261121_004_add_roles::Migration),
            Box::new(m20261121_005_create_jobs::Migration),
            Box::new(m20261121_006_create_audit::Migration),
            Box::new(m20261121_010_create_bans::Migration),
            Box::new(m20261121_030_create_profiles::Migration),
            Box::new(m20261121_020_create_codes::Migration),
            Box::new(m20261121_050_create_second_factors::Migration),
            Box::new(m20261127_001_create_chats::Migration),
            Box::new(m20261127_002_create_event_changes::Migration),
            Box::new(m20261127_010_create_presence::Migration),
            Box::new(m20261127_011_add_contact_refusals::Migration),
        ]
    }
}

/// A sealed value of up to 64 KiB: `BLOB`, `bytea`.
pub(crate) fn sealed(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.blob();
    column
}

/// A blind index: key id and HMAC, 36 bytes (docs/CRYPTO.md).
pub(crate) fn blind_index(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.var_binary(36);
    column
}

/// A plain 64-bit number.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.big_integer();
    column
}

/// A plain 16-bit number: an enumeration's code.
pub(crate) fn small(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.small_integer();
    column
}

/// A named table.
pub(crate) fn table(name: &'static str) -> TableCreateStatement {
    let mut statement = Table::create();
    statement.table(Alias::new(name));
    statement
}

/// Adds columns, one statement each: SQLite takes no more at once.
pub(crate) async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        let mut statement = Table::alter();
        statement.table(Alias::new(table)).add_column(column);
        manager.alter_table(statement).await?;
    }
    Ok(())
}

/// Takes columns away, one statement each.
pub(crate) async fn drop_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    for column in columns {
        let mut statement = Table::alter();
        statement
            .table(Alias::new(table))
            .drop_column(Alias::new(*column));
        manager.alter_table(statement).await?;
    }
    Ok(())
}

/// Drops the given tables, last made first.
pub(crate) async fn drop_tables(
    manager: &SchemaManager<'_>,
    names: &[&'static str],
) -> Result<(), DbErr> {
    for name in names.iter().rev() {
        manager
            .drop_table(Table::drop().table(Alias::new(*name)).to_owned())
            .await?;
    }
    Ok(())
}

/// An index, unique or not, named after its table and columns.
pub(crate) async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut statement = Index::create();
    statement
        .name(format!("ix_{table}_{}", columns.join("_")))
        .table(Alias::new(table));
    for column in columns {
        statement.col(Alias::new(*column));
    }
    if unique {
        statement.unique();
    }
    manager.create_index(statement).await
}
