//! A tenant's registration at a provider.

use std::collections::BTreeMap;

use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse::unlapse_oauth::provider::{Caller, HostFrom, Metadata, Provider, Step};

use crate::code::Code;
use crate::name::Name;
use crate::outward::PrivateHosts;
use crate::problem::Problem;

/// A client that a tenant has registered at a provider (RFC 6749 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Whose it is.
    pub tenant: Name,
    /// What connections name as their provider.
    pub name: Name,
    /// The provider's name in the catalogue.
    pub provider: Name,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; for a client that signs assertions, its private key.
    pub client_secret: Option<Secret>,
    /// Scopes that a connection asks for, unless it asks for others.
    pub scopes: Vec<String>,
    /// What the provider's entry in the catalogue leaves to the app, such as a host of its own.
    pub params: BTreeMap<String, String>,
    /// Where the user may be sent after connecting; empty: nowhere but the broker's own page.
    pub return_to: Vec<String>,
    /// When it last changed.
    pub changed_at: UnixTime,
}

impl App {
    /// Refuses an app that lacks a value which nobody else may give, and values that name a host which the
    /// broker would not ask, so that whoever registers the app hears of it, or changes it to this
    /// provider. What a name means is judged with each connection to it, and not here.
    pub(crate) fn check_params(
        &self,
        provider: &Provider,
        private: &PrivateHosts,
    ) -> Result<(), Problem> {
        // What is not the app's alone may come with each connection.
        let lacks = |name: &String| {
            provider.is_operators(name) && self.params.get(name).is_none_or(String::is_empty)
        };
        let mut lacking = provider.variables().iter();
        if let Some((name, variable)) =
            lacking.find(|(name, it)| it.default.is_none() && lacks(name))
        {
            let detail = format!("`params`: `{name}` is missing: {}", variable.about);
            return Err(Problem::new(Code::BadRequest, detail));
        }
        let metadata = Metadata::new();
        let caller = Caller {
            client_id: &self.client_id,
            client_secret: None,
            signer: None,
            params: &self.params,
            metadata: &metadata,
            scope: None,
        };
        // It is a user's browser that goes to the authorization endpoint.
        let ours = Step::ALL.iter().copied().filter(|step| *step != Step::Authorization);
        let named =
            ours.filter(|step| provider.host_from(*step, &caller) == Some(HostFrom::Params));
        for endpoint in named.filter_map(|step| provider.endpoint_of(step, &caller)) {
            let Some(host) = endpoint.url().host() else { continue };
            private.judge(&host).map_err(|refused| {
                Problem::new(Code::BadRequest, format!("`params`: {refused}"))
            })?;
        }
        Ok(())
    }
}
