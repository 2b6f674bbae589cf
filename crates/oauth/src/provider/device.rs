//! Logins on devices without a browser (RFC 8628), read.

use core::time::Duration;

use http::{HeaderMap, StatusCode};
use unlapse_core::{
    Answer, Body, Cause, Door, Grant, Rejection, Secret, UnixTime, Verdict, classify,
};

use crate::endpoint::Endpoint;
use crate::json::Value;
use crate::lifetime;
use crate::reply::Shape;

use super::metadata::Metadata;
use super::{Provider, Step};

/// How long to wait between two questions where the provider does not say (RFC 8628 §3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Whatever it says: neither a storm of questions nor a user who waits for nothing.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// How long a code is good where the provider does not say, though it must.
const USUAL: Duration = Duration::from_secs(900);

/// What the user is shown, and what the device keeps (RFC 8628 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// `device_code`.
    pub device_code: Secret,
    /// `user_code`: at most 64 visible characters, for the user to type.
    pub user_code: String,
    /// `verification_uri`: where.
    pub verification_uri: Endpoint,
    /// `verification_uri_complete`: the same with the code in it.
    pub verification_uri_complete: Option<Endpoint>,
    /// `expires_in`, of both codes.
    pub expires_in: Duration,
    /// `interval` between two questions: 1 s to 1 min.
    pub interval: Duration,
}

/// The answer to a device's question (RFC 8628 §3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceAnswer {
    /// The user has logged in.
    Granted(Box<Grant>, Metadata),
    /// Not yet: ask again after the interval.
    Pending,
    /// Not yet, and asked too often: the interval is 5 s longer from now on.
    SlowDown,
    /// The code has ended: begin again.
    Expired,
    /// The user, or the provider, refused.
    Rejected(Rejection),
    /// No verdict: ask again.
    Retry {
        /// What happened.
        cause: Cause,
        /// The provider's wish.
        after: Option<Duration>,
    },
}

impl Provider {
    /// Reads the reply to [`Provider::device`]; `None` when it is none: then
    /// [`Provider::device_answer`] says why.
    pub fn device_authorization(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<DeviceAuthorization> {
        if !status.is_success() {
            return None;
        }
        Shape::with(headers, body, |shape| {
            let text = |name| shape.value(name).and_then(Value::into_text);
            let user_code = text("user_code")?.expose().to_owned();
            let shown = |c: char| !c.is_control() && !c.is_whitespace();
            if user_code.chars().count() > 64 || !user_code.chars().all(shown) {
                return None;
            }
            // Google has another name for it.
            let uri = text("verification_uri").or_else(|| text("verification_url"))?;
            let complete = text("verification_uri_complete");
            let span = |name| shape.value(name).and_then(|value| lifetime::relative(&value));
            Some(DeviceAuthorization {
                device_code: text("device_code")?,
                user_code,
                verification_uri: Endpoint::parse(uri.expose()).ok()?,
                verification_uri_complete: complete
                    .and_then(|uri| Endpoint::parse(uri.expose()).ok()),
                expires_in: span("expires_in").unwrap_or(USUAL),
                interval: span("interval").unwrap_or(INTERVAL).clamp(SHORTEST, LONGEST),
            })
        })
    }

    /// Reads the reply to [`Provider::device_token`].
    pub fn device_answer(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> DeviceAnswer {
        let (reply, metadata) = self.read(Step::DeviceToken, status, headers, body, now);
        // Twitch has the word in `message`.
        let word = Shape::with(headers, body, |shape| {
            ["error", "message"].iter().find_map(|name| {
                let text = shape.value(name).and_then(Value::into_text)?;
                let text = text.expose().to_ascii_lowercase();
                WORDS.iter().find(|(word, _)| *word == text).map(|(_, answer)| answer.clone())
            })
        });
        let granted = matches!(reply.body, Body::Grant(_));
        // GitHub's errors come with a 200.
        if let Some(word) = word.filter(|_| !granted && status.as_u16() < 500) {
            return word;
        }
        match classify(Answer::Replied(reply), Door::Token) {
            Verdict::Granted(grant) => DeviceAnswer::Granted(grant, metadata),
            Verdict::Rejected(rejection) => DeviceAnswer::Rejected(rejection),
            Verdict::Transient { cause, retry_after, .. } => {
                DeviceAnswer::Retry { cause, after: retry_after }
            }
            Verdict::Unsent(cause) | Verdict::Unknown(cause) => {
                DeviceAnswer::Retry { cause, after: None }
            }
        }
    }
}

/// The words of RFC 8628 §3.5 that RFC 6749 does not have.
const WORDS: &[(&str, DeviceAnswer)] = &[
    ("authorization_pending", DeviceAnswer::Pending),
    ("slow_down", DeviceAnswer::SlowDown),
    ("expired_token", DeviceAnswer::Expired),
    ("access_denied", DeviceAnswer::Rejected(Rejection::AccessDenied)),
];
