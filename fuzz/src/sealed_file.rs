//! A sealed file that somebody has had in hand (C2, C4).

use std::sync::{Arc, LazyLock};

use unlapse_core::{CustodyError, Damage, Key, MAX_RECORD, Secret};
use unlapse_store::custody::{Custody, Derivation, Passphrase, RootKey, Salt, Stretch};
use unlapse_store::{Sealer, Unopened};
use zeroize::Zeroizing;

/// Sealed once under [`KeyFile`]: that it opens for ever is a promise of its own.
const BY_KEY_FILE: &[u8] = include_bytes!("../sealed/by_key_file");
/// Sealed once under the passphrase below.
const BY_PASSPHRASE: &[u8] = include_bytes!("../sealed/by_passphrase");

const PROJECT: &str = "fuzz";

/// Nothing but the very bytes that were sealed ever opens, whatever is edited, cut off, added or put
/// in place of the header. `data` is taken as a whole file, as a header and as a list of edits.
pub fn sealed_file(data: &[u8]) {
    static SEALERS: LazyLock<[(Sealer, &[u8]); 2]> = LazyLock::new(sealers);
    for (sealer, sealed) in SEALERS.iter() {
        check(sealer, sealed, data);
        check(sealer, sealed, &edited(sealed, data));
        let body = sealed.iter().position(|byte| *byte == b'\n').expect("a header");
        check(sealer, sealed, &[data, &sealed[body..]].concat());
    }
}

fn check(sealer: &Sealer, sealed: &[u8], hostile: &[u8]) {
    let key = Key::new("acme").account("ann");
    match sealer.open(&key, hostile) {
        Ok(record) => {
            assert!(hostile == sealed, "a forged file opens");
            assert_eq!(record.generation, 1);
            let token = record.token.expect("a token");
            assert_eq!(token.refresh_token, Some(Secret::new(crate::CANARY)));
        }
        Err(Unopened::OtherKey(_)) => panic!("a seal that holds for another key"),
        Err(Unopened::Damaged(Damage::Oversized)) => assert!(hostile.len() > MAX_RECORD),
        Err(Unopened::Damaged(Damage::Empty)) => assert!(hostile.is_empty()),
        Err(error) => assert!(!format!("{error:?}").contains(crate::CANARY), "{error:?}"),
    }
    let other_project = Sealer::new(Arc::new(KeyFile), "another project");
    assert!(other_project.open(&key, hostile).is_err(), "another project's file opens");
    let other_key = sealer.open(&Key::new("acme"), hostile);
    assert!(other_key.is_err(), "another key's file opens");
}

/// `sealed` with three bytes an edit: where, and what to flip. One byte left over cuts so much off
/// the end, two are added there.
fn edited(sealed: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = sealed.to_vec();
    let mut chunks = edits.chunks_exact(3);
    for edit in &mut chunks {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % file.len();
        file[at] ^= edit[2];
    }
    match chunks.remainder() {
        [cut] => file.truncate(file.len().saturating_sub(usize::from(*cut))),
        more => file.extend_from_slice(more),
    }
    file
}

fn sealers() -> [(Sealer, &'static [u8]); 2] {
    let passphrase = Passphrase::new(|| Ok(Secret::new("correct horse battery staple")));
    let passphrase = passphrase.stretch(Stretch::Pbkdf2 { rounds: 1000 }).expect("in range");
    let files = [BY_KEY_FILE, BY_PASSPHRASE];
    let custodies: [Arc<dyn Custody>; 2] = [Arc::new(KeyFile), Arc::new(passphrase)];
    let sealers = custodies.map(|custody| Sealer::new(custody, PROJECT));
    let [one, two] = sealers;
    [(one, files[0]), (two, files[1])]
}

/// A key file's custody without its file.
struct KeyFile;

impl Custody for KeyFile {
    fn derivation(&self) -> Result<Derivation, CustodyError> {
        Ok(Derivation::KeyFile { salt: Salt::random()? })
    }

    fn covers(&self, derivation: &Derivation) -> bool {
        matches!(derivation, Derivation::KeyFile { .. })
    }

    fn unlock(&self, _: &Derivation) -> Result<RootKey, CustodyError> {
        Ok(Zeroizing::new([42; 32]))
    }
}
