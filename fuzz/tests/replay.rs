//! Every seed and everything that was ever found, again, without the fuzzer.

use std::path::{Path, PathBuf};

use unlapse_fuzz::TARGETS;

/// The files below `folder`, in order; none when it is not there.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = folder.read_dir().into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

/// Replays the folder of one target, and returns how many files there were.
fn replay(name: &str, target: fn(&[u8]), folder: &str) -> usize {
    let files = files(&format!("{folder}/{name}"));
    for file in &files {
        #[expect(clippy::disallowed_methods, reason = "a replay reads what was found")]
        let data = std::fs::read(file).expect("readable");
        let run = std::panic::catch_unwind(|| target(&data));
        assert!(run.is_ok(), "{} breaks a property of {name}", file.display());
    }
    files.len()
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            let seeds = replay(stringify!($name), unlapse_fuzz::$name, "corpus");
            assert!(seeds > 0, "no seed, nothing proven");
            replay(stringify!($name), unlapse_fuzz::$name, "regressions");
        })+

        /// A target that is not replayed, listed or run by the fuzzer would be one in name only.
        #[test]
        fn every_target_is_replayed_and_has_its_fuzzer() {
            let replayed = [$(stringify!($name)),+];
            let listed: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(listed, replayed);
            let fuzzers: Vec<_> = files("fuzz_targets")
                .iter()
                .map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned())
                .collect();
            assert_eq!(fuzzers, replayed);
            for folder in ["corpus", "regressions"] {
                for found in files(folder) {
                    let name = found.file_name().expect("a name").to_string_lossy().into_owned();
                    assert!(listed.contains(&name.as_str()), "{folder}/{name} belongs to none");
                }
            }
        }
    };
}

targets! {
    bearer challenges configuration duration endpoint jwt login_reply metadata providers record
    retry_after reuse sealed_file token_reply
}
