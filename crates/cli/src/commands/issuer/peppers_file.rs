//! The file of peppers: for its owner alone, and never half written.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use unlapse_issuer::Peppers;
use zeroize::Zeroizing;

use super::failure;
use super::place::make_directory;
use crate::diagnosis::Diagnosis;

/// Larger files are a mistake.
const LARGEST: u64 = 64 * 1024;

/// Reads the peppers.
pub(super) fn read(path: &Path) -> Result<Peppers, Diagnosis> {
    let text = text(path)?;
    Peppers::parse(&text).map_err(|bad| failure::bad_peppers(path, bad))
}

/// Makes the file, with one pepper in it; not when there is one by then.
pub(super) fn create(path: &Path) -> Result<(), Diagnosis> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let line = Peppers::draw_line();
    let text = Zeroizing::new(format!(
        "# Peppers of an issuer, the newest first. Keep a copy where the database's is not.\n{}\n",
        *line
    ));
    match put(path, &text, false) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        put => put.map_err(|error| failure::file(path, &error)),
    }
}

/// Adds a pepper: as the newest, or as one that only verifies. Returns its name.
pub(super) fn add(path: &Path, newest: bool) -> Result<String, Diagnosis> {
    let line = Peppers::draw_line();
    let kid = line.split(' ').next().unwrap_or_default().to_owned();
    let old = text(path)?;
    // What cannot be read is not written again.
    Peppers::parse(&old).map_err(|bad| failure::bad_peppers(path, bad))?;
    let first =
        old.lines().position(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let mut text = Zeroizing::new(String::with_capacity(old.len() + line.len() + 2));
    for (at, kept) in old.lines().enumerate() {
        let before = (newest && Some(at) == first).then_some(line.as_str());
        for part in before.into_iter().chain([kept]) {
            text.push_str(part);
            text.push('\n');
        }
    }
    if !newest {
        text.push_str(&line);
        text.push('\n');
    }
    put(path, &text, true).map_err(|error| failure::file(path, &error))?;
    Ok(kid)
}

fn text(path: &Path) -> Result<Zeroizing<String>, Diagnosis> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(failure::no_peppers(path)),
        Err(error) => return Err(failure::file(path, &error)),
    };
    let metadata = file.metadata().map_err(|error| failure::file(path, &error))?;
    if !metadata.is_file() {
        return Err(failure::peppers(path, "it is no file"));
    }
    // A group may read it, as secrets that a container is given often are; nobody else may.
    if metadata.mode() & 0o027 != 0 {
        return Err(failure::peppers(path, "others may read or change it"));
    }
    if metadata.len() > LARGEST {
        return Err(failure::peppers(path, "it is larger than 64 KiB"));
    }
    // At its full size from the start: growing would leave copies behind.
    let size = usize::try_from(metadata.len()).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(size + 1));
    let read = file.take(LARGEST).read_to_string(&mut text);
    match read {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(failure::peppers(path, "it is no text"))
        }
        Err(error) => Err(failure::file(path, &error)),
    }
}

/// Puts a whole, durable file in its place.
#[expect(clippy::disallowed_methods, reason = "peppers are no record of the file store")]
fn put(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A link, unlike a rename, replaces nothing.
        if replace { std::fs::rename(beside, path) } else { std::fs::hard_link(beside, path) }
    })();
    if !replace || written.is_err() {
        // It has its own name now, or never will.
        let _ = std::fs::remove_file(beside);
    }
    written?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("there").mode() & 0o777
    }

    #[test]
    fn j1_a_file_of_peppers_is_made_once_and_grows_at_either_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("peppers");
        assert_eq!(read(&path).err().map(|it| it.code), Some("pepper_file_missing"));
        create(&path).expect("made");
        let first = read(&path).expect("reads").kids().map(str::to_owned).collect::<Vec<_>>();
        create(&path).expect("there already");
        let second = add(&path, false).expect("added");
        let third = add(&path, true).expect("added");
        let kids: Vec<_> = read(&path).expect("reads").kids().map(str::to_owned).collect();
        assert_eq!(kids, [third, first[0].clone(), second]);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 1, "nothing is left");
    }

    #[test]
    fn c13_what_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("peppers");
        create(&path).expect("made");
        for (mode, code) in [
            (0o600, None),
            (0o400, None),
            (0o440, None),
            (0o644, Some("pepper_file_unusable")),
            (0o620, Some("pepper_file_unusable")),
        ] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("set");
            assert_eq!(read(&path).err().map(|it| it.code), code, "{mode:o}");
        }
        let put = |text: &[u8]| {
            let mut file = OpenOptions::new();
            file.write(true).truncate(true).create(true).mode(0o600);
            let file = dir.path().join("other");
            let mut open = OpenOptions::new()
                .write(true)
                .truncate(true)
                .create(true)
                .mode(0o600)
                .open(&file)
                .expect("open");
            open.write_all(text).expect("written");
            read(&file).err().map(|it| it.message)
        };
        assert!(put(b"a b\n").expect("bad").contains("line 1"));
        assert!(put(b"\xff").expect("bad").contains("no text"));
        assert!(put(&vec![b'#'; 70_000]).expect("bad").contains("64 KiB"));
    }
}
