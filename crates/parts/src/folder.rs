//! A folder that does not outlive its owner, and nothing that runs in it does.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Error;
use crate::account::Account;

/// Waits until the pipe of its standard input closes, which the system does for a process that was
/// killed as well. Then it ends whatever stands in the data directory and removes everything.
const GUARD: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
while standing=$(find /proc/[0-9]*/cwd -prune -lname "$1/data" 2>/dev/null | cut -d / -f 3) && [ "$standing" ]; do
  kill -KILL $standing 2>/dev/null
  sleep 0.02
done
rm -rf "$1"
"#;

/// A temporary folder, watched by a process that removes it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    guard: Child,
}

impl Folder {
    /// Makes the folder, which only `account` may enter, and sets the guard.
    pub(crate) fn new(account: Account) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::io("making a temporary folder", &error);
        let folder = tempfile::Builder::new().prefix("unlapse-parts-").tempdir().map_err(failed)?;
        account.own(folder.path())?;
        let path = folder.path().canonicalize().map_err(failed)?;

        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(&path).current_dir("/");
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        account.run(&mut guard);
        let guard = guard.spawn().map_err(|error| Error::io("starting the guard", &error))?;
        let _ = folder.keep();
        Ok(Self { path, guard })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the server stands: the guard ends every process in here.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
