//! Where damaged files go: aside, never away (C4).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use unlapse_core::Damage;

use super::disk::Disk;
use super::layout::{QUARANTINED, beside, parent};
use super::trust::ours;

/// Renames `path` aside and says where to; `None` when it could not be moved. Only under the lock,
/// and after looking again under it: a good file that a writer has just put there is never moved.
pub(super) fn quarantine(disk: &dyn Disk, path: &Path, damage: Damage) -> Option<PathBuf> {
    // A guest in somebody else's directory (root in a user's home) moves nothing of theirs.
    let mine = |metadata: std::io::Result<std::fs::Metadata>| metadata.is_ok_and(|it| ours(&it));
    if !mine(std::fs::metadata(parent(path))) && !mine(std::fs::symlink_metadata(path)) {
        tracing::warn!(path = %path.display(), %damage, "a damaged record of somebody else");
        return None;
    }
    let mut millis = now();
    let kept = loop {
        let kept = beside(path, &format!("{QUARANTINED}{millis}-{}", word(damage)));
        if std::fs::symlink_metadata(&kept).is_err() {
            break kept;
        }
        millis += 1;
    };
    let moved = disk.rename(path, &kept).and_then(|()| disk.sync_dir(parent(path)));
    if let Err(error) = moved {
        tracing::warn!(path = %path.display(), %damage, %error, "a damaged record stays in place");
        return None;
    }
    tracing::warn!(kept = %kept.display(), %damage, "a damaged record was set aside");
    restrict(disk, &kept);
    Some(kept)
}

/// Takes from others what they could do with it. Through the open file, so that no link is
/// followed to somewhere else.
fn restrict(disk: &dyn Disk, kept: &Path) {
    let Ok(file) = disk.open(kept) else { return };
    if file.file.metadata().is_ok_and(|metadata| metadata.is_file() && ours(&metadata)) {
        let _ = file.file.set_permissions(std::fs::Permissions::from_mode(0o600));
    }
}

/// The damage in a file's name.
fn word(damage: Damage) -> &'static str {
    match damage {
        Damage::Empty => "empty",
        Damage::Oversized => "oversized",
        Damage::Corrupt => "corrupt",
        Damage::NewerFormat => "newer-format",
        Damage::MissingField => "missing-field",
        Damage::Undecryptable => "undecryptable",
        Damage::Exposed => "exposed",
        Damage::NotAFile => "not-a-file",
        _ => "damaged",
    }
}

#[expect(clippy::disallowed_methods, reason = "a name for people; nothing is decided by it")]
fn now() -> u128 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
