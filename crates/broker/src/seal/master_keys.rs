//! The master keys that a node was given.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_store::{Disk as _, RealDisk};
use zeroize::{Zeroize as _, Zeroizing};

use super::KeysAway;
use super::key_command::KeyCommand;
use super::master_key::MasterKey;
use super::xaes;
use crate::name::Name;
use crate::random;

/// Master keys, the first of them for whatever is wrapped from now on; the others open what was
/// wrapped before.
///
/// As text, they are a line each: a name, a space, and 32 bytes in base64url without padding. Empty
/// lines and those that begin with `#` mean nothing.
#[derive(Clone)]
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

/// What was given is no list of master keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadMasterKeys {
    /// There is none in it.
    #[error("there is no master key in it")]
    Empty,
    /// Longer than 64 KiB.
    #[error("it is larger than 64 KiB")]
    TooLarge,
    /// A line is no name and key.
    #[error("line {line} is not a name, a space and 32 bytes in base64url")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// Two lines have one name.
    #[error("line {line} has a name that an earlier line has")]
    Twice {
        /// Which, from 1.
        line: usize,
    },
    /// Others can read or change the file.
    #[error("others can read or change the file; its mode has to be 0600")]
    Exposed,
    /// It is no regular file of this user.
    #[error("it is no regular file of this user")]
    NotOurs,
    /// The system does not let it be read or written.
    #[error("the file cannot be read or written: {0}")]
    Io(io::ErrorKind),
}

/// Longest text that is read.
const MAX: usize = 64 * 1024;

impl MasterKeys {
    /// Reads a list of keys.
    pub fn parse(text: &str) -> Result<Self, BadMasterKeys> {
        if text.len() > MAX {
            return Err(BadMasterKeys::TooLarge);
        }
        let mut names = Vec::new();
        let mut keys = Vec::new();
        for (at, entry) in text.lines().enumerate() {
            let line = at + 1;
            let entry = entry.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let malformed = BadMasterKeys::Line { line };
            let (name, secret) = entry.split_once(char::is_whitespace).ok_or(malformed.clone())?;
            let name: Name = name.parse().map_err(|_| malformed.clone())?;
            let mut key = Zeroizing::new([0; xaes::KEY_LEN]);
            // One byte more than a key has: a longer secret is an error, not cut.
            let mut bytes = Zeroizing::new([0; xaes::KEY_LEN + 4]);
            let len = URL_SAFE_NO_PAD.decode_slice(secret.trim_start(), &mut *bytes);
            if len != Ok(xaes::KEY_LEN) {
                return Err(malformed);
            }
            key.copy_from_slice(&bytes[..xaes::KEY_LEN]);
            if names.contains(&name) {
                return Err(BadMasterKeys::Twice { line });
            }
            keys.push(MasterKey::local(&name, key));
            names.push(name);
        }
        if keys.is_empty() { Err(BadMasterKeys::Empty) } else { Ok(Self { keys }) }
    }

    /// The keys in the file at `path`, which nobody else may read.
    pub fn file(path: &Path) -> Result<Self, BadMasterKeys> {
        let text = read(path)?;
        let text = core::str::from_utf8(&text).map_err(|_| BadMasterKeys::Line { line: 1 })?;
        Self::parse(text)
    }

    /// The same; where there is no file, one is made with a key that was just drawn. However many
    /// processes do so at once, they end up with one key.
    pub fn file_or_new(path: &Path) -> Result<Self, BadMasterKeys> {
        match Self::file(path) {
            Err(BadMasterKeys::Io(io::ErrorKind::NotFound)) => {
                place(path, Self::draw_line("k1").as_bytes(), Placing::New)
                    .map_err(|error| io_error(&error))?;
                Self::file(path)
            }
            read => read,
        }
    }

