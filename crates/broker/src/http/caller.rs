//! Who asks, and what they may do (RFC 6750).

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_verify::{Verified, sha256};

use super::api::Api;
use super::keys::Look;
use super::params::Params;
use super::refusal::Refusal;
use crate::broker::Actor;
use crate::code::Code;
use crate::gate::{Holder, Place};
use crate::name::Name;
use crate::peer::peer;
use crate::problem::Problem;
use crate::tables::is_api_key;
use crate::verb::{Verb, Verbs};

/// How API keys begin.
const KEY: &str = "ulk_";
/// Longest credential that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// Where an operator says whose connections are meant, beside `?tenant=`.
const TENANT: &str = "unlapse-tenant";

/// Somebody who has proven who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) actor: Actor,
    pub(super) verbs: Verbs,
}

impl Caller {
    /// What the audit log calls whoever shows the API key of this id.
    pub(super) fn key_name(id: &str) -> String {
        format!("key:{id}")
    }

    /// Who their places are counted for.
    pub(super) fn holder(&self) -> Holder {
        Holder::known(&self.actor)
    }

    /// Refuses who may not do this, and says what it takes.
    pub(super) fn require(&self, verb: Verb) -> Result<(), Refusal> {
        if self.verbs.allow(verb) {
            return Ok(());
        }
        let problem = Problem::new(Code::Forbidden, format!("it takes the verb `{verb}`"));
        let challenge =
            format!("Bearer realm=\"unlapse\", error=\"insufficient_scope\", scope=\"{verb}\"");
        Err(challenged(problem.into(), &challenge))
    }

    /// Refuses whoever belongs to a tenant.
    pub(super) fn require_operator(&self) -> Result<(), Refusal> {
        if self.actor.tenant.is_none() {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, "it takes a key of the broker's operator").into())
    }

    /// The tenant that the request names, or else the caller's own.
    pub(super) fn tenant_if_any(
        &self,
        params: &Params,
        headers: &HeaderMap,
    ) -> Result<Option<Name>, Refusal> {
        let wrong = || Refusal::bad_request("`Unlapse-Tenant`: there is one, and it is a name");
        let mut said = headers.get_all(TENANT).iter();
        let in_header = match (said.next(), said.next()) {
            (None, _) => None,
            (Some(_), Some(_)) => return Err(wrong()),
            (Some(value), None) => {
                let name = value.to_str().ok().and_then(|text| text.parse::<Name>().ok());
                Some(name.ok_or_else(wrong)?)
            }
        };
        let in_query = params.parsed::<Name>("tenant")?;
        if let (Some(one), Some(other)) = (&in_header, &in_query)
            && one != other
        {
            return Err(Refusal::bad_request("query and header name two tenants"));
        }
        match in_query.or(in_header) {
            None => Ok(self.actor.tenant.clone()),
            Some(named) if self.actor.may_touch(&named) => Ok(Some(named)),
            Some(_) => {
                Err(Problem::new(Code::Forbidden, "the key belongs to another tenant").into())
            }
        }
    }

    /// The same, where there has to be one.
    pub(super) fn tenant(&self, params: &Params, headers: &HeaderMap) -> Result<Name, Refusal> {
        self.tenant_if_any(params, headers)?.ok_or_else(|| {
            Refusal::bad_request(
                "an operator's key names the tenant: `?tenant=`, or `Unlapse-Tenant`",
            )
        })
    }
}

impl Api {
    /// Who sends this request, if they may do this and there is room for them.
    pub(super) async fn caller(&self, request: &Parts, verb: Verb) -> Result<Caller, Refusal> {
        let caller = self.known(request, verb).await?;
        self.admit(request, caller.holder())?;
        Ok(caller)
    }

    /// The same, without room for them among requests.
    pub(super) async fn known(&self, request: &Parts, verb: Verb) -> Result<Caller, Refusal> {
        let caller = self.who(request, &bearer(&request.headers)?).await?;
        caller.require(verb)?;
        Ok(caller)
    }

