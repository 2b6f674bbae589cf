//! Providers as data: what differs from one to the next is a table in a catalogue, read by one
//! interpreter. No provider has code of its own.
//!
//! ```
//! use std::collections::BTreeMap;
//! use unlapse_core::Secret;
//! use unlapse_oauth::provider::{Caller, Catalogue, Metadata};
//!
//! let catalogue = Catalogue::built_in();
//! let notion = catalogue.provider("notion").expect("a provider of the catalogue");
//! let secret = Secret::new("s3cret");
//! let caller = Caller {
//!     client_id: "cid",
//!     client_secret: Some(&secret),
//!     signer: None,
//!     params: &BTreeMap::new(),
//!     metadata: &Metadata::new(),
//!     scope: None,
//! };
//! let request = notion.refresh(&caller, &Secret::new("rt-1"))?;
//! // Notion wants HTTP Basic and JSON.
//! assert_eq!(request.uri(), "https://api.notion.com/v1/oauth/token");
//! assert_eq!(&request.body()[..], br#"{"grant_type":"refresh_token","refresh_token":"rt-1"}"#);
//! # Ok::<(), unlapse_oauth::provider::Unbuildable>(())
//! ```
//!
//! A reply is read by [`Provider::read`] and judged by [`unlapse_core::classify`], as any other is.
//! `docs/providers.md` says what each field of a table means, and how to add a file of your own.

mod authorization_response;
mod bad_provider;
mod call;
mod catalogue;
mod check;
mod compile;
mod descriptor;
mod device;
mod host_from;
mod metadata;
#[cfg(feature = "dpop")]
mod private_key;
mod reader;
mod requests;
mod signer;
mod slot;
mod span;
mod step;
mod template;
mod unbuildable;
mod url_template;
mod values;
mod words;

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use unlapse_core::Reuse;

use crate::endpoint::Endpoint;

pub use authorization_response::NotItsIssuer;
pub use bad_provider::{BadCatalogue, BadProvider};
pub use catalogue::Catalogue;
pub use descriptor::{
    AssertionFields, Descriptor, Param, ReplyPaths, StepFields, Success, TimingFields, Variable,
};
pub use device::{DeviceAnswer, DeviceAuthorization};
pub use host_from::HostFrom;
pub use metadata::{BadMetadata, Metadata};
#[cfg(feature = "dpop")]
pub use private_key::{BadPrivateKey, PrivateKey};
pub use reader::Introspected;
pub use requests::{Authorization, CodeExchange};
pub use signer::{Claims, NotSigned, Signer};
pub use span::Span;
pub use step::Step;
pub use unbuildable::Unbuildable;
pub use values::Caller;
pub use words::{Auth, Body, Lifetime, Meaning, Pkce, Unit, Verb};

use call::Call;
use reader::Reader;
use url_template::UrlTemplate;

/// A provider, checked: every request of it can be built, given what its slots need.
#[derive(Clone)]
pub struct Provider {
    id: String,
    descriptor: Descriptor,
    calls: BTreeMap<Step, Call>,
    /// What `iss` of an authorization response has to be.
    issuer: Option<UrlTemplate>,
    assertion: compile::Assertion,
    reader: Reader,
    /// Where every request goes instead, below a path that is the real host.
    stand_in: Option<Endpoint>,
}

/// How long things live, as far as the provider says (none of it ends a login).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// An access token.
    pub access_ttl: AccessTtl,
    /// A refresh token that is not used.
    pub refresh_idle: Option<Duration>,
    /// A refresh token and all its successors.
    pub refresh_absolute: Option<Duration>,
    /// How old a token must be to be refreshed: earlier, the provider refuses.
    pub min_age: Option<Duration>,
    /// Whether a refresh ends the access token before, so that it is done late.
    pub refresh_revokes_access: bool,
}

/// How long an access token lives where its reply does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessTtl {
    /// So long, as a rule.
    Usually(Duration),
    /// Nobody knows.
    #[default]
    Unknown,
    /// For ever.
    Endless,
}

/// An endpoint that cannot stand in for a provider's: it is not on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only an endpoint on this machine can stand in for a provider")]
pub struct NotLocal;

