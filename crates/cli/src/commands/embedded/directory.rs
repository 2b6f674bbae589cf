//! A place of our own.

use std::path::PathBuf;

/// A new directory that only this user can enter, below the temporary one.
pub(crate) fn private_temporary_directory(whose: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let name = format!("unlapse-{whose}-{}-{:08x}", std::process::id(), super::random_seed() >> 32);
    let dir = std::env::temp_dir().join(name);
    std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
    Ok(dir)
}