    /// Whose credential this is.
    pub(super) async fn who(
        &self,
        request: &Parts,
        credential: &Secret,
    ) -> Result<Caller, Refusal> {
        let digest = sha256(credential.expose().as_bytes());
        let (peer, now) = (peer(request), self.now());
        let is_key = credential.expose().starts_with(KEY);
        let wrong = || unauthorized("the key or token is not valid here", true);
        // A typing error is no guess, and costs the database nothing.
        if is_key && !is_api_key(credential) {
            return Err(wrong());
        }
        // A JWT is verified without the database: guesses of keys are no reason to refuse one, and it is
        // no guess of a key.
        let _turn = match self.keys.look(&digest, now) {
            Look::Good(caller) => return Ok(caller),
            Look::New if is_key => self.turn(peer, now).await?,
            Look::New | Look::Again => None,
        };
        let room = self.options.places.lookups().enter(Holder::stranger(peer));
        let _room = room.map_err(|crowd| Refusal::crowd(crowd, now))?;
        let found =
            if is_key { self.by_key(credential).await? } else { self.by_jwt(credential).await? };
        let Some((caller, ends_at)) = found else {
            if is_key {
                self.keys.failed(&digest);
                self.options.strangers.guesses().failed(peer, now);
            }
            return Err(wrong());
        };
        self.keys.succeeded(digest, &caller, ends_at, now);
        Ok(caller)
    }

    /// Waits until a key from there may be looked up.
    async fn turn(&self, peer: Option<IpAddr>, now: UnixTime) -> Result<Option<Place>, Refusal> {
        let guesses = self.options.strangers.guesses();
        guesses.turn(peer, &self.timer, now).await.map_err(|wait| {
            let detail = "too many credentials were wrong from there";
            let problem = Problem::new(Code::Overloaded, detail).retry_at(Some(now.plus(wait)));
            Refusal::from(problem).status(StatusCode::TOO_MANY_REQUESTS)
        })
    }

    async fn by_key(&self, key: &Secret) -> Result<Option<Found>, Refusal> {
        let found = self.broker.tables().api_key(key).await?;
        Ok(found.map(|key| {
            let actor = Actor { tenant: key.tenant, name: Caller::key_name(&key.id) };
            (Caller { actor, verbs: key.verbs }, key.expires_at)
        }))
    }

    async fn by_jwt(&self, token: &Secret) -> Result<Option<Found>, Refusal> {
        let Some(verifier) = &self.options.verifier else { return Ok(None) };
        match verifier.verify(token.expose()).await {
            Ok(verified) => {
                Ok(of_claims(&verified).map(|caller| (caller, Some(verified.expires_at()))))
            }
            Err(refusal) if refusal.status() == StatusCode::SERVICE_UNAVAILABLE => {
                let detail = "the keys that tokens are verified with are not to be had";
                Err(Problem::new(Code::Overloaded, detail).into())
            }
            Err(_) => Ok(None),
        }
    }
}

/// Whose a credential is, and when it ends.
type Found = (Caller, Option<UnixTime>);

/// What a JWT allows; `None` where it does not say for whom. Words of its scope that are no verbs are
/// for others to read.
fn of_claims(claims: &Verified) -> Option<Caller> {
    // One that is bound to a key would need a proof of it (RFC 9449), which is not spoken here.
    if claims.cnf.is_some() {
        return None;
    }
    let tenant = claims.further.get("tenant")?.as_str()?.parse().ok()?;
    let scope = claims.scope.as_deref().unwrap_or_default();
    let verbs = scope.split(' ').filter_map(|word| word.parse::<Verb>().ok()).collect();
    let actor = Actor { tenant: Some(tenant), name: format!("jwt:{}", claims.sub) };
    Some(Caller { actor, verbs })
}

/// The credential of a request: in its one `Authorization` header. Never in the query or in the body,
/// which end up in logs (RFC 6750 §2).
fn bearer(headers: &HeaderMap) -> Result<Secret, Refusal> {
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (found.next(), found.next()) else {
        return Err(unauthorized("there are several `Authorization` headers", false)
            .status(StatusCode::BAD_REQUEST));
    };
    let value = value.ok_or_else(|| unauthorized("there is no `Authorization` header", false))?;
    let credential = value.to_str().ok().and_then(|value| {
        let (scheme, credential) = value.split_once(' ')?;
        let credential = credential.trim_matches(' ');
        let is_ok = scheme.eq_ignore_ascii_case("bearer")
            && (1..=LONGEST).contains(&credential.len())
            && !credential.contains(' ');
        is_ok.then(|| Secret::new(credential))
    });
    credential.ok_or_else(|| unauthorized("`Authorization` is `Bearer` and a key or token", false))
}

