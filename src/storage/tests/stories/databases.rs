//! An empty database of each kind, made for one test and removed after it.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use melo_crypto::{Keyring, Purpose, RootKey, random};
use melo_domain::Timestamp;
use melo_storage::{ConnectionTrait, Database, Store};

/// A database server that tests may use, and the setting that names it.
struct Server {
    name: &'static str,
    setting: &'static str,
    default_url: &'static str,
    default_port: u16,
}

const SERVERS: [Server; 2] = [
    Server {
        name: "MySQL",
        setting: "TEST_MYSQL_URL",
        default_url: "mysql://root@127.0.0.1:3306/mysql",
        default_port: 3306,
    },
    Server {
        name: "PostgreSQL",
        setting: "TEST_POSTGRES_URL",
        default_url: "postgres://root@127.0.0.1:5432/postgres",
        default_port: 5432,
    },
];

/// An empty, connected database.
pub struct TestDatabase {
    pub name: &'static str,
    pub db: Database,
    url: String,
    home: Home,
}

/// What there is to clean up.
enum Home {
    Directory(#[allow(dead_code)] tempfile::TempDir), // removed when dropped
    Server { admin_url: String, database: String },
}

impl TestDatabase {
    /// Connects once more, as another process does.
    pub async fn connect_again(&self) -> Database {
        Database::connect(&self.url).await.unwrap()
    }

    /// Disconnects and removes it.
    pub async fn remove(self) {
        self.db.close().await.unwrap();
        if let Home::Server {
            admin_url,
            database,
        } = self.home
        {
            let admin = Database::connect(&admin_url).await.unwrap();
            let drop = format!("DROP DATABASE {database}");
            admin.write().execute_unprepared(&drop).await.unwrap();
            admin.close().await.unwrap();
        }
    }
}

/// One empty SQLite database.
pub async fn sqlite() -> TestDatabase {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db?mode=rwc", dir.path().display());
    TestDatabase {
        name: "SQLite",
        db: Database::connect(&url).await.unwrap(),
        url,
        home: Home::Directory(dir),
    }
}

/// One empty database of every kind that can be reached. A server that a setting names must answer; one that
/// merely might be there by default is skipped, and that is said.
pub async fn all() -> Vec<TestDatabase> {
    let mut found = vec![sqlite().await];
    for server in &SERVERS {
        let admin_url = match std::env::var(server.setting) {
            Ok(url) => url,
            Err(_) if answers(server.default_port) => server.default_url.to_owned(),
            Err(_) => {
                eprintln!(
                    "skipped: no {} at 127.0.0.1:{}; set {} to test on one",
                    server.name, server.default_port, server.setting
                );
                continue;
            }
        };
        match on_server(server.name, &admin_url).await {
            Ok(database) => found.push(database),
            Err(why) if std::env::var(server.setting).is_err() => {
                eprintln!("skipped: {} lets nobody in: {why}", server.name);
            }
            Err(why) => panic!("{} is set, but: {why}", server.setting),
        }
    }
    found
}

async fn on_server(name: &'static str, admin_url: &str) -> Result<TestDatabase, String> {
    let admin = Database::connect(admin_url)
        .await
        .map_err(|e| e.to_string())?;
    let database = format!("melo_test_{:016x}", random::u64());
    let create = format!("CREATE DATABASE {database}");
    admin
        .write()
        .execute_unprepared(&create)
        .await
        .map_err(|e| e.to_string())?;
    admin.close().await.map_err(|e| e.to_string())?;
    let (server, _) = admin_url
        .rsplit_once('/')
        .expect("the URL ends with a database");
    let url = format!("{server}/{database}");
    Ok(TestDatabase {
        name,
        db: Database::connect(&url).await.map_err(|e| e.to_string())?,
        url,
        home: Home::Server {
            admin_url: admin_url.to_owned(),
            database,
        },
    })
}

fn answers(port: u16) -> bool {
    let mut addresses = ("127.0.0.1", port).to_socket_addrs().unwrap();
    addresses.any(|a| TcpStream::connect_timeout(&a, Duration::from_secs(1)).is_ok())
}

/// A migrated store with fresh keys.
pub async fn store(db: &Database) -> Store {
    db.migrate().await.unwrap();
    Store {
        db: db.clone(),
        keys: Arc::new(keyring()),
    }
}

fn keyring() -> Keyring {
    let root = RootKey::generate();
    let keys = Purpose::ALL.into_iter().zip(1..);
    let now = Timestamp::from_millis(1_795_162_530_000);
    let wrapped = keys.map(|(purpose, id)| root.wrap_new(id, purpose, now));
    Keyring::open(&root, wrapped.collect()).unwrap()
}
