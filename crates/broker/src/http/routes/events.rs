//! `GET /v1/events`: what happens to connections, as it happens (server-sent events).
//!
//! Events are in the database and numbered: a client that comes back with the last number it has seen
//! goes on after it, at whichever node, and misses none within the week that they are kept.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use http_body::Frame;
use tokio::sync::mpsc;
use unlapse::tokio::TokioSpawn;
use unlapse::{Clock as _, Spawn as _};

use crate::code::Code;
use crate::gate::{Place, Stay};
use crate::http::api::{Answer, Api};
use crate::http::params::Params;
use crate::http::refusal::Refusal;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::Event;
use crate::verb::Verb;
use crate::webhooks::Told;

/// How often the database is asked.
const BEAT: Duration = Duration::from_secs(1);
/// A line at least so often, so that both ends know that the other is there.
const HEARTBEAT: u32 = 15;
/// Whether who listens still may is asked every so many beats: a key that was revoked hears no more.
const ASKED: u32 = 5;
/// Events of one look.
const BATCH: usize = 200;
/// Pieces that wait for a slow client; one that does not take them stops being asked for more.
const AHEAD: usize = 4;
/// How long a client that was cut off waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 2000;

pub(in crate::http) async fn listen(State(api): State<Api>, mut request: Parts) -> Answer {
    let (caller, params) = api.asked(&request, Verb::Read, &["tenant", "after"]).await?;
    let tenant = caller.tenant_if_any(&params, &request.headers)?;
    let after = match after(&params, &request.headers)? {
        Some(after) => after,
        None => api.broker.tables().newest_event().await?,
    };
    if api.options.draining.has_begun() {
        let problem = Problem::new(Code::Overloaded, "this node is about to end");
        return Err(problem.retry_at(Some(api.now())).into());
    }
    let room = api.listeners.enter(caller.holder());
    let room = room.map_err(|crowd| Refusal::crowd(crowd, api.now()))?;
    // What goes on for hours has no place among requests.
    request.extensions.remove::<Stay>();
    let (pieces, body) = mpsc::channel(AHEAD);
    let sender = Sender { api, request, tenant, after, pieces, _room: room };
    TokioSpawn.spawn(Box::pin(sender.run()));
    let mut response = Response::new(Body::new(Stream(body)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies are not to wait for more.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The number to go on after: of a browser's header, which it brings back by itself, or the query.
fn after(params: &Params, headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    const MOST: u64 = i64::MAX as u64;
    let in_query = params.number("after", 0..=MOST)?;
    let in_query = in_query.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let Some(value) = headers.get("last-event-id") else { return Ok(in_query) };
    let number = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| Refusal::bad_request("`Last-Event-ID` is no number of an event"))
}

/// One client, and what it is sent.
struct Sender {
    api: Api,
    /// As which it came, with its credential.
    request: Parts,
    tenant: Option<Name>,
    after: i64,
    pieces: mpsc::Sender<Bytes>,
    _room: Place,
}

impl Sender {
    async fn run(mut self) {
        let mut quiet = HEARTBEAT;
        let mut unasked = 0;
        let mut greeting = format!("retry: {RETRY_MS}\n\n");
        loop {
            unasked += 1;
            if unasked >= ASKED {
                if !self.still_may().await {
                    return;
                }
                unasked = 0;
            }
            let mut piece = core::mem::take(&mut greeting);
            let told = self.more(&mut piece).await;
            if piece.is_empty() && quiet >= HEARTBEAT {
                piece.push_str(":\n\n");
            }
            quiet = if piece.is_empty() { quiet + 1 } else { 0 };
            // A client that is gone, or has taken nothing for so long, is let go of.
            let sent =
                async { piece.is_empty() || self.pieces.send(Bytes::from(piece)).await.is_ok() };
            let is_there = tokio::select! {
                is_there = sent => is_there,
                () = self.api.timer.sleep(BEAT * HEARTBEAT * 4) => false,
            };
            if !is_there {
                return;
            }
            if told == BATCH {
                continue;
            }
            tokio::select! {
                () = self.api.timer.sleep(BEAT) => {}
                () = self.pieces.closed() => return,
                () = self.api.options.draining.begun() => return,
            }
        }
    }

    /// Not while the database cannot tell: then there is no news either.
    async fn still_may(&self) -> bool {
        let found = self.api.known(&self.request, Verb::Read).await;
        let code = found.err().map(|refusal| refusal.problem().code);
        !matches!(code, Some(Code::Unauthorized | Code::Forbidden))
    }

    /// Adds what has happened; how many there were.
    async fn more(&mut self, piece: &mut String) -> usize {
        let events = self.api.broker.tables().events(self.tenant.as_ref(), self.after, BATCH).await;
        // A database that is away is asked again at the next beat: nothing is lost meanwhile.
        let events = events.unwrap_or_default();
        for event in &events {
            self.after = event.number;
            write(piece, event);
        }
        events.len()
    }
}

/// An event in the stream. JSON has no line ends in it.
fn write(piece: &mut String, event: &Event) {
    let data =
        serde_json::to_string(&Told::of(event)).expect("strings and numbers always make JSON");
    piece.push_str("id: ");
    piece.push_str(&event.number.to_string());
    piece.push_str("\nevent: ");
    piece.push_str(event.what.kind.as_str());
    piece.push_str("\ndata: ");
    piece.push_str(&data);
    piece.push_str("\n\n");
}

/// The body of the reply.
struct Stream(mpsc::Receiver<Bytes>);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.get_mut().0.poll_recv(context);
        next.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection_id::ConnectionId;
    use crate::tables::{EventKind, NewEvent};
    use unlapse::unlapse_core::UnixTime;

    #[test]
    fn an_event_is_one_whatever_its_names_are() {
        let name = |text: &str| text.parse().expect("a name");
        let id =
            ConnectionId::new(name("acme"), "a\u{2028}\"b", name("google"), "ä").expect("valid");
        let what = NewEvent { kind: EventKind::NeedsUser, id, code: Some(Code::UserRevoked) };
        let event = Event { number: 7, at: UnixTime::from_secs(1_795_297_500), what };
        let mut piece = String::new();
        write(&mut piece, &event);
        let lines: Vec<_> = piece.split('\n').collect();
        assert_eq!(lines[..2], ["id: 7", "event: connection.needs_user"]);
        assert_eq!(lines[3..], ["", ""]);
        let data: serde_json::Value = serde_json::from_str(&lines[2][6..]).expect("JSON");
        assert_eq!(data["timestamp"], "2026-11-21T21:45:00.000Z");
        assert_eq!(data["data"]["user"], "a\u{2028}\"b");
        assert_eq!(data["data"]["code"], "USER_REVOKED");
    }

    #[test]
    fn the_number_is_the_headers_or_else_the_querys() {
        let after = |query: &str, header: Option<&str>| {
            let params = Params::parse(Some(query), &["after"]).expect("known");
            let value = |text: &str| HeaderValue::from_str(text).expect("a header");
            let headers =
                header.map(|text| (header::HeaderName::from_static("last-event-id"), value(text)));
            after(&params, &headers.into_iter().collect()).ok()
        };
        assert_eq!(after("", None), Some(None));
        assert_eq!(after("after=3", None), Some(Some(3)));
        assert_eq!(after("after=3", Some("5")), Some(Some(5)));
        assert_eq!(after("", Some("x")), None);
        assert_eq!(after("", Some("")), None);
        assert_eq!(after("after=9223372036854775808", None), None);
    }
}