    /// Puts a key that was just drawn before those of the file at `path`, under a name that none of
    /// them has: the first half of a rotation of the master key.
    pub fn add_to_file(path: &Path) -> Result<Self, BadMasterKeys> {
        let before = Self::file(path)?;
        let text = read(path)?;
        let taken = |name: &str| {
            before
                .keys
                .iter()
                .any(|key| key.id().rsplit_once('.').is_some_and(|(of, _)| of == name))
        };
        let mut names = (1..=before.keys.len() + 1).map(|number| format!("k{number}"));
        let name = names.find(|name| !taken(name));
        let line = Self::draw_line(&name.unwrap_or_default());
        let mut both = Zeroizing::new(Vec::with_capacity(line.len() + text.len()));
        both.extend_from_slice(line.as_bytes());
        both.extend_from_slice(&text);
        place(path, &both, Placing::Over).map_err(|error| io_error(&error))?;
        Self::file(path)
    }

    /// The keys in an environment variable; `None` when it is not set or empty.
    ///
    /// A process cannot take a variable from its own environment safely; commands that the broker
    /// starts are started without it ([`KeyCommand::without`]).
    pub fn environment(variable: &str) -> Result<Option<Self>, BadMasterKeys> {
        let Ok(text) = std::env::var(variable) else { return Ok(None) };
        let text = Zeroizing::new(text);
        if text.trim().is_empty() { Ok(None) } else { Self::parse(&text).map(Some) }
    }

    /// The key that a key management service has, and a command asks for.
    pub fn command(name: &Name, command: KeyCommand) -> Self {
        Self { keys: vec![MasterKey::command(name, command)] }
    }

    /// These, and `older` ones that only open.
    #[must_use]
    pub fn and(mut self, older: Self) -> Self {
        self.keys.extend(older.keys);
        self
    }

    /// A line for such a text, with its end: a key that was just drawn, under this name.
    pub fn draw_line(name: &str) -> Zeroizing<String> {
        let key = xaes::draw();
        // At its full size from the start: growing would leave copies behind.
        let mut line = Zeroizing::new(String::with_capacity(name.len() + 48));
        line.push_str(name);
        line.push(' ');
        URL_SAFE_NO_PAD.encode_string(key.as_slice(), &mut line);
        line.push('\n');
        line
    }

    /// Their ids, the first of them for whatever is wrapped from now on.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(MasterKey::id)
    }

    /// The one that wraps.
    pub(super) fn newest(&self) -> &MasterKey {
        self.keys.first().expect("a list of keys has one: an empty text is refused")
    }

    /// The one that opens what stands beside this id.
    pub(super) fn find(&self, id: &str) -> Result<&MasterKey, KeysAway> {
        let found = self.keys.iter().find(|key| key.id() == id);
        found.ok_or_else(|| KeysAway::NoMaster { id: id.to_owned() })
    }
}

impl core::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn io_error(error: &io::Error) -> BadMasterKeys {
    BadMasterKeys::Io(error.kind())
}

