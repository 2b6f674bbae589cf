//! What an access token must be to be accepted here.

use std::time::Duration;

use unlapse_core::UnixTime;

use crate::access_claims::{AccessClaims, Confirmation};
use crate::algorithm::Algorithm;
use crate::header::Header;
use crate::refusal::Refusal;

/// What a resource server asks of every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The issuer, letter by letter (RFC 9068 §4).
    pub issuer: String,
    /// Who we are: one of these must be in `aud`.
    pub audiences: Vec<String>,
    /// `typ`, in lower case: `at+jwt` (RFC 9068 §4). Another kind of JWT is no access token.
    pub typ: String,
    /// Algorithms that are accepted (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be from ours: 30 s.
    pub leeway: Duration,
    /// Longest time from `iat` to `exp`: 24 h. A token that is good for ever is not one of ours.
    pub longest_lifetime: Duration,
    /// Scopes that every token must have.
    pub scopes: Vec<String>,
}

impl Rules {
    /// The rules for tokens of `issuer` that are meant for `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            typ: "at+jwt".to_owned(),
            algorithms: Algorithm::ALL.to_vec(),
            leeway: Duration::from_secs(30),
            longest_lifetime: Duration::from_secs(24 * 60 * 60),
            scopes: Vec::new(),
        }
    }
}

/// Whether a token whose signature holds is accepted at `now`. Pure: the whole table.
pub fn judge(
    header: &Header,
    claims: &AccessClaims,
    rules: &Rules,
    now: UnixTime,
) -> Result<(), Refusal> {
    judge_header(header, rules)?;
    judge_claims(claims, rules, now)
}

/// What can be said before the signature is looked at.
pub(crate) fn judge_header(header: &Header, rules: &Rules) -> Result<Algorithm, Refusal> {
    if header.critical {
        return Err(Refusal::Critical);
    }
    if header.brings_key() {
        return Err(Refusal::BringsKey);
    }
    if header.typ.as_deref() != Some(rules.typ.as_str()) {
        return Err(Refusal::Type);
    }
    let allowed = header.algorithm.filter(|algorithm| rules.algorithms.contains(algorithm));
    allowed.ok_or(Refusal::Algorithm)
}

/// What must hold each time that the token is used.
pub(crate) fn judge_claims(
    claims: &AccessClaims,
    rules: &Rules,
    now: UnixTime,
) -> Result<(), Refusal> {
    if claims.iss != rules.issuer {
        return Err(Refusal::Issuer);
    }
    if !rules.audiences.iter().any(|ours| claims.aud.has(ours)) {
        return Err(Refusal::Audience);
    }
    if now >= claims.expires_at().plus(rules.leeway) {
        return Err(Refusal::Expired);
    }
    let latest = now.plus(rules.leeway);
    if claims.nbf.is_some_and(|nbf| UnixTime::from_secs(nbf) > latest) {
        return Err(Refusal::NotYetValid);
    }
    let issued_at = UnixTime::from_secs(claims.iat);
    if issued_at > latest {
        return Err(Refusal::FromTheFuture);
    }
    if claims.expires_at().since(issued_at) > rules.longest_lifetime {
        return Err(Refusal::LivesTooLong);
    }
    if matches!(claims.cnf, Some(Confirmation::Unknown {})) {
        return Err(Refusal::BindingUnknown);
    }
    if !rules.scopes.iter().all(|scope| claims.has_scope(scope)) {
        return Err(Refusal::Scope);
    }
    Ok(())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
