//! Every migration can be taken back and made again, on every database.

use std::collections::BTreeSet;

use melo_storage::Database;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

use crate::databases;

/// Where the migrations that were made are written down; it stays.
const BOOKKEEPING: &str = "seaql_migrations";

/// Where people read what is kept.
const DOCUMENT: &str = include_str!("../../../../docs/ARCHITECTURE.md");

/// The tables that are there, by what the database itself says.
async fn tables(db: &Database) -> BTreeSet<String> {
    let backend = db.write().get_database_backend();
    let sql = match backend {
        DatabaseBackend::Sqlite => {
            "SELECT name AS t FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        }
        DatabaseBackend::MySql => {
            "SELECT CAST(table_name AS CHAR) AS t FROM information_schema.tables \
             WHERE table_schema = DATABASE()"
        }
        _ => {
            "SELECT CAST(tablename AS TEXT) AS t FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    let statement = Statement::from_string(backend, sql);
    let rows = db.write().query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get::<String>("", "t").unwrap())
        .filter(|table| table != BOOKKEEPING)
        .collect()
}

/// The tables that the document describes.
fn described() -> BTreeSet<String> {
    let (_, section) = DOCUMENT.split_once("\n## Tables\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let name = |line: &str| {
        let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some(name.to_owned())
    };
    section.lines().filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_down_up() {
    let described = described();
    for database in databases::all().await {
        let (db, name) = (&database.db, database.name);
        let all = db.pending_migrations().await.unwrap();
        assert!(!all.is_empty(), "{name}");

        for _ in 0..2 {
            db.migrate().await.unwrap();
            assert_eq!(db.pending_migrations().await.unwrap(), [""; 0]);
            assert_eq!(
                tables(db).await,
                described,
                "{name}: what the migrations make, and what docs/ARCHITECTURE.md says of it"
            );
            db.migrate().await.expect("a second time changes nothing");

            db.unmigrate().await.unwrap();
            assert_eq!(db.pending_migrations().await.unwrap(), all);
            assert_eq!(tables(db).await, BTreeSet::new(), "{name}: all are gone");
        }
        database.remove().await;
    }
}