/// RFC 6750 §3: without an error where nothing was shown.
fn unauthorized(detail: &str, shown: bool) -> Refusal {
    let error = if shown { ", error=\"invalid_token\"" } else { "" };
    let challenge = format!("Bearer realm=\"unlapse\"{error}");
    challenged(Problem::new(Code::Unauthorized, detail).into(), &challenge)
}

fn challenged(refusal: Refusal, challenge: &str) -> Refusal {
    let challenge = HeaderValue::from_str(challenge).expect("verbs are visible ASCII");
    refusal.header(header::WWW_AUTHENTICATE, challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let value = |text: &&str| HeaderValue::from_str(text).expect("a header");
        values.iter().map(|text| (header::AUTHORIZATION, value(text))).collect()
    }

    fn status(refusal: Refusal) -> u16 {
        refusal.render("/", unlapse::unlapse_core::UnixTime::default()).status().as_u16()
    }

    #[test]
    fn rfc6750_2_a_row_for_each_header() {
        for (values, expected) in [
            (&["Bearer ulk_1"][..], Ok("ulk_1")),
            (&["bEARER  ulk_1 "], Ok("ulk_1")),
            (&[], Err(401)),
            (&["Bearer"], Err(401)),
            (&["Bearer "], Err(401)),
            (&["Basic ulk_1"], Err(401)),
            (&["Bearer a b"], Err(401)),
            (&["ulk_1"], Err(401)),
            (&["Bearer a", "Bearer b"], Err(400)),
        ] {
            let read = bearer(&headers(values)).map_err(status);
            assert_eq!(read.as_ref().map(Secret::expose), expected.as_ref().copied());
        }
        let long = format!("Bearer {}", "x".repeat(LONGEST + 1));
        assert_eq!(bearer(&headers(&[&long])).map_err(status).err(), Some(401));
    }

    fn caller(tenant: Option<&str>) -> Caller {
        let tenant = tenant.map(|name| name.parse().expect("a name"));
        let verbs = "read".parse().expect("verbs");
        Caller { actor: Actor { tenant, name: "key:1".to_owned() }, verbs }
    }

    #[test]
    fn the_tenant_is_the_keys_and_only_an_operator_names_another() {
        let asked = |own: Option<&str>, query: &str, header: &[&'static str]| {
            let params = Params::parse(Some(query), &["tenant"]).expect("known");
            let value = |text: &&'static str| HeaderValue::from_static(text);
            let name = header::HeaderName::from_static(TENANT);
            let headers = header.iter().map(|text| (name.clone(), value(text))).collect();
            caller(own).tenant(&params, &headers).map(String::from).map_err(status)
        };
        let ok = |name: &str| Ok(name.to_owned());
        assert_eq!(asked(Some("acme"), "", &[]), ok("acme"));
        assert_eq!(asked(Some("acme"), "tenant=acme", &["acme"]), ok("acme"));
        assert_eq!(asked(Some("acme"), "tenant=other", &[]), Err(403));
        assert_eq!(asked(Some("acme"), "", &["other"]), Err(403));
        assert_eq!(asked(None, "tenant=other", &[]), ok("other"));
        assert_eq!(asked(None, "", &["other"]), ok("other"));
        assert_eq!(asked(None, "tenant=a", &["b"]), Err(400));
        assert_eq!(asked(None, "", &["a", "a"]), Err(400));
        assert_eq!(asked(None, "", &["A"]), Err(400));
        assert_eq!(asked(None, "", &[]), Err(400));
    }

    #[test]
    fn rfc6750_3_1_a_missing_verb_is_named() {
        assert!(caller(None).require(Verb::Read).is_ok());
        let refused = caller(None).require(Verb::Token).expect_err("it may not");
        let response = refused.render("/", unlapse::unlapse_core::UnixTime::default());
        assert_eq!(response.status(), 403);
        let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().expect("text");
        assert!(
            challenge.ends_with("error=\"insufficient_scope\", scope=\"token\""),
            "{challenge}"
        );
    }
}
