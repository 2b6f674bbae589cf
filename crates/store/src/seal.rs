//! Sealing: AES-256-GCM under a key of the project (C2).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::{CustodyError, Damage, Key, MAX_RECORD, Record, StoreError};
use zeroize::Zeroizing;

use crate::custody::{Custody, Derivation, Salt};
use crate::header::Header;
use crate::key_check::KeyCheck;
use crate::random;

/// Seals and opens the records of one project.
///
/// The sealed form is one line of JSON in clear, a newline, and the ciphertext with its tag. The
/// line's exact bytes, the project's and the key's identity and the generation are authenticated
/// with it.
#[derive(Clone)]
pub struct Sealer {
    custody: Arc<dyn Custody>,
    project: String,
}

/// Why a sealed record did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// It is of no use to anybody here (C4).
    Damaged(Damage),
    /// The key is not to be had: nothing is wrong with the record.
    Custody(CustodyError),
    /// It was sealed under another kind of custody than the one that is configured.
    OtherCustody(&'static str),
    /// It opens, and is the record of another key.
    OtherKey(Key),
}

impl From<Damage> for Unopened {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl Sealer {
    /// Seals for `project` under what `custody` keeps. The project's identity is any text that
    /// other projects do not share, such as the path or the address of its repository.
    pub fn new(custody: Arc<dyn Custody>, project: impl Into<String>) -> Self {
        Self { custody, project: project.into() }
    }

    /// The project's identity.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Seals `record` for `key`'s place. Says [`StoreError::TooLarge`] beyond [`MAX_RECORD`].
    pub fn seal(&self, key: &Key, record: &Record) -> Result<Vec<u8>, StoreError> {
        let unsealed = self.unsealed(RECORD)?;
        let Unsealed { derivation, check, project, nonce_text, .. } = &unsealed;
        let (derivation, check) = (derivation.clone(), check.clone());
        let header =
            Header::of(key, record, derivation, check, project.clone(), nonce_text.clone());
        let line = serde_json::to_vec(&header).map_err(|_| broken())?;
        let body = record.to_bytes();
        if sealed_len(&line, &body) > MAX_RECORD {
            return Err(StoreError::TooLarge);
        }
        let associated = self.associated(&line, &key.identity(), record.generation);
        unsealed.seal(&line, associated, body)
    }

    /// Opens what [`Sealer::seal`] made for `key`'s place in the same project.
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Result<Record, Unopened> {
        if sealed.len() > MAX_RECORD {
            return Err(Damage::Oversized.into());
        }
        let (header, line, body) = Header::parse(sealed)?;
        let seal = Seal {
            derivation: &header.custody,
            check: header.check.as_ref(),
            project: &header.project,
            nonce: &header.nonce,
        };
        // Under the header's own key: a record of another key is told from an altered one.
        let associated = self.associated(line, &header.key.identity(), header.generation);
        let plain = self.opened(RECORD, seal, associated, body)?;
        if header.key != *key {
            return Err(Unopened::OtherKey(header.key));
        }
        let record = Record::from_bytes(&plain)?;
        if (record.generation, record.revision) != (header.generation, header.revision) {
            return Err(Damage::Corrupt.into());
        }
        Ok(record)
    }

