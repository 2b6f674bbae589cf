//! What a provider's reply says.

use core::time::Duration;
use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use unlapse_core::{Body, Cause, ErrorCode, Grant, Rejection, Reply, Secret, UnixTime};

use crate::json::Value;
use crate::lifetime;
use crate::reply::{self, ReplyFields, Shape};
use crate::revocation::{self, Revocation};

use super::descriptor::{Descriptor, Success};
use super::metadata::Metadata;
use super::words::{Lifetime, Meaning, Unit};
use super::{Provider, Step};

/// How a provider's replies are read.
#[derive(Clone)]
pub(super) struct Reader {
    envelopes: Vec<String>,
    fields: ReplyFields,
    unit: Unit,
    lifetime: Lifetime,
    access_ttl: Option<Duration>,
    success: Option<Success>,
    error: Vec<String>,
    detail: Vec<String>,
    /// In lower case.
    errors: BTreeMap<String, Meaning>,
    details: BTreeMap<String, Meaning>,
    metadata: BTreeMap<String, String>,
}

/// What an introspection endpoint says of a token (RFC 7662 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspected {
    /// It is good for so long; `None`: no end is named.
    Active(Option<Duration>),
    /// It is not good.
    Inactive,
    /// The reply says nothing of it.
    Nothing,
}

impl Reader {
    pub(super) fn new(descriptor: &Descriptor) -> Self {
        let paths = &descriptor.reply;
        let or = |paths: &Vec<String>, default: &[&str]| {
            if paths.is_empty() {
                default.iter().map(|path| (*path).to_owned()).collect()
            } else {
                paths.clone()
            }
        };
        let lower = |codes: &BTreeMap<String, Meaning>| {
            codes.iter().map(|(code, meaning)| (code.to_ascii_lowercase(), *meaning)).collect()
        };
        let standard = reply::oauth_fields();
        let own = |paths: &Vec<String>, standard: &Vec<String>| {
            if paths.is_empty() { standard.clone() } else { paths.clone() }
        };
        Self {
            envelopes: or(&paths.envelope, &["."]),
            fields: ReplyFields {
                access_token: own(&paths.access_token, &standard.access_token),
                refresh_token: own(&paths.refresh_token, &standard.refresh_token),
                expires_in: own(&paths.expires_in, &standard.expires_in),
                expires_at: own(&paths.expires_at, &standard.expires_at),
                refresh_expires_in: own(&paths.refresh_expires_in, &standard.refresh_expires_in),
            },
            unit: paths.unit.unwrap_or(Unit::Seconds),
            lifetime: descriptor.lifetime.unwrap_or(Lifetime::Reply),
            access_ttl: descriptor.timing.access_ttl.map(|span| span.0),
            success: paths.success.clone(),
            error: or(&paths.error, &["error"]),
            detail: or(&paths.detail, &["error_description", "message"]),
            errors: lower(&descriptor.errors),
            details: lower(&descriptor.details),
            metadata: descriptor.metadata.clone(),
        }
    }

