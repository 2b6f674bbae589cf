//! The one `PostgreSQL` that those who need one share, each with a database of its own.

use anyhow::{Context as _, Result, ensure};
use unlapse_parts::Postgres;

/// How a server is told of its database: not by an argument, as the URL has a password in it.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

/// A cluster for the time of the measurement, as durable as in production.
pub(crate) struct Cluster {
    postgres: Postgres,
    process: u32,
}

/// A database in it.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    url: String,
    process: u32,
}

impl Cluster {
    /// Starts it. Panics when `PostgreSQL` is not installed, and says so.
    pub(crate) fn start() -> Result<Self> {
        let postgres = Postgres::durable();
        postgres.sql("postgres", "alter system set shared_preload_libraries = pg_stat_statements");
        postgres.restart();
        postgres.sql("postgres", "create extension pg_stat_statements");
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = postgres.sql("postgres", &format!("show {setting}"));
            ensure!(value == "on", "{setting} is {value}: nothing would be durable");
        }
        let lock = postgres.sql("postgres", "select pg_read_file('postmaster.pid')");
        let process = lock.lines().next().and_then(|line| line.trim().parse().ok());
        let process = process.context("the first line of postmaster.pid is no process")?;
        Ok(Self { postgres, process })
    }

    /// Its version.
    pub(crate) fn version(&self) -> String {
        let version = self.postgres.sql("postgres", "show server_version");
        version.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The kind of file system that it waits for.
    pub(crate) fn file_system(&self) -> Result<String> {
        let data = self.postgres.sql("postgres", "show data_directory");
        let mounts = std::fs::read_to_string("/proc/self/mounts")?;
        let kind = file_system(&mounts, &data).context("its directory is on no file system")?;
        ensure!(kind != "tmpfs", "{data} is in memory: nothing would be durable");
        Ok(kind)
    }

    /// An empty database.
    pub(crate) fn database(&self) -> Database {
        Database { url: self.postgres.fresh_database(), process: self.process }
    }

    /// How many statements `database` has run so far, those that begin and end transactions among
    /// them.
    pub(crate) fn statements(&self, database: &Database) -> Result<u64> {
        let name = database.url.rsplit('/').next().unwrap_or_default();
        let calls = self.postgres.sql(
            "postgres",
            &format!(
                "select coalesce(sum(calls), 0) from pg_stat_statements \
                 join pg_database on oid = dbid where datname = '{name}'"
            ),
        );
        calls.parse().with_context(|| format!("`{calls}` statements"))
    }
}

impl Database {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The process that started all others of the server.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }
}

/// The type of the mount that `path` lies under: of those that contain it, the deepest.
fn file_system(mounts: &str, path: &str) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let holds = |point: &str| {
        let rest = path.strip_prefix(point.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let deepest = mounts.filter(|(point, _)| holds(point)).max_by_key(|(point, _)| point.len());
    deepest.map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\nnone /tmp tmpfs rw 0 0\n/dev/b /tmpfiles xfs rw 0 0\n";
        assert_eq!(file_system(mounts, "/var/lib").as_deref(), Some("ext4"));
        assert_eq!(file_system(mounts, "/tmp/cluster/data").as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, "/tmpfiles").as_deref(), Some("xfs"));
        assert_eq!(file_system("", "/tmp"), None);
    }
}
