//! The requests of a provider, built.

use bytes::Bytes;
use http::Request;
use unlapse_core::Secret;
use url::Url;

use crate::endpoint::Endpoint;

use super::call::{self, Call};
use super::host_from::HostFrom;
use super::signer::Claims;
use super::values::Values;
use super::words::Pkce;
use super::{Caller, Provider, Step, Unbuildable};

/// What a browser is sent to the authorization endpoint with (RFC 6749 §4.1.1).
#[derive(Clone, Copy, Debug)]
pub struct Authorization<'a> {
    /// `redirect_uri`.
    pub redirect_uri: &'a str,
    /// `state`: 16 random bytes or more, in base64url.
    pub state: &'a str,
    /// `code_challenge`, always of `S256` (RFC 7636 §4.2). Left out where the provider knows no PKCE.
    pub code_challenge: Option<&'a str>,
}

/// What a code is exchanged with (RFC 6749 §4.1.3).
#[derive(Clone, Copy, Debug)]
pub struct CodeExchange<'a> {
    /// `code`.
    pub code: &'a Secret,
    /// `redirect_uri`: the very one of the authorization request.
    pub redirect_uri: &'a str,
    /// `code_verifier` (RFC 7636 §4.5).
    pub code_verifier: Option<&'a Secret>,
}

