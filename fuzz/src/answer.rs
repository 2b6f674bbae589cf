//! A server's answer, written as people read it: a status, header lines, an empty line, a body.

use core::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use unlapse_core::{Body, Door, Grant, Now, Record, Reply, Rules, UnixTime, Verdict};
use unlapse_oauth::bearer;

use crate::unseen;

/// When answers arrive here.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT

/// The longest lifetime that is believed: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// An answer, not looked at yet.
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer that `data` writes down, if it is one that HTTP could carry.
    pub(crate) fn read(data: &'a [u8]) -> Option<Self> {
        let end = data.windows(2).position(|two| two == b"\n\n")?;
        let mut lines = data[..end].split(|byte| *byte == b'\n');
        let status = StatusCode::from_bytes(lines.next()?).ok()?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        Some(Self { status, headers, body: &data[end + 2..] })
    }

    /// The same with another Content-Type.
    pub(crate) fn with_type(&self, content_type: &'static str) -> Self {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status: self.status, headers, body: self.body }
    }

    /// R8: what a verdict may rest on, and nothing else.
    pub(crate) fn check(&self, reply: &Reply, verdict: &Verdict, door: Door) {
        assert_eq!(reply.status, self.status.as_u16());
        let text = String::from_utf8_lossy(self.body);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
        let no_verdict = matches!(reply.status, 408 | 425 | 429 | 500..);
        match verdict {
            Verdict::Granted(grant) => {
                assert!(self.status.is_success(), "granted by {}", self.status);
                assert!(!text.starts_with('<'), "granted by a web page");
                self.check_grant(grant);
            }
            Verdict::Rejected(_) => {
                assert!(!no_verdict, "rejected by {}", self.status);
                assert_ne!(reply.body, Body::Html, "rejected by a web page");
                let structured = text.contains("error") && !text.starts_with('<');
                let bare = door == Door::Login && reply.status == 401;
                assert!(structured || bare, "rejected without an error");
            }
            Verdict::Transient { retry_after, .. } => assert_eq!(*retry_after, reply.retry_after),
            Verdict::Unsent(_) | Verdict::Unknown(_) => {
                panic!("an answer that arrived: {verdict:?}")
            }
        }
        if text.is_empty() {
            assert_eq!(reply.body, Body::Empty);
        }
    }

    fn check_grant(&self, grant: &Grant) {
        // The promise of a grant: its token can be used, or the rules refuse it. The server has
        // rotated all the same, so that it must not be asked again (R7).
        let kind = grant.token_type.as_deref().unwrap_or_default();
        let header = bearer::authorization(kind, &grant.access_token);
        let is_usable = header.is_ok_and(|value| value.is_sensitive());
        let is_refused = Rules::default().check(grant, NOW, Duration::ZERO).is_err();
        assert!(is_usable || is_refused, "granted, of no use, and not refused");
        assert!(grant.expires_in.is_none_or(|lifetime| lifetime <= LONGEST));
        assert!(grant.refresh_expires_in.is_none_or(|life| life <= LONGEST && !life.is_zero()));
        assert!(grant.refresh_token.as_ref().is_none_or(|token| !token.is_empty()));
        let secrets = [Some(&grant.access_token), grant.refresh_token.as_ref()];
        for secret in secrets.into_iter().flatten() {
            // A byte that is no UTF-8 becomes a replacement of three.
            assert!(secret.len() <= 3 * self.body.len(), "more came out than went in");
        }
        unseen::grant(grant);
        // R4: what was granted can be kept, and is the same when it is read again.
        let sent = Now { wall: NOW, ..Now::default() };
        let record = Record::default().granted(grant.clone(), sent);
        unseen::record(&record);
        let bytes = record.to_bytes();
        if bytes.len() <= unlapse_core::MAX_RECORD {
            let read = Record::from_bytes(&bytes).expect("a record of ours");
            let mut kept = record;
            if let Some(token) = &mut kept.token {
                // Spans are kept to the millisecond, rounded down.
                token.lifetime = token.lifetime.map(whole_millis);
                token.refresh_idle = token.refresh_idle.map(whole_millis);
            }
            assert_eq!(read, kept);
        }
    }
}

fn whole_millis(span: core::time::Duration) -> core::time::Duration {
    core::time::Duration::from_millis(u64::try_from(span.as_millis()).expect("a hundred years"))
}

/// `200`, without headers or a body.
pub(crate) fn ok() -> Answer<'static> {
    Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: b"" }
}
