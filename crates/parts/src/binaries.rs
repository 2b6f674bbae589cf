//! Where a server's programs lie. Debian keeps those of PostgreSQL out of the path.

use std::path::{Path, PathBuf};

use crate::Error;

/// Where Debian puts them, a folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// What a cluster needs. `psql` on Debian's path is a wrapper that looks for clusters of its own.
const NEEDED: [&str; 3] = ["initdb", "postgres", "psql"];

/// The folder with the programs of `PostgreSQL`: of the first on the path, or of the latest
/// version that Debian has installed.
pub(crate) fn postgresql() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_owned));
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let installed = versions.into_iter().map(|folder| folder.join("bin"));
    on_path.chain(installed).find(|folder| is_whole(folder)).ok_or_else(|| {
        Error::new(format!(
            "no PostgreSQL on the path or in {VERSIONS}: apt-get install postgresql"
        ))
    })
}

fn is_whole(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).is_file())
}

/// 9 comes before 15, which their letters do not know.
fn version(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let of = |folder| version(Path::new(folder));
        assert!(of("/usr/lib/postgresql/15") > of("/usr/lib/postgresql/9"));
        assert_eq!(of("/usr/lib/postgresql/extra"), None);
    }

    #[test]
    fn half_an_installation_is_none() {
        let folder = tempfile::tempdir().expect("a directory");
        for program in NEEDED {
            assert!(!is_whole(folder.path()), "without {program}");
            std::fs::write(folder.path().join(program), "").expect("written");
        }
        assert!(is_whole(folder.path()));
    }
}