/// The bytes of a file that nobody else can read.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, BadMasterKeys> {
    use std::os::unix::fs::MetadataExt as _;
    let file = RealDisk.open(path).map_err(|error| io_error(&error))?;
    let metadata = file.file.metadata().map_err(|error| io_error(&error))?;
    if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(BadMasterKeys::NotOurs);
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(BadMasterKeys::Exposed);
    }
    if metadata.len() > MAX as u64 {
        return Err(BadMasterKeys::TooLarge);
    }
    let bytes = Zeroizing::new(RealDisk.read(&file, MAX + 1).map_err(|error| io_error(&error))?);
    if bytes.len() > MAX { Err(BadMasterKeys::TooLarge) } else { Ok(bytes) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placing {
    /// Whoever comes first.
    New,
    /// In the place of what is there.
    Over,
}

/// Writes `bytes` under a name of their own, durably, then puts them at `path` at once.
fn place(path: &Path, bytes: &[u8], placing: Placing) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    RealDisk.create_dir(dir)?;
    let mut tag = [0; 8];
    random::fill(&mut tag);
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".new-{:016x}", u64::from_be_bytes(tag)));
    tag.zeroize();
    let temporary = dir.join(name);
    let written = (|| {
        let file = RealDisk.create(&temporary)?;
        RealDisk.write(&file, bytes)?;
        RealDisk.sync(&file)?;
        if placing == Placing::Over {
            return RealDisk.rename(&temporary, path);
        }
        match std::fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    })();
    if placing == Placing::New || written.is_err() {
        // It may never have been made.
        let _ = RealDisk.remove(&temporary);
    }
    written.and_then(|()| RealDisk.sync_dir(dir))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests touch files as an operator does")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn ids(keys: &MasterKeys) -> Vec<String> {
        keys.ids().map(str::to_owned).collect()
    }

    #[test]
    fn c2_a_list_is_read_and_what_is_none_is_refused_by_its_line() {
        let line = MasterKeys::draw_line("k1");
        let two = format!("# newest first\n\n{}{}", &*MasterKeys::draw_line("k2"), &*line);
        let keys = MasterKeys::parse(&two).expect("a list");
        assert_eq!(keys.ids().count(), 2);
        assert!(keys.newest().id().starts_with("k2."));
        // Its id says which key it is, and not what.
        assert_eq!(ids(&MasterKeys::parse(&line).expect("one")), ids(&keys)[1..]);
        for (text, bad) in [
            (String::new(), BadMasterKeys::Empty),
            ("# none\n".to_owned(), BadMasterKeys::Empty),
            ("k1".to_owned(), BadMasterKeys::Line { line: 1 }),
            ("\nk1 short".to_owned(), BadMasterKeys::Line { line: 2 }),
            (format!("k1 {}", "A".repeat(44)), BadMasterKeys::Line { line: 1 }),
            (format!("K1 {}", "A".repeat(43)), BadMasterKeys::Line { line: 1 }),
            (format!("{}{}", &*line, &*line), BadMasterKeys::Twice { line: 2 }),
            ("#".repeat(MAX + 1), BadMasterKeys::TooLarge),
        ] {
            assert_eq!(MasterKeys::parse(&text).err(), Some(bad));
        }
    }

    #[test]
    fn c13_debug_shows_ids_alone() {
        let line = MasterKeys::draw_line("k1");
        let shown = format!("{:?}", MasterKeys::parse(&line).expect("one"));
        assert!(shown.contains("k1."), "{shown}");
        let secret = line.trim().rsplit(' ').next().expect("a secret");
        assert!(!shown.contains(secret), "{shown}");
    }

    #[test]
    fn c3_a_file_is_made_for_this_user_alone_and_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("new").join("master");
        let made: Vec<_> = std::thread::scope(|scope| {
            let one = || MasterKeys::file_or_new(&path).map(|keys| ids(&keys));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(made.iter().all(|keys| keys.is_ok() && *keys == made[0]), "{made:?}");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = std::fs::read_dir(path.parent().expect("a directory")).expect("listed");
        assert_eq!(names.count(), 1, "no temporary file is left");
    }

    #[test]
    fn c3_a_file_that_others_can_read_is_not_trusted() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master");
        let missing = MasterKeys::file(&path).err();
        assert_eq!(missing, Some(BadMasterKeys::Io(io::ErrorKind::NotFound)));
        MasterKeys::file_or_new(&path).expect("made");
        let open = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("changed");
            MasterKeys::file_or_new(&path).err()
        };
        assert_eq!(open(0o640), Some(BadMasterKeys::Exposed));
        assert_eq!(open(0o604), Some(BadMasterKeys::Exposed));
        assert_eq!(open(0o600), None);
        std::fs::remove_file(&path).expect("removed");
        std::fs::create_dir(&path).expect("made");
        assert_eq!(MasterKeys::file(&path).err(), Some(BadMasterKeys::NotOurs));
    }

    #[test]
    fn a_key_is_added_before_those_that_are_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("master");
        let first = ids(&MasterKeys::file_or_new(&path).expect("made"));
        let both = ids(&MasterKeys::add_to_file(&path).expect("added"));
        assert!(both[0].starts_with("k2.") && both[1] == first[0], "{both:?}");
        assert_eq!(ids(&MasterKeys::file(&path).expect("read")), both);
    }

    #[test]
    fn a_variable_that_is_not_set_has_none() {
        assert!(MasterKeys::environment("UNLAPSE_TEST_NO_SUCH_VARIABLE").expect("none").is_none());
    }
}
