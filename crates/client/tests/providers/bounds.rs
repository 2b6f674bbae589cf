//! What a provider may not cost: a grant, for what is asked beside it (R5); memory, for what it sends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use unlapse::unlapse_oauth::provider::{Catalogue, Metadata};
use unlapse::{Clock, Http, HttpReply, NoReply, ProviderExchange, UnixTime};
use unlapse_core::{BootTime, BoxFuture, Cause, Now, Verdict};

use super::stage::{client, line, refresh};

/// What becomes of a call.
enum Becomes {
    Reply(&'static str),
    TooLarge,
    Lost,
    /// Nothing, for ever.
    Hangs,
}

/// Answers with what it was given, and lets time go by meanwhile.
struct Played {
    calls: Mutex<VecDeque<(Duration, Becomes)>>,
    time: Arc<Mutex<Duration>>,
}

impl Http for Played {
    fn call(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<HttpReply, NoReply>> {
        let (takes, becomes) = self.calls.lock().unwrap().pop_front().expect("one too many");
        *self.time.lock().unwrap() += takes;
        let body = match becomes {
            Becomes::Reply(text) => Some(text.as_bytes().to_vec().into()),
            Becomes::TooLarge => None,
            Becomes::Lost => return Box::pin(async { Err(NoReply::Lost(Cause::Broken)) }),
            Becomes::Hangs => return Box::pin(std::future::pending()),
        };
        let headers = HeaderMap::new();
        Box::pin(async { Ok(HttpReply { status: StatusCode::OK, headers, body }) })
    }
}

/// Virtual time: whoever sleeps has slept.
struct Virtual(Arc<Mutex<Duration>>);

impl Clock for Virtual {
    fn now(&self) -> Now {
        let passed = *self.0.lock().unwrap();
        let millis = u64::try_from(passed.as_millis()).unwrap();
        let wall = UnixTime::from_secs(1_900_000_000).plus(passed);
        Now { wall, boot: BootTime { boot: 1, millis } }
    }

    fn coarse(&self) -> UnixTime {
        self.now().wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let time = Arc::clone(&self.0);
        Box::pin(async move { *time.lock().unwrap() += duration })
    }
}

/// A refresh at Salesforce, whose calls become that, and how long it took.
async fn played(calls: Vec<(u64, Becomes)>) -> (Verdict, Duration) {
    let time = Arc::new(Mutex::new(Duration::ZERO));
    let calls = calls.into_iter().map(|(secs, becomes)| (Duration::from_secs(secs), becomes));
    let http = Arc::new(Played { calls: Mutex::new(calls.collect()), time: Arc::clone(&time) });
    let provider = Arc::clone(Catalogue::built_in().provider("salesforce").unwrap());
    let clock = Arc::new(Virtual(Arc::clone(&time)));
    let left = Arc::clone(&http);
    let exchange = ProviderExchange::new(provider, client(&[], None), Metadata::new(), http, clock);
    let verdict = refresh(&exchange).await;
    assert!(left.calls.lock().unwrap().is_empty(), "a call that was never made");
    let took = *time.lock().unwrap();
    (verdict, took)
}

const GRANT: Becomes = Becomes::Reply(
    r#"{"access_token":"at-2","refresh_token":"rt-2","instance_url":"https://a.my.salesforce.com"}"#,
);

#[tokio::test]
async fn r5_an_introspection_never_costs_the_grant() {
    // 1,900,000,600: ten minutes from when time began.
    let active = || Becomes::Reply(r#"{"active":true,"exp":1900000600}"#);
    for (calls, grants, longest) in [
        (vec![(1, GRANT), (0, active())], "at-2 rt-2 599 -", 1),
        (vec![(1, GRANT), (0, Becomes::Hangs)], "at-2 rt-2 7200 -", 4),
        (vec![(1, GRANT), (0, Becomes::Lost)], "at-2 rt-2 7200 -", 1),
        (vec![(1, GRANT), (0, Becomes::TooLarge)], "at-2 rt-2 7200 -", 1),
        // The refresh was slow: no time is left to ask.
        (vec![(5, GRANT)], "at-2 rt-2 7200 -", 5),
    ] {
        let (verdict, took) = played(calls).await;
        let Verdict::Granted(grant) = verdict else { panic!("{verdict:?}") };
        assert_eq!(line(&grant), grants);
        assert!(took <= Duration::from_secs(longest), "{took:?}");
    }
}

#[tokio::test]
async fn r8_a_reply_beyond_the_limit_and_one_that_never_came_whole() {
    let (verdict, _) = played(vec![(0, Becomes::TooLarge)]).await;
    assert!(matches!(verdict, Verdict::Transient { cause: Cause::TooLarge, .. }), "{verdict:?}");
    let (verdict, _) = played(vec![(0, Becomes::Lost)]).await;
    assert_eq!(verdict, Verdict::Unknown(Cause::Broken));
}
