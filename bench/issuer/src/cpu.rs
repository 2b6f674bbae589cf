//! Processor time of a server: its process, its children, theirs, and those that have ended.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What `/proc/<pid>/stat` says of one process (`proc_pid_stat(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Clock ticks, in user and kernel mode, of its threads and of its children that were waited
    /// for.
    ticks: u64,
}

/// Time that `root` and everything it started have been on a processor.
pub(crate) fn spent(root: u32) -> Result<Duration> {
    let mut stats = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while the directory is read; its time is its parent's then.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        stats.insert(pid, stat(&text).with_context(|| format!("reading /proc/{pid}/stat"))?);
    }
    stats.get(&root).with_context(|| format!("process {root} has ended"))?;
    let ticks: u64 = stats
        .iter()
        .filter(|(pid, _)| descends(**pid, root, &stats))
        .map(|(_, stat)| stat.ticks)
        .sum();
    let each = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / each as f64))
}

fn descends(mut pid: u32, root: u32, stats: &HashMap<u32, Stat>) -> bool {
    while pid != root {
        match stats.get(&pid) {
            // Bounded: parents are older than their children, up to 0.
            Some(stat) if stat.parent != pid => pid = stat.parent,
            _ => return false,
        }
    }
    true
}

fn stat(text: &str) -> Option<Stat> {
    // The second field is a name in parentheses, and may have any of both in it.
    let (_, rest) = text.rsplit_once(')')?;
    let field = |number: usize| -> Option<u64> {
        rest.split_ascii_whitespace().nth(number - 3)?.parse().ok()
    };
    let ticks = (14..=17).map(field).sum::<Option<u64>>()?;
    Some(Stat { parent: u32::try_from(field(4)?).ok()?, ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_process_and_its_ended_children_count() {
        let text = "7 (a) (b) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6";
        assert_eq!(stat(text), Some(Stat { parent: 3, ticks: 100 }));
        assert_eq!(stat("7 (a) S x"), None);
    }

    #[test]
    fn only_what_a_server_started_is_its_own() {
        let parents = [(1, 0), (2, 0), (7, 1), (8, 7), (9, 8), (10, 2)];
        let stats = parents.into_iter().map(|(pid, parent)| (pid, Stat { parent, ticks: 1 }));
        let stats: HashMap<_, _> = stats.collect();
        for (pid, own) in [(7, true), (9, true), (1, false), (10, false), (99, false)] {
            assert_eq!(descends(pid, 7, &stats), own, "{pid}");
        }
    }

    #[test]
    fn work_is_seen() {
        let own = std::process::id();
        let before = spent(own).expect("this process is there");
        let mut number = 1_u64;
        while spent(own).expect("this process is there") < before + Duration::from_millis(20) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
    }
}
