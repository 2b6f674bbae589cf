//! The bytes of a record, before they are sealed.
//!
//! Versioned JSON: a later version reads an earlier one, an earlier one says that it cannot read a
//! later one, and neither loses anything.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Damage;
use crate::record::{Credentials, Failure, Intent, Record, State};
use crate::secret::Secret;
use crate::time::{Now, UnixTime, millis};
use crate::token::Token;

/// The version of the format that is written.
pub const FORMAT: u32 = 1;

/// The largest record that is read or written, in bytes, seal included (C4).
pub const MAX_RECORD: usize = 64 * 1024;

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct RecordForm<S> {
    format: u32,
    generation: u64,
    revision: u64,
    stored_at: UnixTime,
    state: State,
    token: Option<TokenForm<S>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<Intent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    credentials: Option<CredentialsForm<S>>,
    #[serde(default)]
    unrotated: u32,
    #[serde(default)]
    doubts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_offset: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct TokenForm<S> {
    access_token: S,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    refresh_token: Option<S>,
    token_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    id_token: Option<S>,
    obtained: Now,
    /// Milliseconds, like every span here.
    lifetime: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_idle: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_ends_at: Option<UnixTime>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    sender_key: Option<S>,
}

#[derive(Serialize, Deserialize)]
struct CredentialsForm<S> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    password: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    client_secret: Option<S>,
}

/// `Option::default` without asking `S` for a default.
fn none<S>() -> Option<S> {
    None
}

/// A secret on its way in: owned, and wiped with its type.
struct Read(Secret);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

impl Record {
    /// The record's bytes, to be sealed at once. The buffer wipes itself.
    ///
    /// # Panics
    ///
    /// Never: every field has a JSON form.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let form = RecordForm {
            format: FORMAT,
            generation: self.generation,
            revision: self.revision,
            stored_at: self.stored_at,
            state: self.state,
            token: self.token.as_ref().map(write_token),
            intent: self.intent,
            failure: self.failure,
            credentials: self.credentials.as_ref().map(|credentials| CredentialsForm {
                username: credentials.username.clone(),
                password: credentials.password.as_ref().map(Secret::expose),
                client_secret: credentials.client_secret.as_ref().map(Secret::expose),
            }),
            unrotated: self.unrotated,
            doubts: self.doubts,
            clock_offset: self.clock_offset,
        };
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * self.secret_len() + 4096));
        serde_json::to_writer(&mut *bytes, &form).expect("writing JSON to memory cannot fail");
        bytes
    }

    /// Reads what [`Record::to_bytes`] wrote, in this version or an earlier one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        if bytes.is_empty() {
            return Err(Damage::Empty);
        }
        if bytes.len() > MAX_RECORD {
            return Err(Damage::Oversized);
        }
        let version: Version = serde_json::from_slice(bytes).map_err(|error| damage(&error))?;
        if version.format > FORMAT {
            return Err(Damage::NewerFormat);
        }
        let form: RecordForm<Read> =
            serde_json::from_slice(bytes).map_err(|error| damage(&error))?;
        Ok(Self {
            generation: form.generation,
            revision: form.revision,
            token: form.token.map(read_token),
            state: form.state,
            intent: form.intent,
            failure: form.failure,
            credentials: form.credentials.map(|form| Credentials {
                username: form.username,
                password: form.password.map(|read| read.0),
                client_secret: form.client_secret.map(|read| read.0),
            }),
            unrotated: form.unrotated,
            doubts: form.doubts,
            clock_offset: form.clock_offset,
            stored_at: form.stored_at,
        })
    }

    fn secret_len(&self) -> usize {
        let token = self.token.as_ref().map_or(0, |token| {
            let parts = [&token.refresh_token, &token.id_token, &token.sender_key];
            token.access_token.len()
                + parts.into_iter().flatten().map(Secret::len).sum::<usize>()
                + token.scope.as_ref().map_or(0, String::len)
        });
        let credentials = self.credentials.as_ref().map_or(0, |credentials| {
            let parts = [&credentials.password, &credentials.client_secret];
            parts.into_iter().flatten().map(Secret::len).sum()
        });
        token + credentials
    }
}

fn write_token(token: &Token) -> TokenForm<&str> {
    TokenForm {
        access_token: token.access_token.expose(),
        refresh_token: token.refresh_token.as_ref().map(Secret::expose),
        token_type: token.token_type.clone(),
        scope: token.scope.clone(),
        id_token: token.id_token.as_ref().map(Secret::expose),
        obtained: token.obtained,
        lifetime: token.lifetime.map(millis),
        refresh_idle: token.refresh_idle.map(millis),
        refresh_ends_at: token.refresh_ends_at,
        sender_key: token.sender_key.as_ref().map(Secret::expose),
    }
}

fn read_token(form: TokenForm<Read>) -> Token {
    Token {
        access_token: form.access_token.0,
        refresh_token: form.refresh_token.map(|read| read.0),
        token_type: form.token_type,
        scope: form.scope,
        id_token: form.id_token.map(|read| read.0),
        obtained: form.obtained,
        lifetime: form.lifetime.map(Duration::from_millis),
        refresh_idle: form.refresh_idle.map(Duration::from_millis),
        refresh_ends_at: form.refresh_ends_at,
        sender_key: form.sender_key.map(|read| read.0),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;
    use crate::token::Grant;
    use proptest::prelude::*;

    fn full() -> Record {
        let mut grant = Grant::bearer(Secret::new("at-\"quoted\"\n"));
        grant.refresh_token = Some(Secret::new("rt"));
        grant.id_token = Some(Secret::new("id"));
        grant.expires_in = Some(Duration::from_millis(1500));
        grant.scope = Some("a b".to_owned());
        let record = Record::default().granted(grant, Now::default());
        let failure = record.failure(Cause::Html(403), Now::default(), None);
        record.intend(Now::default(), true).in_doubt(failure).next(|record| {
            record.unrotated = 2;
            record.clock_offset = Some(-3);
            record.credentials = Some(Credentials {
                username: Some("u".to_owned()),
                password: Some(Secret::new("p")),
                client_secret: None,
            });
        })
    }

    #[test]
    fn c1_a_record_reads_back_whole() {
        for record in [Record::default(), full()] {
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    #[test]
    fn c4_a_row_for_each_damage() {
        let good = full().to_bytes();
        let text = std::str::from_utf8(&good).expect("JSON");
        let newer = text.replacen("\"format\":1", "\"format\":2", 1);
        let lacking = text.replacen("\"generation\":1,", "", 1);
        let huge = vec![b' '; MAX_RECORD + 1];
        let rows: [(&[u8], Damage); 7] = [
            (b"", Damage::Empty),
            (b"{", Damage::Corrupt),
            (b"\xff\xfe", Damage::Corrupt),
            (&good[..good.len() / 2], Damage::Corrupt),
            (newer.as_bytes(), Damage::NewerFormat),
            (lacking.as_bytes(), Damage::MissingField),
            (&huge, Damage::Oversized),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Record::from_bytes(bytes), Err(expected));
        }
    }

    proptest! {
        #[test]
        fn c4_hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Record::from_bytes(&bytes);
        }

        #[test]
        fn c4_a_flipped_byte_never_panics(at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = full().to_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = with;
            let _ = Record::from_bytes(&bytes);
        }
    }
}
