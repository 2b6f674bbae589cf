//! What a request is about: a tenant, and a thing of that tenant.

use axum::http::request::Parts;

use super::api::Api;
use super::caller::Caller;
use super::params::Params;
use super::path::{self, Names, connection};
use super::refusal::Refusal;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::verb::Verb;

/// Who asks is settled first: a stranger does not learn what else is wrong. Where the parameters are not
/// named here, `tenant` is the only one.
impl Api {
    /// Who asks, and what the query says, whose parameters are among `known`.
    pub(super) async fn asked(
        &self,
        request: &Parts,
        verb: Verb,
        known: &[&str],
    ) -> Result<(Caller, Params), Refusal> {
        let caller = self.caller(request, verb).await?;
        Ok((caller, Params::parse(request.uri.query(), known)?))
    }

    /// Who asks, and about which tenant; an operator who names none means all.
    pub(super) async fn asked_of_any(
        &self,
        request: &Parts,
        verb: Verb,
    ) -> Result<(Caller, Option<Name>), Refusal> {
        let (caller, params) = self.asked(request, verb, &["tenant"]).await?;
        let tenant = caller.tenant_if_any(&params, &request.headers)?;
        Ok((caller, tenant))
    }

    /// Who asks, and about which tenant.
    pub(super) async fn asked_of_tenant(
        &self,
        request: &Parts,
        verb: Verb,
    ) -> Result<(Caller, Name), Refusal> {
        let (caller, params) = self.asked(request, verb, &["tenant"]).await?;
        let tenant = caller.tenant(&params, &request.headers)?;
        Ok((caller, tenant))
    }

    /// Who asks, about which tenant, and the name that the path has for a thing of it.
    pub(super) async fn asked_of_named(
        &self,
        request: &Parts,
        verb: Verb,
        text: &str,
    ) -> Result<(Caller, Name, Name), Refusal> {
        let (caller, tenant) = self.asked_of_tenant(request, verb).await?;
        Ok((caller, tenant, path::name(text)?))
    }

    /// Who asks, and about which connection.
    pub(super) async fn asked_of_connection(
        &self,
        request: &Parts,
        verb: Verb,
        names: Names,
    ) -> Result<(Caller, ConnectionId), Refusal> {
        let (caller, tenant) = self.asked_of_tenant(request, verb).await?;
        Ok((caller, connection(tenant, names)?))
    }
}
