//! `[store]` made into a place, a layout and a custody.

use std::path::{Path, PathBuf};

use unlapse_core::Secret;

use super::environment::Environment;
use super::error::ConfigError;
use super::keys::{CustodyWord, DerivationWord, Layout, StoreKeys};
use super::origin::{Origin, Valued};
use super::place::{At, canonical, project_of, what_is_at};

/// Whether records are kept, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// In memory only: they end with the process (`persist`, `UNLAPSE_NO_STORE`).
    Memory,
    /// On the disk, sealed.
    Kept(StoreConfig),
}

/// Where records rest and how they are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreConfig {
    /// Absolute: the directory, or the file.
    pub(crate) path: PathBuf,
    /// Which of the two.
    pub(crate) layout: Layout,
    /// Where the sealing key comes from.
    pub(crate) custody: Custody,
    /// The identity that goes into the sealing key, so that a file copied to another project does
    /// not open (C2).
    pub(crate) project: String,
    /// Directories for records that could not be saved in their place, best first (R5, R19).
    pub(crate) aside: Vec<PathBuf>,
    /// The directory for state.
    pub(crate) state_dir: PathBuf,
}

/// Where the sealing key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Custody {
    /// A file of random bytes, made when it is missing.
    KeyFile {
        /// Absolute.
        path: PathBuf,
    },
    /// A passphrase.
    Passphrase {
        /// From `UNLAPSE_PASSPHRASE`; `None`: it has to be asked for.
        passphrase: Option<Secret>,
        /// How it becomes a key.
        derivation: Derivation,
    },
    /// The machine's identity.
    Machine,
}

/// How a passphrase becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Derivation {
    /// PBKDF2-HMAC-SHA256 (RFC 8018 §5.2).
    Pbkdf2 {
        /// Iterations.
        rounds: u32,
    },
    /// Argon2id (RFC 9106).
    Argon2id {
        /// Passes over the memory.
        rounds: u32,
    },
}

/// The store, and `[store]` with everything filled in that nobody set, for `config show`.
pub(crate) fn store(
    keys: &StoreKeys,
    project: Option<&Path>,
    environment: &Environment,
) -> Result<(StoreConfig, StoreKeys), ConfigError> {
    let state_dir = environment.state_dir().ok_or(ConfigError::NoHome)?;
    let path = match &keys.path {
        Some(path) => path.replaced(resolved(path, environment)),
        None => Valued::default(
            project.map_or_else(|| state_dir.clone(), |project| project.join(".unlapse")),
        ),
    };
    let written = keys.path.as_ref().map(|path| path.value.as_str());
    let layout = keys.layout.clone().unwrap_or_else(|| {
        Valued::default(layout(what_is_at(&path.value), written.unwrap_or("/")))
    });
    let project = keys
        .project
        .clone()
        .unwrap_or_else(|| Valued::default(identity(&path.value, layout.value)));
    let custody = keys.custody.clone().unwrap_or(Valued::default(CustodyWord::KeyFile));

    let mut shown = keys.clone();
    let config = StoreConfig {
        custody: match custody.value {
            CustodyWord::KeyFile => {
                let file = match &keys.keyfile {
                    Some(file) => file.replaced(resolved(file, environment)),
                    None => Valued::default(state_dir.join("unlapse.key")),
                };
                shown.keyfile = Some(file.replaced(file.value.display().to_string()));
                Custody::KeyFile { path: file.value }
            }
            CustodyWord::Passphrase => {
                let (derivation, word, rounds) = derivation(keys)?;
                shown.derivation = Some(word);
                shown.rounds = Some(rounds);
                let passphrase = environment.secret("UNLAPSE_PASSPHRASE")?;
                Custody::Passphrase { passphrase, derivation }
            }
            CustodyWord::Machine => Custody::Machine,
        },
        path: path.value.clone(),
        layout: layout.value,
        project: project.value.clone(),
        aside: aside(environment, &state_dir),
        state_dir,
    };
    shown.path = Some(path.replaced(path.value.display().to_string()));
    shown.layout = Some(layout);
    shown.custody = Some(custody);
    shown.project = Some(project);
    Ok((config, shown))
}