impl Provider {
    /// The provider that `descriptor` is, under the name that a catalogue has for it.
    pub fn new(id: impl Into<String>, descriptor: Descriptor) -> Result<Self, BadProvider> {
        check::check(&descriptor)?;
        Ok(Self {
            calls: compile::calls(&descriptor)?,
            issuer: compile::issuer(&descriptor)?,
            assertion: compile::assertion(&descriptor)?,
            reader: Reader::new(&descriptor),
            id: id.into(),
            descriptor,
            stand_in: None,
        })
    }

    /// The same provider, with every request sent to `stand_in`, a server on this machine, at the
    /// path `/<the real host>/<the real path>`. For tests and rehearsals: whatever a descriptor and
    /// its variables may not be, they still may not be.
    pub fn rehearsed_at(&self, stand_in: Endpoint) -> Result<Self, NotLocal> {
        if stand_in.is_loopback() {
            Ok(Self { stand_in: Some(stand_in), ..self.clone() })
        } else {
            Err(NotLocal)
        }
    }

    /// Its name in the catalogue: `google`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What people call it: `Google`.
    pub fn display_name(&self) -> &str {
        &self.descriptor.name
    }

    /// Its table.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What happens to a refresh token that is used twice (R7).
    pub fn reuse(&self) -> Reuse {
        self.descriptor.reuse.unwrap_or_default()
    }

    /// How long things live.
    pub fn timing(&self) -> Timing {
        let timing = &self.descriptor.timing;
        let span = |span: Option<Span>| span.map(|span| span.0);
        Timing {
            access_ttl: match (self.lifetime(), span(timing.access_ttl)) {
                (Lifetime::Endless, _) => AccessTtl::Endless,
                (_, Some(ttl)) => AccessTtl::Usually(ttl),
                (_, None) => AccessTtl::Unknown,
            },
            refresh_idle: span(timing.refresh_idle),
            refresh_absolute: span(timing.refresh_absolute),
            min_age: span(timing.min_age),
            refresh_revokes_access: timing.refresh_revokes_access,
        }
    }

    /// Where the access token's lifetime comes from.
    pub fn lifetime(&self) -> Lifetime {
        self.descriptor.lifetime.unwrap_or(Lifetime::Reply)
    }

    /// Whether it knows PKCE (RFC 7636).
    pub fn pkce(&self) -> Pkce {
        self.descriptor.pkce.unwrap_or(Pkce::Supported)
    }

    /// How the client proves itself at `step`; `None`: there is no such request.
    pub fn auth(&self, step: Step) -> Option<Auth> {
        self.calls.get(&step).map(|call| call.auth)
    }

    /// What stands between scopes.
    pub fn scope_separator(&self) -> &str {
        self.descriptor.scope_separator.as_deref().unwrap_or(" ")
    }

    /// What differs by app, tenant or connection, by name.
    pub fn variables(&self) -> &BTreeMap<String, Variable> {
        &self.descriptor.variables
    }

    /// Whether anything may be known of a connection beside its tokens: values that requests are made
    /// of, or what callbacks and replies say.
    pub fn has_metadata(&self) -> bool {
        let Descriptor { variables, callback, metadata, .. } = &self.descriptor;
        !(variables.is_empty() && callback.is_empty() && metadata.is_empty())
    }

    /// Whether `variable` is for the operator alone: as a whole host that is not limited, it says where
    /// the client's secret goes. What a connection has under that name fills in no URL.
    pub fn is_operators(&self, variable: &str) -> bool {
        let declared = self.descriptor.variables.get(variable);
        self.calls.values().any(|call| call.url.is_any_host(variable, declared))
    }

    /// Whether it has that request.
    pub fn has(&self, step: Step) -> bool {
        self.calls.contains_key(&step)
    }

    /// Whether its requests depend on what it has said of the connection, so that they cannot be
    /// made without that.
    pub fn needs_metadata(&self) -> bool {
        let said = |name: &String| {
            self.descriptor.callback.contains_key(name)
                || self.descriptor.metadata.contains_key(name)
        };
        self.descriptor.variables.keys().any(said)
    }

    /// What a callback's query tells of the connection. Names that the provider does not list are
    /// left out, and so are values that cannot be kept.
    pub fn callback<'a>(&self, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Metadata {
        let mut metadata = Metadata::new();
        for (wire, value) in query {
            for (name, _) in self.descriptor.callback.iter().filter(|(_, known)| *known == wire) {
                let _ = metadata.set(name.as_str(), value);
            }
        }
        metadata
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("id", &self.id).finish_non_exhaustive()
    }
}
