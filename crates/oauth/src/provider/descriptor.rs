//! A provider as its table in a catalogue writes it, before it is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unlapse_core::Reuse;

use super::span::Span;
use super::words::{Auth, Body, Lifetime, Meaning, Pkce, Unit, Verb};

type Texts = BTreeMap<String, String>;

/// One table of a catalogue. What it may say, and in which range, is in `docs/providers.md`; whether
/// it makes sense is for [`Provider::new`](super::Provider::new) to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// What people call it.
    pub name: String,
    /// Where the facts are from, as URLs.
    pub sources: Vec<String>,
    /// When they were read there, `2026-11-21`.
    pub date: String,
    /// What a reader should know beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its issuer identifier (RFC 8414 §2), with `{variables}` in it: what `iss` of an authorization
    /// response has to be (RFC 9207).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whether `iss` is in every authorization response (RFC 9207 §3), so that one without it is
    /// somebody else's.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub authorization_response_iss_parameter_supported: bool,
    /// How the client proves itself; by default `post`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What happens to a refresh token that is used twice; by default `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Whether it knows PKCE; by default `supported`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkce: Option<Pkce>,
    /// What stands between scopes; by default a space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_separator: Option<String>,
    /// Where the access token's lifetime comes from; by default `reply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Lifetime>,
    /// What the callback's query has that is kept with the connection: its name here, and there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub callback: Texts,
    /// What a reply has that is kept with the connection: its name here, and the path there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Texts,
    /// Other names for standard parameters: `client_id = "client_key"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: Texts,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: Texts,
    /// What the provider's codes mean, as they stand at `reply.error`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Meaning>,
    /// What words mean that stand anywhere in `reply.detail`; they come before `errors`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Meaning>,
    /// How long things live.
    #[serde(default, skip_serializing_if = "TimingFields::is_empty")]
    pub timing: TimingFields,
    /// What differs by app, tenant or connection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Where a reply has what.
    #[serde(default, skip_serializing_if = "ReplyPaths::is_empty")]
    pub reply: ReplyPaths,
    /// The JWT of `private_key_jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionFields>,
    /// The authorization request (RFC 6749 §4.1.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<StepFields>,
    /// The exchange of a code (RFC 6749 §4.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<StepFields>,
    /// A further exchange of the access token that the code brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<StepFields>,
    /// The refresh (RFC 6749 §6); without a URL, where the code is exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<StepFields>,
    /// Tokens on the client's own behalf (RFC 6749 §4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_credentials: Option<StepFields>,
    /// The device authorization request (RFC 8628 §3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<StepFields>,
    /// Revocation (RFC 7009).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<StepFields>,
    /// Introspection (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection: Option<StepFields>,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFields {
    /// Where it goes: `https://`, with `{variables}` in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// By default `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Verb>,
    /// By default `form`, and `query` of a `GET`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Where it differs from the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Parameters beside those of the RFC, or in their place; `false` leaves one out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// Headers beside the provider's, or in their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: Texts,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a parameter is a text, a whole number, or `false` to leave it out")]
pub enum Param {
    /// A text, with `{slots}` in it.
    Text(String),
    /// A number: it stays one in JSON.
    Number(i64),
    /// `false`: the standard parameter of that name is left out.
    Kept(bool),
}

/// What differs by app, tenant or connection, as endpoints and parameters use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// What it is, for whoever has to fill it in.
    pub about: String,
    /// Its value where nobody gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// As a whole host: the only hosts there are; with a dot in front, all below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// Where a reply has what. Paths have dots between names, and numbers for the places of an array.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyPaths {
    /// Objects that the token may be in, tried in this order; `.` is the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub envelope: Vec<String>,
    /// What only a success has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
    /// The access token, in the envelope; so are all up to `refresh_expires_in`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_token: Vec<String>,
    /// The refresh token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refresh_token: Vec<String>,
    /// The access token's lifetime.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expires_in: Vec<String>,
    /// Its end, as a date or a number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expires_at: Vec<String>,
    /// The refresh token's lifetime.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refresh_expires_in: Vec<String>,
    /// The unit of both lifetimes; by default `seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The code of an error; by default `error`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<String>,
    /// Words about an error; by default `error_description` and `message`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
}

impl ReplyPaths {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What only a success has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// Where.
    pub field: String,
    /// One of these, as JSON writes it without quotes: `true`, `0`, `ok`.
    pub is: Vec<String>,
}

/// How long things live, as far as the provider says. Nothing of it ends a login: the reply and the
/// provider do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimingFields {
    /// An access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_ttl: Option<Span>,
    /// A refresh token that is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_idle: Option<Span>,
    /// A refresh token and all its successors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_absolute: Option<Span>,
    /// How old a token must be to be refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_age: Option<Span>,
    /// Whether a refresh ends the access token before.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub refresh_revokes_access: bool,
}

impl TimingFields {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The JWT of `private_key_jwt` (RFC 7523 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionFields {
    /// `iss`; by default `{client_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub`; by default `{client_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `aud`; by default where the request goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// How long it is good: 10 s to 1 h, by default 1 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
}
