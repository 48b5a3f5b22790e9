//! Fresh databases for tests, on both kinds of database (feature `testing`).
//!
//! [`sqlite`] and [`postgres`] give a database of its own to each test, already migrated. PostgreSQL is a temporary
//! server that the first test starts; it ends with the test process, however that ends. Where it can't be started the
//! test **fails**: a database that isn't tested is a database that doesn't work.
//!
//! [`both_databases!`](crate::both_databases) writes one test for each kind.

mod pair;
mod server;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::pair::Pair;

use crate::{Db, Options};

/// One test on each database: the body is given a fresh [`Db`].
///
/// ```
/// mod cases {
///     use store::{Db, DbError, both_databases};
///
///     both_databases!(one_is_one, |db: Db| {
///         let one = db.read_blocking(|tx| tx.one("SELECT CAST(1 AS BIGINT)", &[])?.get::<i64>(0));
///         assert_eq!(one.unwrap(), 1);
///     });
///
///     both_databases!(two_is_two, async |db: Db| {
///         let two: Result<i64, DbError> = db.read(|tx| tx.one("SELECT CAST(2 AS BIGINT)", &[])?.get(0)).await;
///         assert_eq!(two.unwrap(), 2);
///     });
/// }
/// ```
#[macro_export]
macro_rules! both_databases {
    ($(#[$attribute:meta])* $name:ident, async |$db:ident: $kind:ty| $body:expr) => {
        $crate::both_databases!($(#[$attribute])* $name, |$db: $kind| $crate::testing::block_on(async move { $body }));
    };
    ($(#[$attribute:meta])* $name:ident, |$db:ident: $kind:ty| $body:expr) => {
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn body($db: $kind) {
                $body
            }

            #[test]
            fn sqlite() {
                let test = $crate::testing::sqlite();
                body(test.db.clone());
            }

            #[test]
            fn postgres() {
                let test = $crate::testing::postgres();
                body(test.db.clone());
            }
        }
    };
}

/// Runs a future to its end on a runtime of several threads, as the server has.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime for the test").block_on(future)
}

/// What tests open databases with: few threads, since many tests run at once.
#[must_use]
pub fn options() -> Options {
    Options { connections: 4, readers: 2, ..Options::default() }
}

/// An open database that is closed and removed when this is dropped.
pub struct TestDb {
    /// The open database.
    pub db: Db,
    /// Its address, to open it a second time.
    pub url: String,
    /// Dropped after the database has been closed.
    _place: Place,
}

impl TestDb {
    /// Opens a place.
    ///
    /// # Panics
    /// When it can't be opened.
    #[must_use]
    pub fn open(place: Place, options: Options) -> Self {
        let url = place.url();
        let db = Db::open(&url, options).unwrap_or_else(|error| panic!("the test's database {url}: {error}"));
        Self { db, url, _place: place }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        self.db.close();
    }
}

/// A fresh, migrated SQLite database.
///
/// # Panics
/// When it can't be made.
#[must_use]
pub fn sqlite() -> TestDb {
    sqlite_with(options())
}

/// A fresh, migrated SQLite database, opened with these options.
///
/// # Panics
/// When it can't be made.
#[must_use]
pub fn sqlite_with(options: Options) -> TestDb {
    static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();
    let migrated = MIGRATED.get_or_init(|| {
        let place = Place::empty_sqlite();
        Db::open(&place.url(), self::options()).expect("a SQLite database to copy").close();
        std::fs::read(place.file()).expect("the SQLite database to copy")
    });
    let place = Place::empty_sqlite();
    std::fs::write(place.file(), migrated).expect("a copy of the SQLite database");
    TestDb::open(place, options)
}

/// A fresh, migrated PostgreSQL database.
///
/// # Panics
/// When no PostgreSQL server can be started.
#[must_use]
pub fn postgres() -> TestDb {
    postgres_with(options())
}

/// A fresh, migrated PostgreSQL database, opened with these options.
///
/// # Panics
/// When no PostgreSQL server can be started.
#[must_use]
pub fn postgres_with(options: Options) -> TestDb {
    static MIGRATED: OnceLock<String> = OnceLock::new();
    let migrated = MIGRATED.get_or_init(|| {
        let place = Place::empty_postgres();
        Db::open(&place.url(), self::options()).expect("a PostgreSQL database to copy").close();
        let name = place.name().to_owned();
        // It stays as long as the server.
        std::mem::forget(place);
        name
    });
    TestDb::open(Place::postgres_from(migrated), options)
}

/// Where a database is, or will be; removed when this is dropped.
pub struct Place(Kind);

enum Kind {
    /// A directory of its own, since SQLite keeps files beside its file.
    Sqlite {
        directory: PathBuf,
    },
    Postgres {
        name: String,
    },
}

impl Place {
    /// Room for a SQLite database: no file yet.
    ///
    /// # Panics
    /// When the directory can't be made.
    #[must_use]
    pub fn empty_sqlite() -> Self {
        let directory =
            std::env::temp_dir().join(format!("goodword-test-{}-{}", std::process::id(), number()));
        // Of a process that had the same number and was killed.
        _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).expect("a directory for the test's database");
        Self(Kind::Sqlite { directory })
    }

    /// A PostgreSQL database without tables.
    ///
    /// # Panics
    /// When no PostgreSQL server can be started.
    #[must_use]
    pub fn empty_postgres() -> Self {
        Self::postgres_from("template1")
    }

    fn postgres_from(template: &str) -> Self {
        let name = format!("test_{}", number());
        server::run(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self(Kind::Postgres { name })
    }

    /// The address for [`Db::open`].
    #[must_use]
    pub fn url(&self) -> String {
        match &self.0 {
            Kind::Sqlite { .. } => format!("sqlite:{}", self.file().display()),
            Kind::Postgres { name } => server::url(name),
        }
    }

    fn file(&self) -> PathBuf {
        match &self.0 {
            Kind::Sqlite { directory } => directory.join("test.db"),
            Kind::Postgres { .. } => unreachable!("a PostgreSQL database is no file"),
        }
    }

    fn name(&self) -> &str {
        match &self.0 {
            Kind::Sqlite { .. } => unreachable!("a SQLite database has no name"),
            Kind::Postgres { name } => name,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match &self.0 {
            Kind::Sqlite { directory } => _ = std::fs::remove_dir_all(directory),
            Kind::Postgres { name } => {
                if !std::thread::panicking() {
                    server::run(&format!("DROP DATABASE {name} WITH (FORCE)"));
                }
            }
        }
    }
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
