//! A key from the machine's identity.

#![expect(clippy::disallowed_methods, reason = "owns the machine's identity, a file of the system")]

use std::path::PathBuf;

use aws_lc_rs::hkdf;
use unlapse_core::CustodyError;
use zeroize::Zeroizing;

use super::{Custody, Derivation, RootKey, Salt};

/// Derives the key from the machine's identity and the user's id (HKDF-SHA-256, RFC 5869).
///
/// # What it protects from, and what not
///
/// The record's file does not open on another machine or, in the same place, for another user of
/// this one: a backup, a synchronised folder or a repository that it slipped into gives nothing
/// away. It does **not** protect from anybody who can read both the file and `/etc/machine-id`,
/// which every process on this machine can: there, the file's permissions are all that guards it.
/// Where that is too little, take a key file, a passphrase or a keyring.
#[derive(Clone, Debug)]
pub struct Machine {
    files: Vec<PathBuf>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::reading(["/etc/machine-id".into(), "/var/lib/dbus/machine-id".into()])
    }
}

impl Machine {
    /// The identity of this machine: `/etc/machine-id`, else `/var/lib/dbus/machine-id`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The identity that the first usable of `files` holds.
    pub fn reading(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { files: files.into_iter().collect() }
    }

    /// Thirty-two hexadecimal digits (machine-id(5)); "uninitialized" is none.
    fn identity(&self) -> Result<String, CustodyError> {
        self.files
            .iter()
            .filter_map(|path| std::fs::read_to_string(path).ok())
            .map(|text| text.trim().to_ascii_lowercase())
            .find(|id| {
                id.len() == 32
                    && id.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && id.bytes().any(|byte| byte != b'0')
            })
            .ok_or(CustodyError::NoMachineIdentity)
    }
}

impl Custody for Machine {
    fn derivation(&self) -> Result<Derivation, CustodyError> {
        Ok(Derivation::Machine { salt: Salt::random()? })
    }

    fn covers(&self, derivation: &Derivation) -> bool {
        matches!(derivation, Derivation::Machine { .. })
    }

    fn unlock(&self, derivation: &Derivation) -> Result<RootKey, CustodyError> {
        if !self.covers(derivation) {
            return Err(CustodyError::Derivation);
        }
        let identity = self.identity()?;
        let user = user().to_be_bytes();
        let mut root = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"unlapse machine v1")
            .extract(identity.as_bytes())
            .expand(&[&user], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut *root))
            .map_err(|_| CustodyError::Derivation)?;
        Ok(root)
    }
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(text: &str) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("machine-id");
        std::fs::write(&path, text).expect("written");
        (dir, Machine::reading(["/nonexistent".into(), path]))
    }

    #[test]
    fn c2_each_machine_has_its_own_key() {
        let (_a, one) = machine("3d1219c7c4c5404aaa1f6d2a48adfda4\n");
        let (_b, two) = machine("4d1219c7c4c5404aaa1f6d2a48adfda4\n");
        let derivation = one.derivation().expect("parameters");
        assert_eq!(one.unlock(&derivation), one.unlock(&derivation));
        assert_ne!(one.unlock(&derivation), two.unlock(&derivation));
    }

    #[test]
    fn what_is_no_identity() {
        for text in ["", "uninitialized\n", "00000000000000000000000000000000", "abc"] {
            let (_dir, machine) = machine(text);
            let derivation = machine.derivation().expect("parameters");
            assert_eq!(machine.unlock(&derivation), Err(CustodyError::NoMachineIdentity));
        }
    }
}
