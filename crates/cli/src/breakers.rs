//! Breakers that every process of a user shares: a small file for each token endpoint (R16).
#![expect(clippy::disallowed_methods, reason = "this file owns the breakers' files")]

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use unlapse::Breakers;
use unlapse_core::Breaker;

/// Breakers in a directory. No secret in them, and nothing is lost with them: a breaker that cannot
/// be read is closed, and one that cannot be written protects a little less.
pub(crate) struct FileBreakers {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    endpoint: String,
    breaker: Breaker,
}

/// Larger than any breaker there is.
const MAX_FILE: u64 = 4096;

impl FileBreakers {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Closes all of them, and says of which endpoints.
    pub(crate) fn reset(&self) -> Vec<String> {
        let mut endpoints = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if let Some(kept) = read(&path) {
                endpoints.push(kept.endpoint);
            }
            let _ = fs::remove_file(path);
        }
        endpoints
    }

    fn path(&self, endpoint: &str) -> PathBuf {
        // Names a file; a collision is met by comparing the endpoint inside.
        let mut hasher = DefaultHasher::new();
        endpoint.hash(&mut hasher);
        self.dir.join(format!("{:016x}.json", hasher.finish()))
    }
}

impl Breakers for FileBreakers {
    fn read(&self, endpoint: &str) -> Breaker {
        let kept = read(&self.path(endpoint)).filter(|kept| kept.endpoint == endpoint);
        kept.map(|kept| kept.breaker).unwrap_or_default()
    }

    fn update(&self, endpoint: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        // Two processes that change it in the same instant lose one of the changes: a failure that
        // is not counted, or a second trial. A lock would cost every renewal more than that.
        let before = self.read(endpoint);
        let after = change(before);
        if after != before {
            self.write(endpoint, after);
        }
    }
}

impl FileBreakers {
    fn write(&self, endpoint: &str, breaker: Breaker) {
        let path = self.path(endpoint);
        if breaker == Breaker::default() {
            let _ = fs::remove_file(path);
            return;
        }
        let kept = Kept { endpoint: endpoint.to_owned(), breaker };
        let written = (|| -> std::io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
            let staged = path.with_extension(format!("{}.tmp", std::process::id()));
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&staged)?;
            file.write_all(&serde_json::to_vec(&kept)?)?;
            fs::rename(&staged, &path).inspect_err(|_| drop(fs::remove_file(&staged)))
        })();
        if let Err(error) = written {
            tracing::debug!(%error, "the breaker could not be kept");
        }
    }
}

fn read(path: &std::path::Path) -> Option<Kept> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::{BreakerPolicy, UnixTime};

    #[test]
    fn r16_processes_share_a_breaker_and_doctor_closes_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, two) =
            (FileBreakers::new(dir.path().join("b")), FileBreakers::new(dir.path().join("b")));
        let failed =
            one.read("https://a").failed(UnixTime::from_secs(1), &BreakerPolicy::default());
        one.write("https://a", failed);
        assert_eq!(two.read("https://a"), failed);
        assert_eq!(two.read("https://b"), Breaker::default());
        assert_eq!(two.reset(), ["https://a"]);
        assert_eq!(one.read("https://a"), Breaker::default());
    }

    #[test]
    fn hostile_files_are_closed_breakers() {
        let dir = tempfile::tempdir().expect("a directory");
        let breakers = FileBreakers::new(dir.path().to_owned());
        for bytes in [&b""[..], b"{", b"[]", &[0xff; 9000]] {
            fs::write(breakers.path("https://a"), bytes).expect("written");
            assert_eq!(breakers.read("https://a"), Breaker::default());
        }
    }
}