impl Provider {
    /// `scopes` as the provider wants them in one parameter.
    pub fn join_scopes<'a>(&self, scopes: impl IntoIterator<Item = &'a str>) -> String {
        scopes.into_iter().collect::<Vec<_>>().join(self.scope_separator())
    }

    /// Where to send the user's browser. Has no secret in it.
    pub fn authorize_url(
        &self,
        caller: &Caller<'_>,
        authorization: Authorization<'_>,
    ) -> Result<Url, Unbuildable> {
        let challenge = authorization.code_challenge;
        match (self.pkce(), challenge) {
            (Pkce::Required, None) => return Err(Unbuildable::NotGiven("code_challenge")),
            (_, Some(challenge)) if !call::is_challenge(challenge) => {
                return Err(Unbuildable::Challenge);
            }
            _ => {}
        }
        let call = self.call(Step::Authorization)?;
        let values = Values {
            redirect_uri: Some(authorization.redirect_uri),
            state: Some(authorization.state),
            code_challenge: challenge.filter(|_| self.pkce() != Pkce::Unsupported),
            ..self.values(caller)
        };
        let mut url = self.endpoint(call, &values)?.url().clone();
        for pair in call.pairs(&values)? {
            url.query_pairs_mut().append_pair(pair.name, pair.text.expose());
        }
        Ok(url)
    }

    /// Exchanges a code. Where the provider has [`Step::Exchange`], what comes back is exchanged
    /// once more: see [`Provider::exchange`].
    pub fn exchange_code(
        &self,
        caller: &Caller<'_>,
        exchange: CodeExchange<'_>,
    ) -> Result<Request<Bytes>, Unbuildable> {
        if self.pkce() == Pkce::Required && exchange.code_verifier.is_none() {
            return Err(Unbuildable::NotGiven("code_verifier"));
        }
        let values = Values {
            code: Some(exchange.code),
            redirect_uri: Some(exchange.redirect_uri),
            code_verifier: exchange.code_verifier.filter(|_| self.pkce() != Pkce::Unsupported),
            ..self.values(caller)
        };
        self.build(Step::Token, caller, &values)
    }

    /// Exchanges the access token that a code brought for the one that is kept.
    pub fn exchange(
        &self,
        caller: &Caller<'_>,
        access_token: &Secret,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let values = Values { access_token: Some(access_token), ..self.values(caller) };
        self.build(Step::Exchange, caller, &values)
    }

    /// Spends a refresh token, or what this provider has in its place.
    pub fn refresh(
        &self,
        caller: &Caller<'_>,
        refresh_token: &Secret,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let values = Values { refresh_token: Some(refresh_token), ..self.values(caller) };
        self.build(Step::Refresh, caller, &values)
    }

    /// Asks for a token on the client's own behalf.
    pub fn client_credentials(&self, caller: &Caller<'_>) -> Result<Request<Bytes>, Unbuildable> {
        self.build(Step::ClientCredentials, caller, &self.values(caller))
    }

    /// Begins a login on a device without a browser (RFC 8628 §3.1).
    pub fn device(&self, caller: &Caller<'_>) -> Result<Request<Bytes>, Unbuildable> {
        self.build(Step::Device, caller, &self.values(caller))
    }

    /// Asks whether the user has logged in meanwhile (RFC 8628 §3.4).
    pub fn device_token(
        &self,
        caller: &Caller<'_>,
        device_code: &Secret,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let values = Values { device_code: Some(device_code), ..self.values(caller) };
        self.build(Step::DeviceToken, caller, &values)
    }

    /// Ends a connection at the provider (RFC 7009): its refresh token, or its access token where the
    /// provider takes no other. [`Provider::revoked`] reads the reply.
    pub fn revoke(
        &self,
        caller: &Caller<'_>,
        access_token: Option<&Secret>,
        refresh_token: Option<&Secret>,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let token = refresh_token.or(access_token);
        let values = Values { refresh_token, access_token, token, ..self.values(caller) };
        self.build(Step::Revocation, caller, &values)
    }

    /// Asks what an access token is (RFC 7662); [`Provider::introspected`] reads the reply.
    pub fn introspect(
        &self,
        caller: &Caller<'_>,
        access_token: &Secret,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let values = Values { token: Some(access_token), ..self.values(caller) };
        self.build(Step::Introspection, caller, &values)
    }

    /// Where `step` goes, without its query: the name to keep its breaker under (R16). Where a
    /// variable has no value yet, the step's name stands for it.
    pub fn endpoint_name(&self, step: Step, caller: &Caller<'_>) -> String {
        let endpoint = self.call(step).and_then(|call| self.endpoint(call, &self.values(caller)));
        endpoint.map_or_else(|_| format!("{}:{step}", self.id), |endpoint| endpoint.to_string())
    }

    /// Who has named the host of `step`, with what `caller` has; `None`: there is no such request.
    pub fn host_from(&self, step: Step, caller: &Caller<'_>) -> Option<HostFrom> {
        let call = self.call(step).ok()?;
        Some(self.named_by(call, &self.values(caller)))
    }

    /// Where `step` goes; `None`: there is no such request, or something in its URL has no value that it
    /// can have.
    pub fn endpoint_of(&self, step: Step, caller: &Caller<'_>) -> Option<Endpoint> {
        let call = self.call(step).ok()?;
        self.endpoint(call, &self.values(caller)).ok()
    }

    fn build(
        &self,
        step: Step,
        caller: &Caller<'_>,
        values: &Values<'_>,
    ) -> Result<Request<Bytes>, Unbuildable> {
        let call = self.call(step)?;
        let endpoint = self.endpoint(call, values)?;
        let mut request = if call.wants_assertion() {
            let assertion = self.assertion(call, caller, values)?;
            call.build(&endpoint, &Values { assertion: Some(&assertion), ..*values })?
        } else {
            call.build(&endpoint, values)?
        };
        request.extensions_mut().insert(self.named_by(call, values));
        Ok(request)
    }

    fn named_by(&self, call: &Call, values: &Values<'_>) -> HostFrom {
        match self.stand_in {
            // Whoever rehearses has named it.
            Some(_) => HostFrom::Descriptor,
            None => call.url.host_from(values),
        }
    }

    fn assertion(
        &self,
        call: &Call,
        caller: &Caller<'_>,
        values: &Values<'_>,
    ) -> Result<Secret, Unbuildable> {
        let signer = caller.signer.ok_or(Unbuildable::NotGiven("the client's key"))?;
        let claim = |template: &super::template::Template, name| {
            template.fill(values)?.ok_or(Unbuildable::NotGiven(name))
        };
        let issuer = claim(&self.assertion.issuer, "iss")?;
        let subject = claim(&self.assertion.subject, "sub")?;
        let audience = match &self.assertion.audience {
            Some(template) => claim(template, "aud")?,
            // The real one, wherever a rehearsal sends the request (RFC 7523 §3).
            None => Secret::new(call.url.fill(values)?.to_string()),
        };
        Ok(signer.sign(Claims {
            issuer: issuer.expose(),
            subject: subject.expose(),
            audience: audience.expose(),
            lifetime: self.assertion.lifetime,
        })?)
    }

    fn call(&self, step: Step) -> Result<&Call, Unbuildable> {
        self.calls.get(&step).ok_or(Unbuildable::NoSuchStep(step))
    }

    pub(super) fn values<'a>(&'a self, caller: &Caller<'a>) -> Values<'a> {
        Values::of(caller, &self.descriptor.variables)
    }

    fn endpoint(&self, call: &Call, values: &Values<'_>) -> Result<Endpoint, Unbuildable> {
        let endpoint = call.url.fill(values)?;
        let Some(stand_in) = &self.stand_in else { return Ok(endpoint) };
        let real = endpoint.url();
        let mut url = stand_in.url().clone();
        let host = real.host_str().unwrap_or_default();
        url.set_path(&format!("/{host}{}", real.path()));
        url.set_query(real.query());
        Ok(Endpoint::try_from(url)?)
    }
}
