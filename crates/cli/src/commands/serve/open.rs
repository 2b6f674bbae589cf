//! A broker, opened as it was configured.

use std::path::{Path, PathBuf};

use unlapse_broker::{BadStart, Broker, Retention};

use super::failure;
use super::keys::Found;
use super::settings::{Place, Settings};
use crate::config::issuer::Valued;
use crate::diagnosis::Diagnosis;

impl Settings {
    /// The broker over the database, which is made when it is not there.
    pub(super) async fn open(&self, keys: Found) -> Result<Broker, Diagnosis> {
        let spool = match &self.place {
            Place::Postgres { spool, .. } => {
                make_directory(spool)?;
                Some(spool.clone())
            }
            Place::Sqlite(_) => None,
        };
        self.open_with(keys, spool).await
    }

    /// The same for a command beside a node that may be running, whose spool is that node's alone.
    pub(crate) async fn open_beside(&self, keys: Found) -> Result<Broker, Diagnosis> {
        self.open_with(keys, None).await
    }

    async fn open_with(&self, keys: Found, spool: Option<PathBuf>) -> Result<Broker, Diagnosis> {
        if let Place::Sqlite(path) = &self.place
            && let Some(directory) = path.parent()
        {
            make_directory(directory)?;
        }
        let mut settings = unlapse_broker::Settings::new(self.place.name(), keys.keys);
        settings.catalogue = self.catalogue()?;
        let file = &self.file;
        let count = |set: &Option<Valued<u32>>, default: usize| {
            set.as_ref().map_or(default, |set| set.value as usize)
        };
        settings.renewals = count(&file.keys.renewals, settings.renewals);
        settings.in_memory = count(&file.keys.in_memory, settings.in_memory);
        settings.private_webhooks =
            file.keys.private_webhooks.as_ref().is_some_and(|set| set.value);
        if let Some(hosts) = &file.keys.private_hosts {
            settings.private_hosts = hosts.value.clone();
        }
        settings.http.at_once = settings.renewals;
        let connections = settings.options.connections;
        settings.options.connections = count(&file.postgres.connections, connections);
        let Retention { attempts, events, usage, .. } = settings.retention;
        let kept = &file.retention;
        settings.retention.attempts = kept.attempts.as_ref().map_or(attempts, |set| set.value);
        settings.retention.events = kept.events.as_ref().map_or(events, |set| set.value);
        settings.retention.usage = kept.usage.as_ref().map_or(usage, |set| set.value);
        settings.spool = spool;
        let opened = Broker::open(settings).await;
        opened.map_err(|bad| self.not_opened(bad))
    }

    fn not_opened(&self, bad: BadStart) -> Diagnosis {
        match bad {
            BadStart::Database(bad) => failure::database(&self.place_name(), &bad),
            BadStart::Problem(problem) => failure::problem(&problem),
            other => failure::not_opened(&self.place_name(), &other.to_string()),
        }
    }
}

/// A directory that only this user can enter, where there is none.
pub(super) fn make_directory(path: &Path) -> Result<(), Diagnosis> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| failure::file(path, &error))
}
