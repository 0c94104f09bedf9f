//! The database file, as whoever brings accounts from elsewhere writes into it: beside the running server.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::Server;

/// How long the server's own writes are waited for.
const BUSY: Duration = Duration::from_secs(30);

async fn open(server: &Server) -> SqliteConnection {
    let file = server.data_dir().join("melo.db");
    let options = SqliteConnectOptions::new().filename(file);
    let opened = options.busy_timeout(BUSY).connect().await;
    opened.expect("the database")
}

fn number(uid: &str) -> i64 {
    uid.parse().expect("eight digits")
}

/// The stored password hash of a person.
pub async fn password_hash(server: &Server, uid: &str) -> String {
    let mut database = open(server).await;
    let row = sqlx::query_scalar("SELECT password_hash FROM users WHERE uid = ?")
        .bind(number(uid))
        .fetch_one(&mut database)
        .await;
    database.close().await.expect("a closed database");
    row.expect("a row")
}

/// Stores a password hash that was brought along in place of a person's own.
pub async fn import_password_hash(server: &Server, uid: &str, hash: &str) {
    let mut database = open(server).await;
    let done = sqlx::query("UPDATE users SET password_hash = ? WHERE uid = ?")
        .bind(hash)
        .bind(number(uid))
        .execute(&mut database)
        .await;
    database.close().await.expect("a closed database");
    assert_eq!(done.expect("an update").rows_affected(), 1);
}
