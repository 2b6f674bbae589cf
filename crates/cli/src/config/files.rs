//! Which files there are. The only place of the configuration that reads the disk.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConfigError;

/// Larger files are a mistake.
const LARGEST: u64 = 1 << 20;

/// A configuration file as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// Whose it is.
    pub(crate) rank: Rank,
    /// What it says.
    pub(crate) text: String,
}

/// Whose a configuration file is; a later one's values win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The user's own.
    User,
    /// The project's that the working directory belongs to.
    Project,
    /// Named by `UNLAPSE_CONFIG` or `--config`: it replaces the others.
    Named,
}

/// The configuration files that count, lowest rank first. `named` replaces both.
pub(crate) fn find(
    environment: &Environment,
    named: Option<&Path>,
) -> Result<Vec<Found>, ConfigError> {
    let named = named.or_else(|| environment.os("UNLAPSE_CONFIG").map(Path::new));
    if let Some(path) = named {
        let path = environment.absolute(path);
        let text = text_of(&path)?;
        return Ok(vec![Found { path, rank: Rank::Named, text }]);
    }
    let mut found = Vec::new();
    let user = environment.xdg("XDG_CONFIG_HOME", ".config");
    let mut add = |path: PathBuf, rank| {
        found.extend(read(&path)?.map(|text| Found { path, rank, text }));
        Ok(())
    };
    if let Some(config) = user {
        add(config.join("unlapse/config.toml"), Rank::User)?;
    }
    if let Some(path) = environment.cwd.as_deref().and_then(upward) {
        check_owner(&path, environment.uid)?;
        add(path, Rank::Project)?;
    }
    Ok(found)
}

/// The nearest `.unlapse/config.toml` from `start` upward, up to the root of the file system.
fn upward(start: &Path) -> Option<PathBuf> {
    let device = device(&start.metadata().ok()?);
    for directory in start.ancestors() {
        // Another file system may be somebody else's, or away on the network.
        if directory.metadata().ok().as_ref().map(self::device) != Some(device) {
            return None;
        }
        let path = directory.join(".unlapse/config.toml");
        if path.symlink_metadata().is_ok() {
            return Some(path);
        }
    }
    None
}

/// A project's file decides where secrets are sent: one that somebody else wrote is not followed.
/// (In a directory that all can write to, such as `/tmp`, anybody can lay one in one's way.)
#[cfg(unix)]
fn check_owner(path: &Path, uid: Option<u32>) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt as _;

    let untrusted = |problem| Err(ConfigError::Untrusted { path: path.to_owned(), problem });
    // Who owns the directory can put another file in its place.
    for place in [Some(path), path.parent()].into_iter().flatten() {
        // What cannot be looked at cannot be read either, and that is reported better.
        let Ok(metadata) = place.metadata() else { return Ok(()) };
        if metadata.uid() != 0 && Some(metadata.uid()) != uid {
            return untrusted("belongs to another user");
        }
        if metadata.mode() & 0o002 != 0 {
            return untrusted("can be changed by everybody");
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_path: &Path, _uid: Option<u32>) -> Result<(), ConfigError> {
    Ok(())
}

#[cfg(unix)]
fn device(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.dev()
}

#[cfg(not(unix))]
fn device(_metadata: &Metadata) -> u64 {
    0
}

/// The text of the file at `path`, which has to be there: one that was named, or that a configuration
/// names.
pub(crate) fn text_of(path: &Path) -> Result<String, ConfigError> {
    read(path)?.ok_or_else(|| unreadable(path, "does not exist"))
}

/// The text of the file at `path`, `None` when there is none.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let problem =
        |error: &std::io::Error| unreadable(path, format!("cannot be read: {}", error.kind()));
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => return Err(unreadable(path, "is a directory")),
        Ok(_) => {}
        // A link that leads nowhere was put there by somebody.
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(problem(&error)),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| problem(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(path, "is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| unreadable(path, "is not UTF-8 text"))
}

fn unreadable(path: &Path, problem: impl Into<String>) -> ConfigError {
    ConfigError::Unreadable { path: path.to_owned(), problem: problem.into() }
}
