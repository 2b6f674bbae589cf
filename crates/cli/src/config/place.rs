//! What the disk says of a path.

use std::path::{Path, PathBuf};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A directory.
    Directory,
    /// Anything else that is there.
    File,
    /// Nothing that can be seen.
    Nothing,
}

/// Looks.
pub(crate) fn what_is_at(path: &Path) -> At {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => At::Directory,
        Ok(_) => At::File,
        Err(_) => At::Nothing,
    }
}

/// `path` without links, as far as it exists: the same before and after the rest is made.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(canonical) = ancestor.canonicalize() {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            // An empty rest would add a slash.
            return if rest.as_os_str().is_empty() { canonical } else { canonical.join(rest) };
        }
    }
    path.to_owned()
}

/// The directory of the project that the configuration file at `config` belongs to: the one that
/// its `.unlapse` lies in, else the one that it lies in itself.
pub(crate) fn project_of(config: &Path) -> PathBuf {
    let directory = config.parent().unwrap_or(config);
    match directory.parent() {
        Some(parent) if directory.file_name().is_some_and(|name| name == ".unlapse") => {
            parent.to_owned()
        }
        _ => directory.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_the_project_is_above_its_dot_directory() {
        assert_eq!(project_of(Path::new("/p/.unlapse/config.toml")), Path::new("/p"));
        assert_eq!(project_of(Path::new("/p/login.toml")), Path::new("/p"));
        assert_eq!(project_of(Path::new("/.unlapse/config.toml")), Path::new("/"));
    }

    #[cfg(unix)]
    #[test]
    fn c2_an_identity_is_the_same_before_and_after_the_directory_is_made() {
        let root = tempfile::tempdir().expect("a directory");
        let real = root.path().canonicalize().expect("there").join("real");
        std::fs::create_dir(&real).expect("made");
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        let store = link.join("a/b");
        let before = canonical(&store);
        assert_eq!(before, real.join("a/b"));
        std::fs::create_dir_all(&store).expect("made");
        assert_eq!(canonical(&store), before);
    }
}
