//! Where a scenario keeps its data: a folder of its own, removed with it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::On;
use crate::Plan;
use crate::goodword::Data;
use crate::postgres::{Database, Server};

/// A folder, and a PostgreSQL server where one is needed.
pub struct Place {
    folder: PathBuf,
    server: Option<Server>,
}

impl Place {
    /// Makes the folder; starts the server.
    pub fn make(plan: &Plan, name: &str, on: On) -> Result<Place> {
        let folder = plan.folder.join(name);
        std::fs::create_dir(&folder)?;
        let server = match on {
            On::Sqlite => None,
            On::Postgres => Some(Server::start(plan)?),
        };
        Ok(Place { folder, server })
    }

    /// A folder below it.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty database: for the server.
    pub fn database(&self) -> Result<Data> {
        Ok(match &self.server {
            None => Data::Sqlite(self.folder("goodword.db")),
            Some(server) => Data::Postgres(server.create()?),
        })
    }

    /// A copy of a database that nobody has open.
    pub fn copy(&self, data: &Data, name: &str) -> Result<Data> {
        Ok(match (data, &self.server) {
            (Data::Postgres(database), Some(server)) => Data::Postgres(copied(server, database)?),
            (Data::Sqlite(file), _) => {
                // What the log holds must be in the file.
                data.bytes()?;
                let to = self.folder(name);
                std::fs::copy(file, &to)?;
                Data::Sqlite(to)
            }
            (Data::Postgres(_), None) => anyhow::bail!("there is no server to copy a database on"),
        })
    }
}

fn copied(server: &Server, database: &Database) -> Result<Database> {
    server.copy(database)
}

impl Drop for Place {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(Path::new(&self.folder));
    }
}
