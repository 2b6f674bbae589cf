//! A key in a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use unlapse_core::CustodyError;
use zeroize::Zeroizing;

use super::{Custody, Derivation, RootKey, Salt};
use crate::file::{Disk, RealDisk, exposed, ours, parent, temporary};
use crate::random;

/// Thirty-two random bytes in a file that nobody else can read.
///
/// The file is created when a record is first sealed; however many processes do so at once, they
/// end up with one key. It is never created to *open* a record: where it is missing, the records
/// sealed under it stay as they are, in case it comes back.
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key in the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn problem(&self, problem: impl Into<String>) -> CustodyError {
        CustodyError::KeyFile { path: self.path.display().to_string(), problem: problem.into() }
    }

    /// The key, or `None` when there is no file.
    fn read(&self) -> Result<Option<RootKey>, CustodyError> {
        let disk = RealDisk;
        let file = match disk.open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.problem(format!("cannot be read: {}", error.kind()))),
        };
        let unread = |error: io::Error| self.problem(format!("cannot be read: {}", error.kind()));
        let metadata = file.file.metadata().map_err(unread)?;
        if !metadata.is_file() || !ours(&metadata) {
            return Err(self.problem("is no regular file of this user"));
        }
        if exposed(&metadata) {
            return Err(self.problem("can be read or changed by others; its mode has to be 0600"));
        }
        let bytes = Zeroizing::new(disk.read(&file, 33).map_err(unread)?);
        let key: [u8; 32] =
            bytes.as_slice().try_into().map_err(|_| self.problem("does not hold 32 bytes"))?;
        Ok(Some(Zeroizing::new(key)))
    }

    /// Writes a key under a name of its own, then links it to its place, which only one can.
    fn create(&self) -> Result<(), CustodyError> {
        let uncreated =
            |error: io::Error| self.problem(format!("cannot be created: {}", error.kind()));
        let disk = RealDisk;
        let dir = parent(&self.path);
        disk.create_dir(dir).map_err(uncreated)?;
        let mut key = Zeroizing::new([0; 32]);
        random::fill(&mut *key).map_err(|_| self.problem("cannot be created"))?;
        let temp = temporary(&self.path).map_err(uncreated)?;
        let linked = self.link(disk, dir, &temp, key.as_slice());
        // Whether it was linked or came too late: the name of its own is not needed any more.
        let removed = disk.remove(&temp);
        linked.and(removed).map_err(uncreated)
    }

    fn link(&self, disk: RealDisk, dir: &Path, temp: &Path, key: &[u8]) -> io::Result<()> {
        let file = disk.create(temp)?;
        disk.write(&file, key)?;
        disk.sync(&file)?;
        match std::fs::hard_link(temp, &self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            // Also when another was first: a record is not durable before its key is.
            _ => disk.sync_dir(dir),
        }
    }
}

impl Custody for KeyFile {
    fn derivation(&self) -> Result<Derivation, CustodyError> {
        if self.read()?.is_none() {
            self.create()?;
        }
        Ok(Derivation::KeyFile { salt: Salt::random()? })
    }

    fn covers(&self, derivation: &Derivation) -> bool {
        matches!(derivation, Derivation::KeyFile { .. })
    }

    fn unlock(&self, derivation: &Derivation) -> Result<RootKey, CustodyError> {
        if !self.covers(derivation) {
            return Err(CustodyError::Derivation);
        }
        self.read()?.ok_or_else(|| self.problem("is missing"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests touch files as an attacker does")]

    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key_file() -> (tempfile::TempDir, KeyFile) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("new").join("key");
        (dir, KeyFile::new(path))
    }

    #[test]
    fn c3_created_for_this_user_alone() {
        let (_dir, custody) = key_file();
        let derivation = custody.derivation().expect("created");
        let one = custody.unlock(&derivation).expect("read");
        assert_eq!(custody.unlock(&derivation), Ok(one));
        let mode = |path: &Path| std::fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((mode(&custody.path), mode(parent(&custody.path))), (0o600, 0o700));
        let names = std::fs::read_dir(parent(&custody.path)).expect("listed").count();
        assert_eq!(names, 1, "no temporary file is left");
    }

    #[test]
    fn a_missing_key_is_never_made_up_to_open_a_record() {
        let (_dir, custody) = key_file();
        let derivation = Derivation::KeyFile { salt: Salt::random().expect("random") };
        let CustodyError::KeyFile { problem, .. } = custody.unlock(&derivation).unwrap_err() else {
            panic!("no key file error")
        };
        assert_eq!(problem, "is missing");
        assert!(!custody.path.exists());
    }

    #[test]
    fn c3_a_key_file_that_is_not_trusted() {
        let (_dir, custody) = key_file();
        let derivation = custody.derivation().expect("created");
        let open = |custody: &KeyFile| custody.unlock(&derivation).unwrap_err().to_string();

        std::fs::set_permissions(&custody.path, PermissionsExt::from_mode(0o640)).expect("chmod");
        assert!(open(&custody).contains("0600"));
        std::fs::set_permissions(&custody.path, PermissionsExt::from_mode(0o600)).expect("chmod");
        std::fs::write(&custody.path, [7; 31]).expect("written");
        assert!(open(&custody).contains("32 bytes"));
        std::fs::remove_file(&custody.path).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", &custody.path).expect("linked");
        assert!(open(&custody).contains("cannot be read"));
        std::fs::remove_file(&custody.path).expect("removed");
        std::fs::create_dir(&custody.path).expect("created");
        assert!(open(&custody).contains("no regular file"));
        assert!(custody.derivation().is_err(), "nor is it replaced");
    }
}