    /// The grant in `shape`, in the first envelope that has one.
    fn grant(
        &self,
        shape: &Shape<'_>,
        clock: UnixTime,
        find: fn(&ReplyFields, &Shape<'_>, UnixTime) -> Option<Grant>,
    ) -> Option<Grant> {
        let grant = self.envelopes.iter().find_map(|envelope| {
            if envelope == "." {
                find(&self.fields, shape, clock)
            } else {
                find(&self.fields, &Shape::Object(shape.object(envelope)?), clock)
            }
        });
        grant.map(|grant| self.timed(grant))
    }

    /// The grant with the lifetimes that the descriptor has for it.
    fn timed(&self, mut grant: Grant) -> Grant {
        if self.unit == Unit::Milliseconds {
            grant.expires_in = grant.expires_in.map(|span| span / 1000);
            grant.refresh_expires_in = grant.refresh_expires_in.map(|span| span / 1000);
        }
        grant.expires_in = match self.lifetime {
            Lifetime::Endless => None,
            Lifetime::Fixed => grant.expires_in.or(self.access_ttl),
            Lifetime::Reply | Lifetime::Jwt | Lifetime::Introspection => grant.expires_in,
        };
        grant
    }

    /// Whether the reply lacks what every success has.
    fn failed(&self, shape: &Shape<'_>) -> bool {
        let (Some(success), Shape::Object(_)) = (&self.success, shape) else { return false };
        let found = shape.value(&success.field).and_then(|value| written(&value));
        !found.is_some_and(|found| success.is.iter().any(|good| good == found.expose()))
    }

    /// The code in `shape`, and the status that says the same.
    fn error(&self, shape: &Shape<'_>, status: StatusCode) -> Option<(ErrorCode, Option<u16>)> {
        let text = |path: &String| shape.value(path).and_then(|value| written(&value));
        let details = self.detail.iter().filter_map(text);
        for detail in details {
            let detail = detail.expose().to_ascii_lowercase();
            let meaning = self.details.iter().find(|(words, _)| says(&detail, words));
            if let Some((_, meaning)) = meaning {
                return Some(meaning.code());
            }
        }
        for code in self.error.iter().filter_map(text) {
            if let Some(meaning) = self.errors.get(&code.expose().to_ascii_lowercase()) {
                return Some(meaning.code());
            }
        }
        // A number that the descriptor does not know says nothing.
        let word = |path: &String| shape.value(path).and_then(Value::into_text);
        let standard = self.error.iter().filter_map(word);
        let codes = standard.filter_map(|text| reply::error_code(text.expose(), status, shape));
        // A code that the RFC knows says more than one that nobody does.
        let codes: Vec<_> = codes.collect();
        let other = ErrorCode::Rejection(Rejection::Other);
        let code = codes.iter().find(|code| **code != other).or(codes.first())?;
        Some((*code, None))
    }

    fn metadata(&self, shape: &Shape<'_>) -> Metadata {
        let mut metadata = Metadata::new();
        for (name, path) in &self.metadata {
            if let Some(value) = shape.value(path).and_then(|value| written(&value)) {
                let _ = metadata.set(name.as_str(), value.expose());
            }
        }
        metadata
    }
}

impl Provider {
    /// Reads the reply to `step`, and what it tells of the connection. `now` is when it arrived.
    ///
    /// The status is the provider's, but where its code says something else: a limit on requests is
    /// read as a 429 and a refresh that came too early as a 425, whatever the status was.
    pub fn read(
        &self,
        step: Step,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> (Reply, Metadata) {
        let reader = &self.reader;
        let envelope = reply::Envelope::of(headers, now);
        let (body, meant, metadata) = Shape::with(headers, body, |shape| {
            let failed = reader.failed(&shape);
            let granting = !failed && step.grants();
            let find = |find| {
                let grant = granting.then(|| reader.grant(&shape, envelope.clock, find)).flatten();
                grant.map(|grant| Body::Grant(Box::new(grant)))
            };
            let grant = find(ReplyFields::grant);
            let found = reader.error(&shape, status);
            let meant = found.and_then(|(_, meant)| meant);
            let error = found.map(|(code, _)| Body::Error(code));
            let body = reply::settle(headers, status, &shape, grant, error, || {
                find(ReplyFields::unusable_grant)
            });
            let is_grant = matches!(body, Body::Grant(_)) && status.is_success();
            let metadata = if is_grant { reader.metadata(&shape) } else { Metadata::new() };
            let meant = meant.filter(|_| matches!(body, Body::Error(_)));
            (body, meant, metadata)
        });
        let status = meant.filter(|_| status.as_u16() < 500).unwrap_or(status.as_u16());
        (envelope.reply(status, body), metadata)
    }

    /// Reads the reply to a revocation (RFC 7009 §2.2), by the provider's own codes first: a token
    /// that it calls no good is as good as revoked.
    pub fn revoked(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> Revocation {
        let (reply, _) = self.read(Step::Revocation, status, headers, body, now);
        let retry = |cause| Revocation::Retry { cause, after: reply.retry_after };
        match reply.body {
            _ if matches!(reply.status, 408 | 425 | 429 | 500..) => {
                retry(Cause::Status(reply.status))
            }
            Body::Error(ErrorCode::Temporary) => retry(Cause::Status(reply.status)),
            Body::Error(ErrorCode::Rejection(rejection)) if rejection.ends_login() => {
                Revocation::Revoked
            }
            Body::Error(_) => revocation::judge(status, headers, body, now),
            _ if Shape::with(headers, body, |shape| self.reader.failed(&shape)) => {
                retry(Cause::Unreadable(reply.status))
            }
            _ => revocation::judge(status, headers, body, now),
        }
    }

    /// Reads the reply of the introspection endpoint (RFC 7662 §2.2).
    pub fn introspected(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> Introspected {
        let clock = reply::Envelope::of(headers, now).clock;
        Shape::with(headers, body, |shape| {
            let value = |name| shape.value(name).and_then(|value| written(&value));
            match value("active").as_ref().map(Secret::expose) {
                Some("true") if status.is_success() => {
                    let end = shape.value("exp");
                    Introspected::Active(end.and_then(|end| lifetime::absolute(&end, clock)))
                }
                Some("false") if status.is_success() => Introspected::Inactive,
                _ => Introspected::Nothing,
            }
        })
    }
}

impl Step {
    /// Whether a token may come back.
    fn grants(self) -> bool {
        matches!(
            self,
            Self::Token
                | Self::Exchange
                | Self::Refresh
                | Self::ClientCredentials
                | Self::DeviceToken
        )
    }
}

/// Whether `words` stand in `detail`, not as a part of other words: `AADSTS70008` is not in
/// `AADSTS700082`. Both are in lower case.
fn says(detail: &str, words: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    detail.match_indices(words).any(|(at, found)| {
        let (before, after) = (&detail[..at], &detail[at + found.len()..]);
        !inside(before.chars().next_back()) && !inside(after.chars().next())
    })
}

/// A value as JSON writes it, without quotes.
fn written(value: &Value<'_>) -> Option<Secret> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(Secret::new(*number)),
        Value::Bool(yes) => Some(Secret::new(if *yes { "true" } else { "false" })),
        Value::Texts(_) | Value::Object | Value::Null => None,
    }
}
