//! A tiny disk.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cannot_run;

/// A file system of our own in the place of a directory, gone when dropped.
pub struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// `None` where mounting is not permitted, and the run is a quick one.
    pub fn tmpfs(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("created");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]).arg(at);
        match mount.output() {
            Ok(done) if done.status.success() => Some(Self { at: at.to_owned() }),
            Ok(done) => {
                cannot_run(String::from_utf8_lossy(&done.stderr).trim());
                None
            }
            Err(error) => {
                cannot_run(&format!("mount: {error}"));
                None
            }
        }
    }

    /// `rw` or `ro`.
    pub fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &format!("remount,{how}")]).arg(&self.at).status();
        assert!(done.expect("run").success(), "remount {how}");
    }

    /// Takes every byte there is.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).expect("created");
        for size in [65_536, 4096, 512, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
        assert!(std::fs::write(self.at.join("more"), [7]).is_err(), "it is full");
        let _ = std::fs::remove_file(self.at.join("more"));
    }

    /// The file that took them: removing it makes room.
    pub fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
