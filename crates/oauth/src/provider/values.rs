//! What fills the slots of one request.

use std::collections::BTreeMap;

use unlapse_core::Secret;

use super::Unbuildable;
use super::descriptor::Variable;
use super::host_from::HostFrom;
use super::metadata::Metadata;
use super::signer::Signer;
use super::slot::Slot;

/// Who makes a request, and for which connection.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// `client_id`.
    pub client_id: &'a str,
    /// `client_secret`; a public client has none.
    pub client_secret: Option<&'a Secret>,
    /// The client's key, where the provider wants `private_key_jwt`.
    pub signer: Option<&'a dyn Signer>,
    /// The operator's values for the provider's variables.
    pub params: &'a BTreeMap<String, String>,
    /// The connection's, which come before them.
    pub metadata: &'a Metadata,
    /// The scopes, joined by the provider's separator.
    pub scope: Option<&'a str>,
}

/// Every value that a request can have.
#[derive(Clone, Copy, Default)]
pub(super) struct Values<'a> {
    pub(super) client_id: &'a str,
    pub(super) client_secret: Option<&'a Secret>,
    pub(super) assertion: Option<&'a Secret>,
    pub(super) params: Option<&'a BTreeMap<String, String>>,
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) declared: Option<&'a BTreeMap<String, Variable>>,
    pub(super) scope: Option<&'a str>,
    pub(super) code: Option<&'a Secret>,
    pub(super) code_verifier: Option<&'a Secret>,
    pub(super) code_challenge: Option<&'a str>,
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) state: Option<&'a str>,
    pub(super) refresh_token: Option<&'a Secret>,
    pub(super) access_token: Option<&'a Secret>,
    pub(super) device_code: Option<&'a Secret>,
    /// The one that a revocation or introspection is about.
    pub(super) token: Option<&'a Secret>,
}

impl<'a> Values<'a> {
    pub(super) fn of(caller: &Caller<'a>, declared: &'a BTreeMap<String, Variable>) -> Self {
        Self {
            client_id: caller.client_id,
            client_secret: caller.client_secret.filter(|secret| !secret.is_empty()),
            params: Some(caller.params),
            metadata: Some(caller.metadata),
            declared: Some(declared),
            scope: caller.scope.filter(|scope| !scope.is_empty()),
            ..Self::default()
        }
    }

    /// What stands in `slot`; `None`: the parameter is left out.
    pub(super) fn value(&self, slot: &Slot) -> Result<Option<&str>, Unbuildable> {
        let expose = |secret: Option<&'a Secret>| secret.map(Secret::expose);
        let must = |name, value: Option<&'a str>| match value {
            Some(value) => Ok(Some(value)),
            None => Err(Unbuildable::NotGiven(name)),
        };
        match slot {
            Slot::ClientId => Ok(Some(self.client_id)),
            Slot::ClientIdWithoutSecret => {
                Ok(self.client_secret.is_none().then_some(self.client_id))
            }
            Slot::ClientSecret => must("client_secret", expose(self.client_secret)),
            Slot::ClientSecretIfAny => Ok(expose(self.client_secret)),
            Slot::Assertion => must("client_assertion", expose(self.assertion)),
            Slot::Code => must("code", expose(self.code)),
            Slot::CodeVerifier => Ok(expose(self.code_verifier)),
            Slot::CodeChallenge => Ok(self.code_challenge),
            Slot::CodeChallengeMethod => Ok(self.code_challenge.map(|_| "S256")),
            Slot::RedirectUri => must("redirect_uri", self.redirect_uri),
            Slot::State => must("state", self.state),
            Slot::Scope => Ok(self.scope),
            Slot::RefreshToken => must("refresh_token", expose(self.refresh_token)),
            Slot::AccessToken => must("access_token", expose(self.access_token)),
            Slot::DeviceCode => must("device_code", expose(self.device_code)),
            Slot::Token => must("token", expose(self.token)),
            Slot::Variable(name) => {
                if self.is_left_out(name) {
                    return Ok(None);
                }
                let value = self.variable(name)?;
                let values = self.declared(name).map_or(&[][..], |declared| &declared.values);
                if !values.is_empty() && !values.iter().any(|known| known == value) {
                    let problem = "it is none of the values that it may have";
                    return Err(Unbuildable::Variable { name: name.clone(), problem });
                }
                Ok(Some(value))
            }
        }
    }

    /// Whether nobody has given a variable that need not be given: its default is empty.
    fn is_left_out(&self, name: &str) -> bool {
        let optional = |declared: &Variable| declared.default.as_deref() == Some("");
        self.declared(name).is_some_and(optional) && self.given(name).is_none()
    }

    /// What the connection has for a variable, or else the operator.
    fn given(&self, name: &str) -> Option<&str> {
        self.kept(name).or_else(|| self.given_by_operator(name))
    }

    fn kept(&self, name: &str) -> Option<&str> {
        let kept = self.metadata.and_then(|metadata| metadata.value(name));
        kept.filter(|value| !value.is_empty())
    }

    fn given_by_operator(&self, name: &str) -> Option<&str> {
        let given = self.params.and_then(|params| params.get(name)).map(String::as_str);
        given.filter(|value| !value.is_empty())
    }

    /// A variable's value: the connection's, else the operator's, else the descriptor's own.
    pub(super) fn variable(&self, name: &str) -> Result<&str, Unbuildable> {
        self.or_default(name, self.given(name))
    }

    /// The same, whatever the connection has.
    pub(super) fn operators(&self, name: &str) -> Result<&str, Unbuildable> {
        self.or_default(name, self.given_by_operator(name))
    }

    /// Who has given `name` its value; `is_operators`: whatever the connection has.
    pub(super) fn given_by(&self, name: &str, is_operators: bool) -> HostFrom {
        if !is_operators && self.kept(name).is_some() {
            HostFrom::Metadata
        } else if self.given_by_operator(name).is_some() {
            HostFrom::Params
        } else {
            HostFrom::Descriptor
        }
    }

    fn or_default<'b>(
        &'b self,
        name: &str,
        given: Option<&'b str>,
    ) -> Result<&'b str, Unbuildable> {
        let default = || self.declared(name).and_then(|declared| declared.default.as_deref());
        let value = given.or_else(default).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| Unbuildable::NoValue {
            name: name.to_owned(),
            about: self.declared(name).map_or_else(String::new, |declared| declared.about.clone()),
        })?;
        if value.len() > Metadata::MAX_VALUE || value.contains(char::is_control) {
            let problem = "it has more than 1024 bytes, or a control character";
            return Err(Unbuildable::Variable { name: name.to_owned(), problem });
        }
        Ok(value)
    }

    pub(super) fn declared(&self, name: &str) -> Option<&Variable> {
        self.declared.and_then(|declared| declared.get(name))
    }
}
