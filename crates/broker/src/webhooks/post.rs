//! Sending one webhook.

use core::time::Duration;
use std::sync::OnceLock;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use unlapse::unlapse_core::UnixTime;
use url::Url;

use super::message::Message;
use super::retry::Delivered;
use super::signature::SigningSecret;
use super::target::target;
use crate::outward::{Lookup, PrivateHosts};

/// To reach the receiver.
const CONNECT: Duration = Duration::from_secs(5);
/// To have its answer; Standard Webhooks 1.0 proposes 15 to 30 s.
const LONGEST: Duration = Duration::from_secs(15);

/// Sends webhooks. No redirect is followed, no answer read, and nothing sent to an address that is
/// not public unless that was allowed: what a name means is asked for anew for each connection, and the
/// address that was judged is the one that is connected to.
#[derive(Debug)]
pub struct Post {
    /// Built when it is first needed: it cannot be on a machine without certificates, which may have no
    /// webhooks either.
    client: OnceLock<Client>,
    private: PrivateHosts,
}

impl Post {
    /// `private` are the hosts that are not public and allowed; with every one of them, `http` is, too.
    pub fn new(private: PrivateHosts) -> Self {
        Self { client: OnceLock::new(), private }
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(LONGEST)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("unlapse/", env!("CARGO_PKG_VERSION")))
            .referer(false)
            .dns_resolver(Lookup::new(self.private.clone(), None))
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends `message` once.
    pub async fn send(
        &self,
        url: &Url,
        secret: &SigningSecret,
        message: &Message,
        now: UnixTime,
    ) -> Delivered {
        // What was allowed when the address was named may not be any more.
        if target(url.as_str(), &self.private).is_err() {
            return Delivered::No { retry_after: None };
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be sent");
                return Delivered::No { retry_after: None };
            }
        };
        let Message { id, body } = message;
        let sent = client.post(url.clone());
        let sent = sent
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.as_secs())
            .header("webhook-signature", secret.sign(id, now, body))
            .body(body.clone())
            .send();
        match sent.await {
            Ok(response) => judge(response.status(), response.headers()),
            Err(error) => {
                // Without its URL, which may have a key in its query.
                tracing::info!(error = %error.without_url(), "a webhook did not arrive");
                Delivered::No { retry_after: None }
            }
        }
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Delivered {
    if status.is_success() {
        return Delivered::Yes;
    }
    tracing::info!(status = status.as_u16(), "a webhook was not taken");
    if status == StatusCode::GONE {
        return Delivered::Gone;
    }
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Delivered::No { retry_after: retry_after.map(Duration::from_secs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::State;
    use axum::response::Redirect;
    use axum::routing::post;
    use tokio::sync::mpsc;
    use unlapse::unlapse_core::Secret;

    type Seen = (HeaderMap, axum::body::Bytes);

    /// A receiver, and what it has seen.
    async fn receiver() -> (String, mpsc::UnboundedReceiver<Seen>, Arc<AtomicUsize>) {
        let (seen, told) = mpsc::unbounded_channel();
        let elsewhere = Arc::new(AtomicUsize::new(0));
        let status = |status: u16| async move {
            (StatusCode::from_u16(status).expect("a status"), [(RETRY_AFTER, "7")])
        };
        let counted = Arc::clone(&elsewhere);
        let routes = Router::new()
            .route(
                "/take",
                post(async |State(seen): State<mpsc::UnboundedSender<Seen>>, headers, body| {
                    seen.send((headers, body)).expect("somebody listens");
                }),
            )
            .route("/busy", post(move || status(503)))
            .route("/gone", post(move || status(410)))
            .route("/away", post(async || Redirect::temporary("/elsewhere")))
            .route(
                "/elsewhere",
                post(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    async {}
                }),
            )
            .with_state(seen);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        #[expect(clippy::disallowed_methods, reason = "the test's own server")]
        tokio::spawn(async { axum::serve(listener, routes).await });
        (url, told, elsewhere)
    }

    #[tokio::test]
    async fn standard_webhooks_what_arrives_is_signed_and_other_answers_are_not_taken_for_a_yes() {
        let (url, mut told, elsewhere) = receiver().await;
        let post = Post::new(PrivateHosts::every());
        let secret = SigningSecret::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let secret = secret.expect("a secret");
        let message = Message { id: "msg_1".to_owned(), body: b"{\"type\":\"x\"}".to_vec() };
        let now = UnixTime::from_secs(1_700_000_000);
        let at = |path: &str| Url::parse(&format!("{url}{path}")).expect("a URL");
        let send = async |path: &str| post.send(&at(path), &secret, &message, now).await;

        assert_eq!(send("/take").await, Delivered::Yes);
        let (headers, body) = told.recv().await.expect("it arrived");
        assert_eq!(&body[..], message.body);
        assert_eq!(headers["webhook-id"], "msg_1");
        assert_eq!(headers["webhook-timestamp"], "1700000000");
        assert_eq!(headers["webhook-signature"], secret.sign("msg_1", now, &message.body));

        let after = |secs| Delivered::No { retry_after: Some(Duration::from_secs(secs)) };
        assert_eq!(send("/busy").await, after(7));
        assert_eq!(send("/gone").await, Delivered::Gone);
        assert_eq!(send("/away").await, Delivered::No { retry_after: None });
        assert_eq!(elsewhere.load(Ordering::Relaxed), 0, "no redirect is followed");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_asked() {
        let (url, mut told, _) = receiver().await;
        let post = Post::new(PrivateHosts::default());
        let secret = SigningSecret::draw();
        let message = Message { id: "msg_1".to_owned(), body: b"{}".to_vec() };
        let url = Url::parse(&format!("{url}/take")).expect("a URL");
        let sent = post.send(&url, &secret, &message, UnixTime::default()).await;
        assert_eq!(sent, Delivered::No { retry_after: None });
        assert!(told.try_recv().is_err());
    }
}