/// A path of the file, absolute. Relative ones belong to the state directory where one is named,
/// else to the project: never to the working directory, which is another one for every caller.
fn resolved(path: &Valued<String>, environment: &Environment) -> PathBuf {
    let expanded = environment.expand(&path.value);
    let base = match (environment.os("UNLAPSE_HOME"), &path.origin) {
        (None, Origin::File { path, .. }) => Some(project_of(path)),
        _ => environment.state_dir(),
    };
    let whole = base.map_or_else(|| expanded.clone(), |base| base.join(&expanded));
    // Drops `.` and doubled slashes, which would only be shown.
    std::path::absolute(&whole).unwrap_or(whole)
}

/// The layout where none is set: what is there, else what the name looks like.
fn layout(at: At, written: &str) -> Layout {
    match at {
        At::File => Layout::File,
        At::Directory => Layout::Directory,
        At::Nothing if written.ends_with('/') => Layout::Directory,
        At::Nothing => {
            let path = Path::new(written);
            let named_so = path.file_name().is_some_and(|name| name == ".token" || name == "token");
            if named_so || path.extension().is_some() { Layout::File } else { Layout::Directory }
        }
    }
}

/// The identity of the project that a store belongs to. It follows from the store's place alone, so
/// that all who reach one store agree on it.
fn identity(path: &Path, layout: Layout) -> String {
    let directory = match layout {
        Layout::Directory => path,
        Layout::File => path.parent().unwrap_or(path),
    };
    let directory = canonical(directory);
    let project = match directory.parent() {
        Some(parent) if directory.file_name().is_some_and(|name| name == ".unlapse") => parent,
        _ => &directory,
    };
    project.display().to_string()
}

fn derivation(
    keys: &StoreKeys,
) -> Result<(Derivation, Valued<DerivationWord>, Valued<u32>), ConfigError> {
    let word = keys.derivation.clone().unwrap_or(Valued::default(DerivationWord::Pbkdf2));
    let (default, range) = match word.value {
        DerivationWord::Pbkdf2 => (600_000, 100_000..=10_000_000),
        DerivationWord::Argon2id => (2, 1..=16),
    };
    let rounds = keys.rounds.clone().unwrap_or(Valued::default(default));
    if !range.contains(&rounds.value) {
        let which = match word.value {
            DerivationWord::Pbkdf2 => "pbkdf2",
            DerivationWord::Argon2id => "argon2id",
        };
        return Err(ConfigError::BadValue {
            key: "store.rounds".to_owned(),
            at: rounds.origin,
            allowed: format!(
                "a whole number from {} to {} with the derivation `{which}`",
                range.start(),
                range.end()
            ),
            nearest: None,
        });
    }
    let derivation = match word.value {
        DerivationWord::Pbkdf2 => Derivation::Pbkdf2 { rounds: rounds.value },
        DerivationWord::Argon2id => Derivation::Argon2id { rounds: rounds.value },
    };
    Ok((derivation, word, rounds))
}

/// Where a record goes that cannot be saved in its place: somewhere on another file system, if
/// there is one, and in memory in the end.
fn aside(environment: &Environment, state_dir: &Path) -> Vec<PathBuf> {
    let mut places = vec![state_dir.join("aside")];
    let runtime = environment.os("XDG_RUNTIME_DIR").map(PathBuf::from);
    places.extend(runtime.filter(|path| path.is_absolute()).map(|path| path.join("unlapse")));
    if let Some(uid) = environment.uid {
        places.push(PathBuf::from(format!("/dev/shm/unlapse-{uid}")));
        places.push(environment.temp.join(format!("unlapse-{uid}")));
    }
    places
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
