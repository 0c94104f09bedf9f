//! Where data is kept.

use std::path::{Path, PathBuf};

use melo_domain::Secret;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Data",
    specs: &[DATA_DIR, DB_URL, REDIS_URL, REDIS_PASSWORD],
};

const DATA_DIR: Spec = Spec {
    name: "DATA_DIR",
    default: Some("./data"),
    example: "/var/lib/melo",
    secret: false,
    help: "Directory for everything the server keeps. Made on first start, closed to other users.",
};
const DB_URL: Spec = Spec {
    name: "DB_URL",
    default: None,
    example: "mysql://melo:password@127.0.0.1:3306/melo",
    secret: true,
    help: "Database: sqlite://FILE, mysql://USER:PASSWORD@HOST/NAME or postgres://USER:PASSWORD@HOST/NAME.
           Forms with a Python driver (mysql+aiomysql://, postgresql+asyncpg://) are understood.
           Unset: SQLite in DATA_DIR/melo.db, which needs nothing else installed.",
};
const REDIS_URL: Spec = Spec {
    name: "REDIS_URL",
    default: None,
    example: "redis://127.0.0.1:6379/0",
    secret: true,
    help: "Not used yet: this version keeps short-lived state in the process. Setting it only gives a warning.",
};
const REDIS_PASSWORD: Spec = Spec {
    name: "REDIS_PASSWORD",
    default: None,
    example: "$(openssl rand -hex 24)",
    secret: true,
    help: "Not used yet, like REDIS_URL.",
};

/// A database, with the drivers of other languages taken out of its URL.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A file of the embedded database.
    Sqlite {
        /// The file.
        file: PathBuf,
    },
    /// `MySQL` or MariaDB.
    MySql {
        /// `mysql://user:password@host/name`.
        url: Secret,
    },
    /// PostgreSQL.
    Postgres {
        /// `postgres://user:password@host/name`.
        url: Secret,
    },
}

impl DatabaseUrl {
    /// The URL as the storage layer takes it.
    pub fn connect_url(&self) -> Secret {
        match self {
            Self::Sqlite { file } => Secret::new(format!("sqlite://{}?mode=rwc", file.display())),
            Self::MySql { url } | Self::Postgres { url } => url.clone(),
        }
    }

    /// What may be shown to the operator: the kind, and the file if it is one.
    pub fn describe(&self) -> String {
        match self {
            Self::Sqlite { file } => format!("SQLite in {}", file.display()),
            Self::MySql { .. } => "MySQL".to_owned(),
            Self::Postgres { .. } => "PostgreSQL".to_owned(),
        }
    }
}

/// Directories, database and cache.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The server's own directory.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// Whether a Redis was named, which this version does not use.
    pub redis_named: bool,
}

impl Storage {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let data_dir = reader.value(&DATA_DIR, parse::path);
        // When the directory is wrong that is said already; the URL is still worth a look.
        let home = data_dir.clone().unwrap_or_default();
        let database = reader.optional(&DB_URL, |text| database_url(text, &home));
        let redis = reader.optional(&REDIS_URL, redis_url);
        let redis_password = reader.optional(&REDIS_PASSWORD, parse::text);

        let data_dir = data_dir?;
        Some(Self {
            database: database?.unwrap_or_else(|| default_database(&data_dir)),
            redis_named: redis?.is_some() || redis_password?.is_some(),
            data_dir,
        })
    }

    /// SQLite in a directory of the test.
    #[cfg(test)]
    pub fn for_testing(dir: &Path) -> Self {
        let data_dir = dir.join("data");
        Self {
            database: default_database(&data_dir),
            redis_named: false,
            data_dir,
        }
    }
}

fn default_database(data_dir: &Path) -> DatabaseUrl {
    DatabaseUrl::Sqlite {
        file: data_dir.join("melo.db"),
    }
}

fn redis_url(text: &str) -> Result<(), String> {
    if ["redis://", "rediss://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        Ok(())
    } else {
        Err("must begin with redis:// or rediss://".to_owned())
    }
}

