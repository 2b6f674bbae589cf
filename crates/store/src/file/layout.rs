//! Which file is whose.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::path::{Component, Path, PathBuf};

use aws_lc_rs::digest;
use unlapse_core::{Key, StoreError};

use crate::random;

/// Ends the name of a record in a directory of its own.
pub(super) const RECORD: &str = ".token";
/// Ends the name of a record that was set aside.
pub(super) const ASIDE: &str = ".aside";
/// Stands in the name of what was quarantined.
pub(super) const QUARANTINED: &str = ".quarantined-";

/// Longest readable part of a file's name.
const READABLE: usize = 48;

/// Where records rest (C1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One file a key in this directory, which is the store's own: 0700, repaired when too open.
    Directory(PathBuf),
    /// One key in exactly this file, such as a tool's own `.code-indexer/.token`. The directory is
    /// the tool's: it is created 0700 when missing, and else left as it is.
    File(PathBuf),
}

impl Layout {
    /// The directory that records lie in.
    pub(super) fn dir(&self) -> &Path {
        match self {
            Self::Directory(dir) => dir,
            Self::File(path) => parent(path),
        }
    }
}

/// The paths of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    /// The record's own place.
    pub(super) record: PathBuf,
    /// Places for when that one takes nothing, each a directory and a name in it.
    pub(super) fallbacks: Vec<Fallback>,
}

/// A place in a directory that is not the record's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fallback {
    pub(super) dir: PathBuf,
    name: String,
}

impl Fallback {
    pub(super) fn aside(&self) -> PathBuf {
        self.dir.join(format!("{}{ASIDE}", self.name))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.name))
    }
}

impl Paths {
    pub(super) fn of(
        layout: &Layout,
        fallbacks: &[PathBuf],
        project: &str,
        key: &Key,
    ) -> Result<Self, StoreError> {
        let record = match layout {
            Layout::Directory(dir) => {
                let digest = hex(&[&key.identity()]);
                dir.join(format!("{}-{digest}{RECORD}", readable(&key.to_string())))
            }
            Layout::File(path) if path.file_name().is_some() => path.clone(),
            Layout::File(path) => {
                let place = format!("{} names no file", path.display());
                return Err(StoreError::Io { place, kind: io::ErrorKind::InvalidInput });
            }
        };
        // In a shared directory, the name has to be one that no other store's record has.
        let whole = resolved(&record);
        let whole = whole.as_os_str().as_encoded_bytes();
        let digest = hex(&[whole, project.as_bytes(), &key.identity()]);
        let name = format!("{}-{digest}", readable(&key.to_string()));
        let fallbacks =
            fallbacks.iter().map(|dir| Fallback { dir: dir.clone(), name: name.clone() });
        Ok(Self { fallbacks: fallbacks.collect(), record })
    }

    pub(super) fn dir(&self) -> &Path {
        parent(&self.record)
    }

    pub(super) fn lock(&self) -> PathBuf {
        beside(&self.record, ".lock")
    }

    pub(super) fn aside(&self) -> PathBuf {
        beside(&self.record, ASIDE)
    }

    pub(super) fn reserve(&self) -> PathBuf {
        beside(&self.record, ".reserve")
    }

    /// Every place that a record may have been set aside in.
    pub(super) fn asides(&self) -> impl Iterator<Item = PathBuf> {
        std::iter::once(self.aside()).chain(self.fallbacks.iter().map(Fallback::aside))
    }
}

/// The directory of `path`; the working directory for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// `path` with `suffix` behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().map(OsStr::to_owned).unwrap_or_default();
    name.push(suffix);
    path.with_file_name(name)
}

/// A name beside `path` that nobody else writes to.
pub(crate) fn temporary(path: &Path) -> io::Result<PathBuf> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    let random = u64::from_ne_bytes(bytes);
    Ok(beside(path, &format!(".tmp-{}-{random:016x}", std::process::id())))
}

/// Whether `name` is that of a temporary file for `path`, and whose process wrote it.
pub(super) fn temporary_of(path: &Path, name: &OsString) -> Option<u32> {
    let ours = path.file_name()?.to_str()?;
    let rest = name.to_str()?.strip_prefix(ours)?.strip_prefix(".tmp-")?;
    rest.split_once('-')?.0.parse().ok()
}

/// The text as a part of a file's name: for people; what tells names apart is the digest.
fn readable(text: &str) -> String {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let mut name = String::new();
    for c in text.chars().take(READABLE) {
        match c {
            'a'..='z' | '0'..='9' | '.' | '_' => name.push(c),
            'A'..='Z' => name.push(c.to_ascii_lowercase()),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "key".to_owned() } else { name.to_owned() }
}

fn hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // One part alone is hashed as it is, so that names can be checked with sha256sum.
        if parts.len() > 1 {
            context.update(&(part.len() as u64).to_be_bytes());
        }
        context.update(part);
    }
    context.finish().as_ref()[..8].iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `path` without links and dots, as far as it exists: the same before and after its directory is
/// created, and wherever a process stands.
fn resolved(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    let mut base = whole.as_path();
    loop {
        if let (false, Ok(found)) = (rest.is_empty(), base.canonicalize()) {
            return found.join(rest.iter().rev().collect::<PathBuf>());
        }
        match (base.components().next_back(), base.parent()) {
            (Some(Component::Normal(name)), Some(up)) => {
                rest.push(name);
                base = up;
            }
            _ => return whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_no_two_keys_share_one() {
        let layout = Layout::Directory("/d".into());
        let name = |key: &Key| Paths::of(&layout, &[], "p", key).expect("paths").record;
        let key = Key::new("https://AS.example/../x").account("ann@example");
        let text = name(&key).to_string_lossy().into_owned();
        assert!(text.starts_with("/d/as.example-..-x-ann-example-"), "{text}");
        assert!(text.strip_suffix(RECORD).is_some() && text.len() < 90);
        assert_ne!(name(&Key::new("a/b")), name(&Key::new("a").account("b")));
        assert_eq!(name(&Key::new("../..")).parent(), Some(Path::new("/d")));
        assert!(name(&Key::new("é".repeat(500))).as_os_str().len() < 90);
    }

    #[test]
    fn a_fallback_name_is_the_same_before_the_directory_exists() {
        let root = tempfile::tempdir().expect("a directory");
        let dir = root.path().join("later");
        let layout = Layout::Directory(dir.clone());
        let fallbacks = ["/f".into()];
        let before = Paths::of(&layout, &fallbacks, "p", &Key::new("k")).expect("paths");
        std::fs::create_dir(&dir).expect("created");
        let after = Paths::of(&layout, &fallbacks, "p", &Key::new("k")).expect("paths");
        assert_eq!(before, after);
        let other = Paths::of(&layout, &fallbacks, "q", &Key::new("k")).expect("paths");
        assert_ne!(before.fallbacks, other.fallbacks);
    }

    #[test]
    fn temporary_files_name_their_process() {
        let path = Path::new("/d/.token");
        let temp = temporary(path).expect("a name");
        let name = temp.file_name().expect("a name").to_owned();
        assert_eq!(temporary_of(path, &name), Some(std::process::id()));
        assert_eq!(temporary_of(Path::new("/d/other"), &name), None);
        assert_eq!(temporary_of(path, &OsString::from(".token.tmp-x-1")), None);
    }
}