    /// Makes what is sealed from now on share the salt of a file that is there, where the custody is one
    /// that pays for each salt. Says why its key is not to be had: nobody should add to what another
    /// key opens.
    pub(crate) fn follow(&self, seal: Seal<'_>) -> Result<(), CustodyError> {
        if seal.project != self.fingerprint() || !self.custody.covers(seal.derivation) {
            return Ok(());
        }
        let Some(salt) = seal.derivation.salt() else { return Ok(()) };
        let (_, check) = match self.key(RECORD, seal.derivation, salt) {
            Err(CustodyError::Derivation) => return Ok(()),
            key => key?,
        };
        match seal.check.map(|written| written.compare(&check, salt)) {
            Some(Err(Unopened::Custody(error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// A nonce and the key for one file, which is sealed for `purpose`.
    pub(crate) fn unsealed(&self, purpose: &[u8]) -> Result<Unsealed, StoreError> {
        let derivation = self.custody.derivation().map_err(StoreError::Custody)?;
        let salt = derivation.salt().ok_or(StoreError::Custody(CustodyError::Derivation))?;
        let (key, check) = self.key(purpose, &derivation, salt).map_err(StoreError::Custody)?;
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce).map_err(|_| broken())?;
        let nonce_text = URL_SAFE_NO_PAD.encode(nonce);
        Ok(Unsealed { derivation, check, project: self.fingerprint(), nonce_text, nonce, key })
    }

    /// The plain text of `body`, which was sealed for `purpose` and with `associated`.
    pub(crate) fn opened(
        &self,
        purpose: &[u8],
        seal: Seal<'_>,
        associated: Vec<u8>,
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        if seal.project != self.fingerprint() {
            return Err(Damage::Undecryptable.into());
        }
        let nonce = URL_SAFE_NO_PAD.decode(seal.nonce).map_err(|_| Damage::Corrupt)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| Damage::Corrupt)?;
        if body.len() <= AES_256_GCM.tag_len() {
            return Err(Damage::Corrupt.into());
        }
        if !self.custody.covers(seal.derivation) {
            return Err(other_custody(seal.derivation));
        }
        let salt = seal.derivation.salt().ok_or(Damage::NewerFormat)?;
        let (key, check) =
            self.key(purpose, seal.derivation, salt).map_err(|error| match error {
                // The parameters stand in the file: it is the file that is broken.
                CustodyError::Derivation => Unopened::Damaged(Damage::Corrupt),
                error => Unopened::Custody(error),
            })?;
        // Before the seal is tried: one that does not open tells no wrong key from an alteration.
        if let Some(written) = seal.check {
            written.compare(&check, salt)?;
        }
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = key.open_in_place(nonce, Aad::from(associated), &mut body);
        let plain_len = plain.map_err(|_| Damage::Undecryptable)?.len();
        body.truncate(plain_len);
        Ok(body)
    }

    /// Names the project in a header without telling what it is called.
    fn fingerprint(&self) -> String {
        let mut text = b"unlapse project v1\0".to_vec();
        text.extend_from_slice(self.project.as_bytes());
        let digest = digest::digest(&digest::SHA256, &text);
        URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])
    }

    /// The key that seals for `purpose`, and its check: HKDF-SHA-256 (RFC 5869) over the custody's
    /// secret, with the project in the context.
    fn key(
        &self,
        purpose: &[u8],
        derivation: &Derivation,
        salt: &Salt,
    ) -> Result<(LessSafeKey, KeyCheck), CustodyError> {
        let root = self.custody.unlock(derivation)?;
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes()).extract(root.as_slice());
        let expand = |info: &[&[u8]]| {
            let mut bytes = Zeroizing::new([0; 32]);
            secret
                .expand(info, hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut *bytes))
                .map_err(|_| CustodyError::Derivation)?;
            Ok(bytes)
        };
        let key = expand(&[purpose, self.project.as_bytes()])?;
        let key =
            UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| CustodyError::Derivation)?;
        let mut check = [0; 8];
        // Of the secret alone: another project is told by its fingerprint, and a forged one by the seal.
        check.copy_from_slice(&expand(&[b"unlapse key check v1\0"])?[..8]);
        Ok((LessSafeKey::new(key), KeyCheck::new(salt, check)))
    }

    /// What is authenticated with a file: its line in clear, the project, and which of a kind it is.
    pub(crate) fn associated(&self, line: &[u8], identity: &[u8], number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [line, self.project.as_bytes(), identity] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes
    }
}

/// The context of the key that records are sealed under.
const RECORD: &[u8] = b"unlapse record v1\0";

/// What one file is sealed with, and what it has to say of it in clear.
pub(crate) struct Unsealed {
    pub(crate) derivation: Derivation,
    pub(crate) check: KeyCheck,
    /// The project's fingerprint.
    pub(crate) project: String,
    pub(crate) nonce_text: String,
    nonce: [u8; NONCE_LEN],
    key: LessSafeKey,
}

impl Unsealed {
    /// `line` in clear, a newline, and `body` sealed together with what is `associated`.
    pub(crate) fn seal(
        self,
        line: &[u8],
        associated: Vec<u8>,
        mut body: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<u8>, StoreError> {
        let size = sealed_len(line, &body);
        // In place, so that the plain text is overwritten rather than copied.
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(associated), &mut body);
        let tag = tag.map_err(|_| broken())?;
        let mut sealed = Vec::with_capacity(size);
        sealed.extend_from_slice(line);
        sealed.push(b'\n');
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }
}

/// What a file says in clear of its seal.
#[derive(Clone, Copy)]
pub(crate) struct Seal<'a> {
    pub(crate) derivation: &'a Derivation,
    pub(crate) check: Option<&'a KeyCheck>,
    pub(crate) project: &'a str,
    pub(crate) nonce: &'a str,
}

/// Bytes of the whole file that `line` and `body` make.
fn sealed_len(line: &[u8], body: &[u8]) -> usize {
    line.len() + 1 + body.len() + AES_256_GCM.tag_len()
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("project", &self.project).finish_non_exhaustive()
    }
}

fn other_custody(derivation: &Derivation) -> Unopened {
    match derivation {
        Derivation::Passphrase { .. } => Unopened::Custody(CustodyError::PassphraseNeeded),
        Derivation::KeyFile { .. } => Unopened::OtherCustody("a key file"),
        Derivation::Machine { .. } => Unopened::OtherCustody("the machine's identity"),
        Derivation::Unknown => Unopened::Damaged(Damage::NewerFormat),
    }
}

/// The cryptographic library failed where it cannot but for a lack of randomness or memory.
pub(crate) fn broken() -> StoreError {
    StoreError::Io { place: "sealing the record".to_owned(), kind: std::io::ErrorKind::Other }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
