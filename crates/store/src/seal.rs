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
        let derivation = self.custody.derivation().map_err(StoreError::Custody)?;
        let salt = derivation.salt().ok_or(StoreError::Custody(CustodyError::Derivation))?;
        let (seal, check) = self.key(&derivation, salt).map_err(StoreError::Custody)?;
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce).map_err(|_| broken())?;
        let nonce_text = URL_SAFE_NO_PAD.encode(nonce);
        let header = Header::of(key, record, derivation, check, self.fingerprint(), nonce_text);
        let line = serde_json::to_vec(&header).map_err(|_| broken())?;

        // In place, so that the plain text is overwritten rather than copied.
        let mut body = record.to_bytes();
        let size = line.len() + 1 + body.len() + AES_256_GCM.tag_len();
        if size > MAX_RECORD {
            return Err(StoreError::TooLarge);
        }
        let tag = seal
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.associated(&line, key, record.generation)),
                &mut body,
            )
            .map_err(|_| broken())?;
        let mut sealed = Vec::with_capacity(size);
        sealed.extend_from_slice(&line);
        sealed.push(b'\n');
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] made for `key`'s place in the same project.
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Result<Record, Unopened> {
        if sealed.len() > MAX_RECORD {
            return Err(Damage::Oversized.into());
        }
        let (header, line, body) = Header::parse(sealed)?;
        if header.project != self.fingerprint() {
            return Err(Damage::Undecryptable.into());
        }
        let nonce = URL_SAFE_NO_PAD.decode(&header.nonce).map_err(|_| Damage::Corrupt)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| Damage::Corrupt)?;
        if body.len() <= AES_256_GCM.tag_len() {
            return Err(Damage::Corrupt.into());
        }
        if !self.custody.covers(&header.custody) {
            return Err(other_custody(&header.custody));
        }
        let salt = header.custody.salt().ok_or(Damage::NewerFormat)?;
        let (seal, check) = self.key(&header.custody, salt).map_err(|error| match error {
            // The parameters stand in the file: it is the file that is broken.
            CustodyError::Derivation => Unopened::Damaged(Damage::Corrupt),
            error => Unopened::Custody(error),
        })?;
        // Before the seal is tried: one that does not open tells no wrong key from an alteration.
        if let Some(written) = &header.check {
            written.compare(&check, salt)?;
        }
        let mut body = Zeroizing::new(body.to_vec());
        let plain = seal
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                // Under the header's own key: a record of another key is told from an altered one.
                Aad::from(self.associated(line, &header.key, header.generation)),
                &mut body,
            )
            .map_err(|_| Damage::Undecryptable)?;
        if header.key != *key {
            return Err(Unopened::OtherKey(header.key));
        }
        let record = Record::from_bytes(plain)?;
        if (record.generation, record.revision) != (header.generation, header.revision) {
            return Err(Damage::Corrupt.into());
        }
        Ok(record)
    }

    /// Names the project in a header without telling what it is called.
    fn fingerprint(&self) -> String {
        let mut text = b"unlapse project v1\0".to_vec();
        text.extend_from_slice(self.project.as_bytes());
        let digest = digest::digest(&digest::SHA256, &text);
        URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12])
    }

    /// The key that seals, and its check: HKDF-SHA-256 (RFC 5869) over the custody's secret, with the
    /// project in the context.
    fn key(
        &self,
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
        let key = expand(&[b"unlapse record v1\0", self.project.as_bytes()])?;
        let key =
            UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| CustodyError::Derivation)?;
        let mut check = [0; 8];
        // Of the secret alone: another project is told by its fingerprint, and a forged one by the seal.
        check.copy_from_slice(&expand(&[b"unlapse key check v1\0"])?[..8]);
        Ok((LessSafeKey::new(key), KeyCheck::new(salt, check)))
    }

    fn associated(&self, line: &[u8], key: &Key, generation: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [line, self.project.as_bytes(), &key.identity()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes
    }
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
fn broken() -> StoreError {
    StoreError::Io { place: "sealing the record".to_owned(), kind: std::io::ErrorKind::Other }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
