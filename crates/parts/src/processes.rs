//! Every process of a server, found by where it stands: `PostgreSQL` has one for each connection,
//! each in a group of its own, and all stand in the cluster's directory. No list of ours could be
//! as new as the system's, and none names a stranger who was given an old number.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Sends `signal` to each process that stands in `directory`; how many there were.
pub(crate) fn signal(directory: &Path, signal: Signal) -> usize {
    let standing = standing_in(directory);
    for process in &standing {
        // One that has ended meanwhile has no need of it.
        let _ = kill_process(*process, signal);
    }
    standing.len()
}

/// The processes whose working directory is `directory`, lowest first.
pub(crate) fn standing_in(directory: &Path) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let standing = all.filter(|entry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|stands| stands == directory)
    });
    let number = |name: std::ffi::OsString| Pid::from_raw(name.to_str()?.parse().ok()?);
    let mut standing: Vec<_> = standing.filter_map(|entry| number(entry.file_name())).collect();
    standing.sort_by_key(|process| process.as_raw_nonzero());
    standing
}
