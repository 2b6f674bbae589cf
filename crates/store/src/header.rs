//! The first line of a sealed record, in clear.

use serde::{Deserialize, Serialize};
use unlapse_core::{Damage, JwtLook, Key, Record, UnixTime};

use crate::custody::Derivation;
use crate::key_check::KeyCheck;

/// The version of the sealed form that is written.
pub(crate) const FORMAT: u32 = 1;

/// AES-256-GCM, by its name in JOSE (RFC 7518 §5.3).
pub(crate) const A256GCM: &str = "A256GCM";

/// Longest `alg` that is repeated in a header: it is the server's word, not ours.
const MAX_ALG: usize = 32;

/// What a record says of itself before it is opened. All of it is authenticated by the seal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Magic and format version in one.
    pub(crate) unlapse: u32,
    pub(crate) seal: String,
    pub(crate) custody: Derivation,
    /// Of the sealing key; none in records of the first versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<KeyCheck>,
    /// The project's fingerprint.
    pub(crate) project: String,
    pub(crate) key: Key,
    pub(crate) generation: u64,
    pub(crate) revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    pub(crate) stored_at: UnixTime,
    pub(crate) nonce: String,
}

#[derive(Deserialize)]
struct Version {
    unlapse: u32,
}

impl Header {
    /// The header of `record`.
    pub(crate) fn of(
        key: &Key,
        record: &Record,
        custody: Derivation,
        check: KeyCheck,
        project: String,
        nonce: String,
    ) -> Self {
        let token = record.token.as_ref();
        let look = token.and_then(|token| JwtLook::at(token.access_token.expose()));
        Self {
            unlapse: FORMAT,
            seal: A256GCM.to_owned(),
            custody,
            check: Some(check),
            project,
            key: key.clone(),
            generation: record.generation,
            revision: record.revision,
            expires_at: token.and_then(unlapse_core::Token::expires_at),
            alg: look.map(|look| look.algorithm).filter(|alg| alg.len() <= MAX_ALG),
            stored_at: record.stored_at,
            nonce,
        }
    }

    /// Splits `bytes` into the header, its exact bytes and what follows it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), Damage> {
        if bytes.is_empty() {
            return Err(Damage::Empty);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Damage::Corrupt)?;
        let (line, body) = (&bytes[..end], &bytes[end + 1..]);
        // The version first: a later format may mean anything by its other fields.
        let version: Version = serde_json::from_slice(line).map_err(|error| damage(&error))?;
        if version.unlapse > FORMAT {
            return Err(Damage::NewerFormat);
        }
        let header: Self = serde_json::from_slice(line).map_err(|error| damage(&error))?;
        if header.unlapse == 0 {
            return Err(Damage::Corrupt);
        }
        if header.seal != A256GCM || header.custody == Derivation::Unknown {
            return Err(Damage::NewerFormat);
        }
        Ok((header, line, body))
    }
}

fn damage(error: &serde_json::Error) -> Damage {
    // serde_json keeps the kind of a data error in its text alone.
    if error.is_data() && error.to_string().starts_with("missing field") {
        Damage::MissingField
    } else {
        Damage::Corrupt
    }
}
