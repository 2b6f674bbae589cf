//! How much an outbox takes.

use super::entry::NewRequest;
use super::error::OutboxError;
use super::format::MAX_HEAD;

/// How much an outbox takes: what is beyond is refused, and nothing that is in it is lost for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Bytes of one request's content. 1 MiB.
    pub body: usize,
    /// Entries, those that were refused by their server included. 10,000.
    pub entries: usize,
    /// Bytes in all, as they are kept. 256 MiB.
    pub total: u64,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { body: 1 << 20, entries: 10_000, total: 256 << 20 }
    }
}

/// Longest value of an `Idempotency-Key` header: what servers are known to take.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// Fields that are never kept. The first are put on when the request is sent, or would be worth
/// stealing; the others belong to one connection (RFC 9110 §7.6.1) or follow from the content.
const NEVER_KEPT: [&str; 14] = [
    "authorization",
    "cookie",
    "dpop",
    "idempotency-key",
    "proxy-authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl OutboxLimits {
    /// The most that [`OutboxLimits::body`] can be raised to: 16 MiB.
    pub const MAX_BODY: usize = 16 << 20;

    /// Whether `request` may be put into an outbox that has `entries` of `total` bytes already.
    pub fn admit(
        &self,
        request: &NewRequest,
        entries: usize,
        total: u64,
    ) -> Result<(), OutboxError> {
        let message = &request.message;
        for (name, _) in &message.headers {
            let lower = name.to_ascii_lowercase();
            if let Some(field) = NEVER_KEPT.into_iter().find(|field| *field == lower) {
                return Err(OutboxError::FieldRefused { field });
            }
        }
        if let Some(key) = &request.idempotency_key {
            let fits = (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len());
            if !fits || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(OutboxError::BadIdempotencyKey);
            }
        }
        let most = self.body.min(Self::MAX_BODY);
        if message.body.len() > most {
            return Err(OutboxError::TooLarge { most });
        }
        let head = message.headers.iter().map(|(name, value)| name.len() + value.len());
        let head = head.sum::<usize>() + message.url.len() + message.method.len();
        // Room for the rest of the head, and for what JSON has to escape.
        if head > MAX_HEAD / 2 {
            return Err(OutboxError::TooLarge { most: MAX_HEAD / 2 });
        }
        if entries >= self.entries {
            return Err(OutboxError::TooMany { most: self.entries });
        }
        let size = (head + message.body.len()) as u64;
        if total.saturating_add(size) > self.total {
            return Err(OutboxError::Full { most: self.total });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;
    use crate::outbox::RequestMessage;
    use crate::secret::Secret;
    use crate::time::UnixTime;
    use zeroize::Zeroizing;

    fn request() -> NewRequest {
        NewRequest {
            key: Key::new("acme"),
            message: RequestMessage {
                method: "POST".to_owned(),
                url: Secret::new("https://api.example/"),
                headers: Vec::new(),
                body: Zeroizing::new(vec![b'x'; 100]),
            },
            idempotency_key: None,
            queued_at: UnixTime::default(),
        }
    }

    fn with(change: impl FnOnce(&mut NewRequest)) -> NewRequest {
        let mut request = request();
        change(&mut request);
        request
    }

    #[test]
    fn k12_a_row_for_each_limit() {
        let limits = OutboxLimits { body: 100, entries: 3, total: 1000 };
        let header =
            |name: &str| with(|it| it.message.headers.push((name.to_owned(), Secret::new("v"))));
        let key = |text: &str| with(|it| it.idempotency_key = Some(text.to_owned()));
        let refused = |field| Err(OutboxError::FieldRefused { field });
        let rows = [
            (request(), 0, 0, Ok(())),
            (request(), 2, 870, Ok(())),
            (request(), 3, 0, Err(OutboxError::TooMany { most: 3 })),
            (request(), 0, 900, Err(OutboxError::Full { most: 1000 })),
            (request(), 0, u64::MAX, Err(OutboxError::Full { most: 1000 })),
            (with(|it| it.message.body.push(0)), 0, 0, Err(OutboxError::TooLarge { most: 100 })),
            (header("content-type"), 0, 0, Ok(())),
            (header("Authorization"), 0, 0, refused("authorization")),
            (header("COOKIE"), 0, 0, refused("cookie")),
            (header("dpop"), 0, 0, refused("dpop")),
            (header("Content-Length"), 0, 0, refused("content-length")),
            (key("\"a-b\""), 0, 0, Ok(())),
            (key(""), 0, 0, Err(OutboxError::BadIdempotencyKey)),
            (key("a b"), 0, 0, Err(OutboxError::BadIdempotencyKey)),
            (key(&"x".repeat(256)), 0, 0, Err(OutboxError::BadIdempotencyKey)),
        ];
        for (request, entries, total, expected) in rows {
            assert_eq!(limits.admit(&request, entries, total), expected, "{request:?}");
        }
        let long = with(|it| it.message.url = Secret::new("x".repeat(MAX_HEAD)));
        let most = MAX_HEAD / 2;
        let refused = OutboxLimits::default().admit(&long, 0, 0);
        assert_eq!(refused, Err(OutboxError::TooLarge { most }));
    }
}
