//! A queued request as bytes: a line of JSON, then the content as it is.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::entry::{EntryId, Progress, QueuedRequest, RequestMessage};
use crate::error::Damage;
use crate::key::Key;
use crate::secret::Secret;
use crate::time::UnixTime;

/// Largest head of a queued request: everything but its content.
pub const MAX_HEAD: usize = 64 * 1024;

/// The version that is written.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    key: &'a Key,
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    idempotency_key: &'a str,
    queued_at: UnixTime,
    progress: &'a Progress,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Deserialize)]
struct Read {
    key: Key,
    method: String,
    url: Text,
    headers: Vec<(String, Text)>,
    idempotency_key: String,
    queued_at: UnixTime,
    progress: Progress,
}

/// Text that wipes itself wherever parsing ends.
struct Text(Secret);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::from(text)))
    }
}

impl QueuedRequest {
    /// Everything but the name, for a store to seal.
    ///
    /// # Panics
    ///
    /// Never: every field has a JSON form.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let message = &self.message;
        let written = Written {
            format: FORMAT,
            key: &self.key,
            method: &message.method,
            url: message.url.expose(),
            headers: message.headers.iter().map(|(k, v)| (k.as_str(), v.expose())).collect(),
            idempotency_key: &self.idempotency_key,
            queued_at: self.queued_at,
            progress: &self.progress,
        };
        // All of it at once: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_HEAD + message.body.len()));
        serde_json::to_writer(&mut *bytes, &written)
            .expect("invariant: strings, numbers and lists of them are JSON");
        bytes.push(b'\n');
        bytes.extend_from_slice(&message.body);
        bytes
    }

    /// The request that [`QueuedRequest::to_bytes`] wrote, under the name `id`.
    pub fn from_bytes(id: EntryId, bytes: &[u8]) -> Result<Self, Damage> {
        if bytes.is_empty() {
            return Err(Damage::Empty);
        }
        let end = bytes.iter().take(2 * MAX_HEAD).position(|byte| *byte == b'\n');
        let (line, body) = bytes.split_at(end.ok_or(Damage::Corrupt)?);
        // The version first: a later format may mean anything by its other fields.
        let version: Version = serde_json::from_slice(line).map_err(|_| Damage::Corrupt)?;
        match version.format {
            0 => return Err(Damage::Corrupt),
            FORMAT => {}
            _ => return Err(Damage::NewerFormat),
        }
        let read: Read = serde_json::from_slice(line).map_err(|_| Damage::Corrupt)?;
        let headers = read.headers.into_iter().map(|(name, value)| (name, value.0)).collect();
        Ok(Self {
            id,
            key: read.key,
            message: RequestMessage {
                method: read.method,
                url: read.url.0,
                headers,
                body: Zeroizing::new(body[1..].to_vec()),
            },
            idempotency_key: read.idempotency_key,
            queued_at: read.queued_at,
            progress: read.progress,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Cause;
    use crate::outbox::{Mishap, Setback, Wait};

    const ID: EntryId = EntryId { number: 1, tag: 2 };

    fn request(url: &str, value: &str, body: Vec<u8>) -> QueuedRequest {
        QueuedRequest {
            id: ID,
            key: Key::new("acme"),
            message: RequestMessage {
                method: "POST".to_owned(),
                url: Secret::new(url),
                headers: vec![("x".to_owned(), Secret::new(value))],
                body: Zeroizing::new(body),
            },
            idempotency_key: "\"k\"".to_owned(),
            queued_at: UnixTime::from_secs(5),
            progress: Progress {
                attempts: 2,
                tokenless: 3,
                doubt_since: Some(UnixTime::from_secs(6)),
                conflicts: 1,
                setback: Some(Setback {
                    at: UnixTime::from_secs(7),
                    what: Mishap::Lost(Cause::Timeout),
                }),
                wait: Some(Wait { until: UnixTime::from_secs(9), is_asked: true }),
                is_failed: true,
            },
        }
    }

    proptest! {
        #[test]
        fn k12_reads_what_it_wrote(
            url in "\\PC{0,200}", value in "\\PC{0,200}",
            body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let request = request(&url, &value, body);
            prop_assert_eq!(QueuedRequest::from_bytes(ID, &request.to_bytes()), Ok(request));
        }

        #[test]
        fn c4_hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = QueuedRequest::from_bytes(ID, &bytes);
        }
    }

    #[test]
    fn c4_a_row_for_each_damage() {
        let good = request("u", "v", b"body".to_vec()).to_bytes();
        let text = String::from_utf8(good.to_vec()).expect("text");
        let newer = text.replacen("\"format\":1", "\"format\":2", 1);
        let zero = text.replacen("\"format\":1", "\"format\":0", 1);
        let no_url = text.replacen("\"url\"", "\"uri\"", 1);
        for (bytes, expected) in [
            (String::new(), Damage::Empty),
            ("{}".to_owned(), Damage::Corrupt),
            ("\n".to_owned(), Damage::Corrupt),
            (text[..20].to_owned(), Damage::Corrupt),
            (newer, Damage::NewerFormat),
            (zero, Damage::Corrupt),
            (no_url, Damage::Corrupt),
        ] {
            assert_eq!(QueuedRequest::from_bytes(ID, bytes.as_bytes()), Err(expected), "{bytes}");
        }
    }
}