fn database_url(text: &str, data_dir: &Path) -> Result<DatabaseUrl, String> {
    const KINDS: &str = "must begin with sqlite://, mysql:// or postgres://";
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (text.to_ascii_lowercase(), ""),
    };
    // SQLAlchemy writes `dialect+driver`; the driver is a Python package and means nothing here.
    let (dialect, driver) = match scheme.split_once('+') {
        Some((dialect, driver)) => (dialect, Some(driver)),
        None => (scheme.as_str(), None),
    };
    match dialect {
        "sqlite" if rest.is_empty() => Ok(default_database(data_dir)),
        "sqlite" => Ok(DatabaseUrl::Sqlite {
            file: sqlite_file(rest, driver.is_some())?,
        }),
        "mysql" | "mariadb" => Ok(DatabaseUrl::MySql {
            url: server_url("mysql", rest)?,
        }),
        "postgres" | "postgresql" => Ok(DatabaseUrl::Postgres {
            url: server_url("postgres", rest)?,
        }),
        _ => Err(KINDS.to_owned()),
    }
}

/// The file of `sqlite:FILE` or `sqlite://FILE`. `SQLAlchemy` has one slash more: there,
/// `sqlite+driver:///file` is relative and `sqlite+driver:////file` absolute.
fn sqlite_file(rest: &str, sqlalchemy: bool) -> Result<PathBuf, String> {
    let file = rest.split('?').next().unwrap_or(rest);
    let file = file.strip_prefix("//").unwrap_or(file);
    let file = if sqlalchemy {
        file.strip_prefix('/').unwrap_or(file)
    } else {
        file
    };
    if file.is_empty() || file.contains(":memory:") {
        return Err(
            "must name a file: a database in memory would lose every message at a restart"
                .to_owned(),
        );
    }
    if file.contains(['%', '#']) {
        return Err("must name a file without % and #".to_owned());
    }
    Ok(PathBuf::from(file))
}

fn server_url(scheme: &str, rest: &str) -> Result<Secret, String> {
    const EXPECTED: &str = "must have the form KIND://USER:PASSWORD@HOST/NAME; write @ : / ? # in the password as %40 %3A %2F %3F %23";
    let (authority, name) = rest
        .strip_prefix("//")
        .and_then(|rest| rest.split_once('/'))
        .ok_or(EXPECTED)?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = name.split('?').next().unwrap_or_default();
    if host.is_empty()
        || host.starts_with(':')
        || name.is_empty()
        || name.contains(['/', '@'])
        || authority.matches('@').count() > 1
    {
        return Err(EXPECTED.to_owned());
    }
    Ok(Secret::new(format!("{scheme}:{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, String> {
        database_url(text, Path::new("./data")).map(|url| url.connect_url().expose().to_owned())
    }

    #[test]
    fn forms_of_database_urls() {
        for (form, meant) in [
            ("sqlite", "sqlite://./data/melo.db?mode=rwc"),
            ("sqlite://chat.db", "sqlite://chat.db?mode=rwc"),
            (
                "sqlite:///var/lib/melo/chat.db?mode=ro",
                "sqlite:///var/lib/melo/chat.db?mode=rwc",
            ),
            (
                "sqlite+aiosqlite:///./chat.db",
                "sqlite://./chat.db?mode=rwc",
            ),
            (
                "sqlite+aiosqlite:////srv/chat.db",
                "sqlite:///srv/chat.db?mode=rwc",
            ),
            (
                "mysql+aiomysql://u:p@db:3306/melo",
                "mysql://u:p@db:3306/melo",
            ),
            (
                "mysql+pymysql://u:p@db/melo?charset=utf8mb4",
                "mysql://u:p@db/melo?charset=utf8mb4",
            ),
            ("mariadb://u:p@db/melo", "mysql://u:p@db/melo"),
            (
                "postgresql+asyncpg://u:p%40@db/melo",
                "postgres://u:p%40@db/melo",
            ),
        ] {
            assert_eq!(url(form), Ok(meant.to_owned()), "{form}");
        }
    }

    #[test]
    fn what_is_no_database_url_is_refused_without_being_shown() {
        for bad in [
            "oracle://secretpass@db/melo",
            "mysql://secretpass",
            "mysql://u:secretpass@/melo",
            "mysql://u:secretpass@db",
            "mysql://u:secretpass@db/",
            "mysql://u:secret/pass@db/melo",
            "postgres://u:secret@pass@db/melo",
            "sqlite::memory:",
            "sqlite://",
            "sqlite://50%.db",
        ] {
            let problem = url(bad).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let url = database_url("mysql://u:secretpass@db/melo", Path::new("."));
        assert!(!format!("{url:?}").contains("secretpass"));
    }
}
