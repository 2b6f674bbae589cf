//! As whom a server runs: `postgres` refuses to be root.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::Error;

/// Whom root becomes: the first of these that the machine knows.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The user of a part's processes and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Whoever runs the test.
    Own,
    /// Somebody without rights, because the test runs as root.
    Other { user: u32, group: u32 },
}

impl Account {
    pub(crate) fn unprivileged() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let known = UNPRIVILEGED
            .iter()
            .find_map(|name| Some(Self::Other { user: id("-u", name)?, group: id("-g", name)? }));
        known.ok_or_else(|| Error::new("as root, and neither `postgres` nor `nobody` is a user"))
    }

    /// Lets `command` run as this user, away from the signals that a terminal sends to the test.
    pub(crate) fn run(self, command: &mut Command) {
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
        command.process_group(0);
    }

    /// Gives a file or directory to this user.
    pub(crate) fn own(self, path: &Path) -> Result<(), Error> {
        let Self::Other { user, group } = self else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .map_err(|error| Error::io(&format!("giving {} away", path.display()), &error))
    }
}

/// A number of a user, from whichever directory the machine keeps its users in.
fn id(which: &str, name: &str) -> Option<u32> {
    let told = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(told.stdout).ok()?.trim().parse().ok()
}
