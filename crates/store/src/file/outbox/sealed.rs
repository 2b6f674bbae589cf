//! A queued request, sealed as a record is, but under a key of its own.

use serde::{Deserialize, Serialize};
use unlapse_core::outbox::{EntryId, QueuedRequest};
use unlapse_core::{Damage, StoreError};

use crate::custody::Derivation;
use crate::header::A256GCM;
use crate::key_check::KeyCheck;
use crate::seal::{Seal, Sealer, Unopened, broken};

/// The context of the key that requests are sealed under: none opens as a record, nor the other way.
const REQUEST: &[u8] = b"unlapse request v1\0";

/// The version of the sealed form that is written.
const FORMAT: u32 = 1;

/// Longest line in clear.
const MAX_LINE: usize = 4096;

/// What an entry says of itself before it is opened. All of it is authenticated by the seal.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Magic and format version in one.
    unlapse_request: u32,
    seal: String,
    custody: Derivation,
    check: KeyCheck,
    project: String,
    nonce: String,
}

#[derive(Deserialize)]
struct Version {
    unlapse_request: u32,
}

impl Header {
    /// Splits `bytes` into the header, its exact bytes and what follows it.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), Damage> {
        if bytes.is_empty() {
            return Err(Damage::Empty);
        }
        let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n');
        let end = end.ok_or(Damage::Corrupt)?;
        let (line, body) = (&bytes[..end], &bytes[end + 1..]);
        let version: Version = serde_json::from_slice(line).map_err(|_| Damage::Corrupt)?;
        match version.unlapse_request {
            0 => return Err(Damage::Corrupt),
            FORMAT => {}
            _ => return Err(Damage::NewerFormat),
        }
        let header: Self = serde_json::from_slice(line).map_err(|_| Damage::Corrupt)?;
        if header.seal != A256GCM || header.custody == Derivation::Unknown {
            return Err(Damage::NewerFormat);
        }
        Ok((header, line, body))
    }

    fn seal(&self) -> Seal<'_> {
        Seal {
            derivation: &self.custody,
            check: Some(&self.check),
            project: &self.project,
            nonce: &self.nonce,
        }
    }
}

/// Seals an entry for its own name: under another it does not open, so that nobody can change the
/// order of a line.
pub(super) fn seal(sealer: &Sealer, entry: &QueuedRequest) -> Result<Vec<u8>, StoreError> {
    let unsealed = sealer.unsealed(REQUEST)?;
    let header = Header {
        unlapse_request: FORMAT,
        seal: A256GCM.to_owned(),
        custody: unsealed.derivation.clone(),
        check: unsealed.check.clone(),
        project: unsealed.project.clone(),
        nonce: unsealed.nonce_text.clone(),
    };
    let line = serde_json::to_vec(&header).map_err(|_| broken())?;
    let associated = associated(sealer, &line, entry.id);
    unsealed.seal(&line, associated, entry.to_bytes())
}

/// Opens what [`seal`] made for `id`.
pub(super) fn open(sealer: &Sealer, id: EntryId, bytes: &[u8]) -> Result<QueuedRequest, Unopened> {
    let (header, line, body) = Header::parse(bytes)?;
    let plain = sealer.opened(REQUEST, header.seal(), associated(sealer, line, id), body)?;
    Ok(QueuedRequest::from_bytes(id, &plain)?)
}

/// Makes what is sealed from now on share the salt of `bytes`, so that a line costs one stretching of
/// a passphrase, and says whether the key at hand is the one that opens it.
pub(super) fn follow(sealer: &Sealer, bytes: &[u8]) -> Result<(), StoreError> {
    match Header::parse(bytes) {
        Ok((header, ..)) => sealer.follow(header.seal()).map_err(StoreError::Custody),
        Err(_) => Ok(()),
    }
}

fn associated(sealer: &Sealer, line: &[u8], id: EntryId) -> Vec<u8> {
    sealer.associated(line, &id.tag.to_be_bytes(), id.number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use unlapse_core::{Key, Record};

    use super::*;
    use crate::conformance::outbox::request;
    use crate::custody::KeyFile;

    fn sealer(dir: &tempfile::TempDir, name: &str, project: &str) -> Sealer {
        Sealer::new(Arc::new(KeyFile::new(dir.path().join(name))), project)
    }

    fn entry(number: u64) -> QueuedRequest {
        let id = EntryId { number, tag: 5 };
        let new = request("acme", b"the body");
        QueuedRequest {
            id,
            key: new.key,
            message: new.message,
            idempotency_key: "\"k\"".to_owned(),
            queued_at: new.queued_at,
            progress: unlapse_core::outbox::Progress::default(),
        }
    }

    #[test]
    fn c2_only_the_same_name_project_and_key_open_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let ours = sealer(&dir, "key", "p");
        let entry = entry(7);
        let sealed = seal(&ours, &entry).expect("sealed");
        assert_eq!(open(&ours, entry.id, &sealed), Ok(entry.clone()));

        let undecryptable = Err(Unopened::Damaged(Damage::Undecryptable));
        for id in [EntryId { number: 8, tag: 5 }, EntryId { number: 7, tag: 6 }] {
            assert_eq!(open(&ours, id, &sealed), undecryptable, "moved in the line");
        }
        assert_eq!(open(&sealer(&dir, "key", "q"), entry.id, &sealed), undecryptable);
        let wrong = open(&sealer(&dir, "other", "p"), entry.id, &sealed);
        assert!(matches!(wrong, Err(Unopened::Custody(_))), "{wrong:?}");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open(&ours, entry.id, &altered).is_err(), "byte {at}");
            assert!(open(&ours, entry.id, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn c2_neither_opens_as_the_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let ours = sealer(&dir, "key", "p");
        let record = ours.seal(&Key::new("acme"), &Record::default()).expect("sealed");
        assert!(open(&ours, EntryId { number: 0, tag: 0 }, &record).is_err());
        let request = seal(&ours, &entry(1)).expect("sealed");
        assert!(ours.open(&Key::new("acme"), &request).is_err());
    }

    #[test]
    fn r18_nothing_of_a_request_is_in_clear() {
        let dir = tempfile::tempdir().expect("a directory");
        let sealed = seal(&sealer(&dir, "key", "p"), &entry(7)).expect("sealed");
        let text = String::from_utf8_lossy(&sealed);
        for secret in ["the body", "api.example", "POST", "acme", "x-key"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
