//! What an issuer has revoked, known on every server within a second.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};
use unlapse_core::UnixTime;
use url::Url;

use crate::denylist::Denylist;
use crate::fetch::{Fetch, FetchError, address};
use crate::json;
use crate::runtime::Runtime;

/// Asks an issuer again and again what it has revoked, and keeps a [`Denylist`] in step.
///
/// `GET {issuer}/denylist?after={cursor}` is answered with
/// `{"denied":[{"id":"…","until":1790000000}],"next":"{cursor}"}`. What was denied stays denied while the
/// issuer is away; [`Self::age`] says for how long it has been.
pub struct DenylistFollower {
    place: Url,
    fetch: Arc<dyn Fetch>,
    runtime: Arc<dyn Runtime>,
    denylist: Arc<Denylist>,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    cursor: Option<String>,
    at: Option<UnixTime>,
}

/// Why nothing was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotHeard {
    /// No reply.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another status than 200.
    #[error("the reply has the status {0}")]
    Status(StatusCode),
    /// No page of a denylist.
    #[error("the reply is no page of a denylist")]
    Malformed,
}

/// How often the issuer is asked: twice a second, so that a session that was ended is refused
/// everywhere within one.
const INTERVAL: Duration = Duration::from_millis(500);
/// Longest time for one request.
const DEADLINE: Duration = Duration::from_secs(5);
/// A page with so many may not be the last; issuers tell more in one.
const FULL: usize = 1000;
/// Largest page.
const MAX_PAGE: usize = 1024 * 1024;
/// Longest id, and longest cursor.
const MAX_TEXT: usize = 1024;

impl DenylistFollower {
    /// Follows `issuer`. Does nothing before [`run`](Self::run) is.
    pub fn new(
        issuer: &str,
        denylist: Arc<Denylist>,
        fetch: Arc<dyn Fetch>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, FetchError> {
        let mut place = address(issuer)?;
        let path = format!("{}/denylist", place.path().trim_end_matches('/'));
        place.set_path(&path);
        place.set_query(None);
        Ok(Self { place, fetch, runtime, denylist, heard: Mutex::default() })
    }

    /// Asks for ever: to be spawned. Dropping it ends it.
    pub async fn run(&self) {
        let mut failing = false;
        loop {
            match self.ask().await {
                // More may be waiting behind a page that is full.
                Ok(true) => continue,
                Ok(false) => failing = false,
                Err(error) => {
                    // Said once, and not twice a second.
                    if !failing {
                        tracing::warn!("what the issuer has revoked could not be had: {error}");
                    }
                    failing = true;
                }
            }
            self.runtime.sleep(INTERVAL).await;
        }
    }

    /// Asks once. Says whether there may be more at once.
    pub async fn ask(&self) -> Result<bool, NotHeard> {
        let cursor = self.heard().cursor.clone();
        let mut uri = self.place.clone();
        if let Some(cursor) = &cursor {
            uri.query_pairs_mut().append_pair("after", cursor);
        }
        let asked_at = self.runtime.now();
        let reply = tokio::select! {
            reply = self.fetch.fetch(uri.as_str(), MAX_PAGE) => reply?,
            () = self.runtime.sleep(DEADLINE) => return Err(FetchError::Timeout.into()),
        };
        if reply.status != StatusCode::OK {
            // A cursor that is no longer known: from the beginning, which loses nothing.
            if matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::GONE) {
                self.heard().cursor = None;
            }
            return Err(NotHeard::Status(reply.status));
        }
        let page = Page::parse(&reply.body).ok_or(NotHeard::Malformed)?;
        let now = self.runtime.now();
        for (id, until) in &page.denied {
            self.denylist.deny(id, *until, now);
        }
        let mut heard = self.heard();
        heard.at = Some(asked_at);
        let is_full = page.denied.len() >= FULL && cursor.as_ref() != Some(&page.next);
        heard.cursor = Some(page.next);
        Ok(is_full)
    }

    /// How old its news are; `None` when there never were any.
    pub fn age(&self) -> Option<Duration> {
        let at = self.heard().at?;
        Some(self.runtime.now().since(at))
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DenylistFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenylistFollower")
            .field("place", &self.place.as_str())
            .finish_non_exhaustive()
    }
}

/// One reply.
#[derive(Debug)]
struct Page {
    denied: Vec<(String, UnixTime)>,
    next: String,
}

impl Page {
    /// A page is taken whole or not at all.
    fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_PAGE {
            return None;
        }
        let mut members = json::object(text).ok()?;
        let Value::Array(denied) = members.remove("denied")? else { return None };
        let next = json::take_text(&mut members, "next").filter(|next| next.len() <= MAX_TEXT)?;
        let entry = |value| {
            let Value::Object(mut entry): Value = value else { return None };
            Some((id(&mut entry)?, UnixTime::from_secs(entry.get("until")?.as_u64()?)))
        };
        Some(Self { denied: denied.into_iter().map(entry).collect::<Option<_>>()?, next })
    }
}

fn id(entry: &mut Map<String, Value>) -> Option<String> {
    json::take_text(entry, "id").filter(|id| (1..=MAX_TEXT).contains(&id.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_a_page_is_taken_whole_or_not_at_all() {
        let page = Page::parse(br#"{"denied":[{"id":"a","until":10}],"next":"7","more":1}"#);
        let page = page.expect("a page");
        assert_eq!(page.denied, [("a".to_owned(), UnixTime::from_secs(10))]);
        assert_eq!(page.next, "7");
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"denied":[]}"#,
            r#"{"denied":{},"next":"7"}"#,
            r#"{"denied":[],"next":7}"#,
            r#"{"denied":[{"id":"a"}],"next":"7"}"#,
            r#"{"denied":[{"id":"","until":1}],"next":"7"}"#,
            r#"{"denied":[{"id":"a","until":-1}],"next":"7"}"#,
            r#"{"denied":[{"id":"a","until":"1"}],"next":"7"}"#,
            r#"{"denied":[{"id":"a","until":1},7],"next":"7"}"#,
            r#"{"denied":[],"next":"7","next":"8"}"#,
        ] {
            assert!(Page::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
