//! Every migration can be taken back and made again, on every database.

use melo_storage::{ConnectionTrait, Database};

use crate::databases;

async fn has_table(db: &Database, table: &str) -> bool {
    let probe = format!("SELECT COUNT(*) FROM {table}");
    db.write().execute_unprepared(&probe).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_down_up() {
    const TABLES: [&str; 14] = [
        "data_keys",
        "users",
        "devices",
        "sessions",
        "contacts",
        "logs",
        "log_members",
        "events",
        "cursors",
        "bans",
        "avatars",
        "privacy",
        "blocks",
        "tombstones",
    ];
    for database in databases::all().await {
        let db = &database.db;
        let all = db.pending_migrations().await.unwrap();
        assert!(!all.is_empty(), "{}", database.name);

        for _ in 0..2 {
            db.migrate().await.unwrap();
            assert_eq!(db.pending_migrations().await.unwrap(), [""; 0]);
            for table in TABLES {
                assert!(has_table(db, table).await, "{}: {table}", database.name);
            }
            db.migrate().await.expect("a second time changes nothing");

            db.unmigrate().await.unwrap();
            assert_eq!(db.pending_migrations().await.unwrap(), all);
            for table in TABLES {
                assert!(!has_table(db, table).await, "{}: {table}", database.name);
            }
        }
        database.remove().await;
    }
}
