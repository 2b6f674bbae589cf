//! The place that a request has.

use core::future::Future;
use core::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use unlapse::Clock as _;
use unlapse::unlapse_core::UnixTime;

use super::api::Api;
use super::body;
use super::refusal::Refusal;
use crate::gate::{Crowd, Holder, Stay};
use crate::peer::peer;
use crate::strangers::{LARGEST, PATIENCE};

/// What takes longer waits for a provider, and does so among others that do.
const BRIEF: Duration = Duration::from_secs(1);

impl Refusal {
    /// There is no room: 503, or 429 where it is the caller's own share that is used up.
    pub(super) fn crowd(crowd: Crowd, now: UnixTime) -> Self {
        Self::from(crowd.problem(now)).status(crowd.status())
    }
}

impl Api {
    /// The request is of somebody who is known: from here on, it has a place among those that are
    /// answered.
    pub(super) fn admit(&self, request: &Parts, holder: Holder) -> Result<(), Refusal> {
        self.stay(request, |stay| stay.enter(self.options.places.requests(), holder))
    }

    /// The request may take as long as a provider does.
    pub(super) fn lengthen(&self, request: &Parts) -> Result<(), Refusal> {
        self.stay(request, |stay| stay.pass(self.options.places.long()))
    }

    /// The request is of a stranger.
    pub(super) fn hear(&self, request: &Parts) -> Result<(), Refusal> {
        self.stay(request, |stay| {
            self.options.strangers.enter(peer(request)).map(|place| stay.put(place))
        })
    }

    /// What `work` comes to. It begins among those that are answered at once; what is not done soon goes
    /// on among those that take long.
    pub(super) async fn soon<T>(
        &self,
        request: &Parts,
        work: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        tokio::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = self.timer.sleep(BRIEF) => self.lengthen(request)?,
        }
        Ok(work.await)
    }

    /// The JSON that somebody who is known has sent.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: &Parts,
        sent: Body,
    ) -> Result<T, Refusal> {
        self.aside(request, body::json(&self.timer, &request.headers, sent)).await
    }

    /// The same, where an empty body says nothing but what is the default.
    pub(super) async fn json_or_default<T: DeserializeOwned + Default>(
        &self,
        request: &Parts,
        sent: Body,
    ) -> Result<T, Refusal> {
        self.aside(request, body::json_or_default(&self.timer, &request.headers, sent)).await
    }

    /// The form that a stranger has sent.
    pub(super) async fn form(&self, request: &Parts, sent: Body) -> Result<Bytes, Refusal> {
        body::demand(&request.headers, body::FORM)?;
        body::within(&self.timer, sent, LARGEST, PATIENCE).await
    }

    /// Reads what is sent. While it arrives, the request has no place among those that are answered: a
    /// body takes as long as its sender likes.
    async fn aside<T>(
        &self,
        request: &Parts,
        read: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.stay(request, |stay| stay.pass(self.options.places.bodies()))?;
        let read = read.await?;
        self.stay(request, |stay| stay.pass(self.options.places.requests()))?;
        Ok(read)
    }

    fn stay(
        &self,
        request: &Parts,
        change: impl FnOnce(&Stay) -> Result<(), Crowd>,
    ) -> Result<(), Refusal> {
        // Without one, nobody waits for an answer any more.
        let Some(stay) = request.extensions.get::<Stay>() else { return Ok(()) };
        change(stay).map_err(|crowd| Refusal::crowd(crowd, self.now()))
    }
}
