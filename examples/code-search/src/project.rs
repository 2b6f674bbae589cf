//! Where the project is, and which files are in it.
#![expect(clippy::disallowed_methods, reason = "this file owns the look at the project's files")]

use std::io;
use std::path::{Path, PathBuf};

/// The directory that makes a directory a project.
const DIRECTORY: &str = ".code-indexer";
/// Where a project's token rests (C1), below the project.
pub(crate) const TOKEN: &str = ".code-indexer/.token";
/// A file larger than this is no source code.
const LARGEST: u64 = 256 * 1024;

/// The nearest directory upwards that has a `.code-indexer`; the working directory if none has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    root: PathBuf,
}

/// A file of the project.
pub(crate) struct File {
    /// Its path below the project.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Project {
    /// The project that `here` is in.
    pub(crate) fn around(here: &Path) -> io::Result<Self> {
        // Without links: a project has one identity, however one comes to it.
        let here = here.canonicalize()?;
        let root = here.ancestors().find(|directory| directory.join(DIRECTORY).is_dir());
        Ok(Self { root: root.unwrap_or(&here).to_owned() })
    }

    /// Where its token rests.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.root.join(TOKEN)
    }

    /// What its token is sealed for: a copy in another project does not open there (C2).
    pub(crate) fn identity(&self) -> String {
        self.root.display().to_string()
    }

    /// Its text files, in order. Hidden ones, and those that cannot be read, are passed over.
    pub(crate) fn files(&self) -> Vec<File> {
        let mut files = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                if kind.is_dir() {
                    directories.push(entry.path());
                } else if kind.is_file() {
                    files.extend(self.file(&entry.path()));
                }
            }
        }
        files.sort_by(|one: &File, other| one.path.cmp(&other.path));
        files
    }

    fn file(&self, path: &Path) -> Option<File> {
        if path.metadata().ok()?.len() > LARGEST {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        Some(File { path: path.strip_prefix(&self.root).ok()?.to_str()?.to_owned(), text })
    }
}
