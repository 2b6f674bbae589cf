//! Which file is which.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use unlapse_core::StoreError;
use unlapse_core::outbox::EntryId;

use super::super::disk::Disk;
use super::super::failure::at;
use super::super::layout::{Paths, QUARANTINED};
use super::super::lock::is_alive;

/// Ends the name of an entry.
const ENTRY: &str = ".request";

/// The directory of an outbox.
#[derive(Clone, Debug)]
pub(super) struct Place(pub(super) PathBuf);

/// What a file in it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Entry(EntryId),
    Quarantined(EntryId),
    /// Not whole yet; of this process.
    Temporary(u32),
}

impl Name {
    pub(super) fn parse(name: &OsString) -> Option<Self> {
        let (id, rest) = name.to_str()?.split_once(ENTRY)?;
        // Twenty digits, so that names sort as numbers do.
        let is_ours = id.split_once('-').is_some_and(|(number, _)| number.len() == 20);
        let id = id.parse().ok().filter(|_| is_ours)?;
        if rest.is_empty() {
            return Some(Self::Entry(id));
        }
        if rest.starts_with(QUARANTINED) {
            return Some(Self::Quarantined(id));
        }
        let writer = rest.strip_prefix(".tmp-")?.split_once('-')?.0;
        writer.parse().ok().map(Self::Temporary)
    }
}

impl Place {
    pub(super) fn entry(&self, id: EntryId) -> PathBuf {
        self.0.join(format!("{:020}-{:08x}{ENTRY}", id.number, id.tag))
    }

    /// What excludes others from getting a number.
    pub(super) fn append_lock(&self) -> Paths {
        Paths { record: self.0.join("append"), fallbacks: Vec::new() }
    }

    /// What excludes others from sending.
    pub(super) fn send_lock(&self) -> Paths {
        Paths { record: self.0.join("send"), fallbacks: Vec::new() }
    }

    /// Every file of ours, with its path, in order.
    pub(super) fn files(&self, disk: &dyn Disk) -> Result<Vec<(Name, PathBuf)>, StoreError> {
        let mut names = match disk.names(&self.0) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(at(&self.0)(error)),
        };
        names.sort();
        let named = |name: OsString| Some((Name::parse(&name)?, self.0.join(name)));
        Ok(names.into_iter().filter_map(named).collect())
    }

    /// Removes what processes have left that died while writing. A number that another host gave is
    /// read as one of this host's: what is swept there was of no use yet, and its writer says so.
    pub(super) fn sweep(disk: &dyn Disk, files: &[(Name, PathBuf)]) {
        for (name, path) in files {
            if matches!(name, Name::Temporary(writer) if !is_alive(*writer)) {
                let _ = disk.remove(path);
            }
        }
    }
}

/// Bytes of the file at `path`; none when it has gone.
pub(super) fn len(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_name() {
        let id = EntryId { number: 7, tag: 0xab };
        let place = Place("/q".into());
        let name = place.entry(id).file_name().expect("a name").to_owned();
        assert_eq!(name, "00000000000000000007-000000ab.request");
        let with = |end: &str| {
            let mut name = name.clone();
            name.push(end);
            name
        };
        for (name, expected) in [
            (name.clone(), Some(Name::Entry(id))),
            (with(".tmp-41-00ff"), Some(Name::Temporary(41))),
            (with(".quarantined-1-corrupt"), Some(Name::Quarantined(id))),
            (with(".tmp-x-1"), None),
            (with("~"), None),
            ("7-000000ab.request".into(), None),
            ("send.lock".into(), None),
            (".request".into(), None),
        ] {
            assert_eq!(Name::parse(&name), expected, "{}", name.display());
        }
    }

    #[test]
    fn names_sort_as_numbers_do() {
        let place = Place("/q".into());
        let at = |number| place.entry(EntryId { number, tag: u32::MAX - 1 });
        assert!(at(9) < at(10) && at(99) < at(u64::MAX));
    }
}
