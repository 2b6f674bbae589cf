//! A request that waits, and how it is doing.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Cause;
use crate::key::Key;
use crate::secret::Secret;
use crate::time::UnixTime;

/// Names an entry of an outbox, and its place in the line: written `12-9f3c2a1b`.
///
/// The number is larger than that of every entry that is there; where none is, it begins anew. The tag is
/// random, so that a name that somebody wrote down is not the name of another entry later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Its place in the line.
    pub number: u64,
    /// Tells it from every other entry that ever had the number.
    pub tag: u32,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.number, self.tag)
    }
}

/// The text names no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry is named like `12-9f3c2a1b`")]
pub struct BadEntryId;

impl FromStr for EntryId {
    type Err = BadEntryId;

    fn from_str(text: &str) -> Result<Self, BadEntryId> {
        let (number, tag) = text.split_once('-').ok_or(BadEntryId)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let hex = tag.len() == 8 && tag.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || !hex {
            return Err(BadEntryId);
        }
        Ok(Self {
            number: number.parse().map_err(|_| BadEntryId)?,
            tag: u32::from_str_radix(tag, 16).map_err(|_| BadEntryId)?,
        })
    }
}

/// A request as it goes over the wire, but for what is put on when it is sent: `Authorization`,
/// `DPoP` and `Idempotency-Key`. Any part of it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestMessage {
    /// The method (RFC 9110 §9).
    pub method: String,
    /// Where it goes: an absolute URL.
    pub url: Secret,
    /// Its fields, in order.
    pub headers: Vec<(String, Secret)>,
    /// Its content; may be empty.
    pub body: Zeroizing<Vec<u8>>,
}

impl RequestMessage {
    /// Whether sending it twice is as good as once, whatever the server thinks of idempotency keys
    /// (RFC 9110 §9.2.2).
    pub fn is_idempotent(&self) -> bool {
        is_idempotent(&self.method)
    }
}

/// The methods of RFC 9110 §9.2.2. A method that is not known is not known to be one.
pub(super) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

impl fmt::Debug for RequestMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("RequestMessage")
            .field("method", &self.method)
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// What is put into an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// The credential that it is sent with, and whose line it stands in.
    pub key: Key,
    /// The request.
    pub message: RequestMessage,
    /// The value of its `Idempotency-Key` header; `None`: one is drawn.
    pub idempotency_key: Option<String>,
    /// When it was made.
    pub queued_at: UnixTime,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedRequest {
    /// Its name and place.
    pub id: EntryId,
    /// The credential that it is sent with, and whose line it stands in.
    pub key: Key,
    /// The request.
    pub message: RequestMessage,
    /// The value of its `Idempotency-Key` header: the same each time that it is sent.
    pub idempotency_key: String,
    /// When it was put in.
    pub queued_at: UnixTime,
    /// How it is doing.
    pub progress: Progress,
}

impl QueuedRequest {
    /// What is shown of it: all but fields and content.
    pub fn summary(&self) -> Summary {
        Summary {
            id: self.id,
            key: self.key.clone(),
            method: self.message.method.clone(),
            url: self.message.url.clone(),
            body_len: self.message.body.len(),
            idempotency_key: self.idempotency_key.clone(),
            queued_at: self.queued_at,
            progress: self.progress,
        }
    }
}

/// What is shown of a request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its name and place.
    pub id: EntryId,
    /// The credential whose line it stands in.
    pub key: Key,
    /// Its method.
    pub method: String,
    /// Where it goes. Its query may hold secrets.
    pub url: Secret,
    /// Bytes of its content.
    pub body_len: usize,
    /// The value of its `Idempotency-Key` header.
    pub idempotency_key: String,
    /// When it was put in.
    pub queued_at: UnixTime,
    /// How it is doing.
    pub progress: Progress,
}

/// How a request that waits is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Times that it was sent, or that sending it was begun.
    #[serde(default)]
    pub attempts: u32,
    /// Times in a row that there was no token to send it with.
    #[serde(default)]
    pub tokenless: u32,
    /// Since when the server may have acted upon it without our knowing: the first time that it was
    /// sent and no verdict came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt_since: Option<UnixTime>,
    /// Answers of 409 to a request in doubt, in a row.
    #[serde(default)]
    pub conflicts: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setback: Option<Setback>,
    /// It is not sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The server has refused it: it stands aside for a person to see, and holds up nobody.
    #[serde(default)]
    pub is_failed: bool,
}

/// Until when a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Until then.
    pub until: UnixTime,
    /// A server asked for it, so that no hurry of ours shortens it.
    pub is_asked: bool,
}

/// What went wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// When.
    pub at: UnixTime,
    /// What.
    pub what: Mishap,
}

/// Why a request is still here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mishap {
    /// It surely never left.
    #[error("it could not be sent: {0}")]
    Unsent(Cause),
    /// It was sent, or may have been, and no answer came.
    #[error("it was sent, and no answer came: {0}")]
    Lost(Cause),
    /// The server answered so.
    #[error("the server answered {0}")]
    Answered(u16),
    /// There was no token to send it with.
    #[error("there is no token to send it with: {0}")]
    NoToken(TokenTrouble),
    /// It may have been acted upon, longer ago than servers remember its key.
    #[error("it may have been acted upon, too long ago to be sent again by itself")]
    DoubtTooOld,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenTrouble {
    /// A person has to log in.
    #[error("a login is needed")]
    LoginNeeded,
    /// The authorization server, a rule or the sealing key refuses.
    #[error("it is denied")]
    Denied,
    /// None can be had now.
    #[error("it cannot be renewed now")]
    Away,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_what_it_wrote_and_nothing_else() {
        let id = EntryId { number: 12, tag: 0x9f3c_2a1b };
        assert_eq!(id.to_string(), "12-9f3c2a1b");
        assert_eq!("12-9f3c2a1b".parse(), Ok(id));
        for bad in
            ["", "12", "12-", "-9f3c2a1b", "12-9F3C2A1B", "12-9f3c2a1", "+2-9f3c2a1b", "../x"]
        {
            assert_eq!(bad.parse::<EntryId>(), Err(BadEntryId), "{bad}");
        }
    }

    #[test]
    fn r18_what_a_request_holds_is_not_in_its_debug_text() {
        let message = RequestMessage {
            method: "POST".to_owned(),
            url: Secret::new("https://api.example/?k=canary-url"),
            headers: vec![("x-key".to_owned(), Secret::new("canary-header"))],
            body: Zeroizing::new(b"canary-body".to_vec()),
        };
        let text = format!("{message:?}");
        assert!(text.contains("x-key") && !text.contains("canary"), "{text}");
    }
}
