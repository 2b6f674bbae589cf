//! What is said of a person besides who they are.

use serde_json::{Map, Value};
use unlapse_core::BoxFuture;

use crate::scopes::Scopes;
use crate::store::Unavailable;

/// About whom something is to be said, to whom, and where.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Who: the `sub`.
    pub subject: &'a str,
    /// The client that reads it.
    pub client: &'a str,
    /// What it was granted: `profile` and `email` say which claims it may have (OpenID Connect
    /// Core §5.4).
    pub scopes: &'a Scopes,
    /// Where it is said.
    pub place: Place,
}

/// Where claims are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In an ID token, at a login.
    IdToken,
    /// At `/userinfo`, whenever it is asked.
    UserInfo,
}

/// What a host knows of its people, for clients that may know it; given to
/// [`IssuerBuilder::claims`](crate::IssuerBuilder::claims). Nothing is said when there is none.
///
/// Claims that the issuer itself answers for (`iss`, `sub`, `aud`, `exp`, `nonce` and their like)
/// cannot be said otherwise: they are left out here. So is everything, when it is longer than 4 KiB
/// in all.
///
/// ```
/// use std::sync::Arc;
/// use serde_json::{Map, Value};
/// use unlapse_core::BoxFuture;
/// use unlapse_issuer::{Claims, Unavailable, Wanted};
///
/// /// Everybody's address is at one host.
/// struct Addresses;
///
/// impl Claims for Addresses {
///     fn of<'a>(
///         &'a self,
///         wanted: Wanted<'a>,
///     ) -> BoxFuture<'a, Result<Map<String, Value>, Unavailable>> {
///         Box::pin(async move {
///             let mut claims = Map::new();
///             if wanted.scopes.contains("email") {
///                 let email = format!("{}@example.com", wanted.subject);
///                 claims.insert("email".to_owned(), email.into());
///             }
///             Ok(claims)
///         })
///     }
/// }
/// let builder = unlapse_issuer::Issuer::builder("https://id.example");
/// let issuer = builder.claims(Arc::new(Addresses)).build();
/// ```
pub trait Claims: Send + Sync {
    /// What is said.
    fn of<'a>(
        &'a self,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Map<String, Value>, Unavailable>>;
}

/// Registered claims of JWTs and of OAuth that say what a token is, not who a person is.
const RESERVED: [&str; 24] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "act",
    "may_act",
    "client_id",
    "scope",
    "typ",
    "token_use",
    "events",
];

/// Longest JSON of all that is said, in bytes.
const LONGEST: usize = 4096;

/// What may be said of `claims`.
pub(crate) fn sayable(mut claims: Map<String, Value>) -> Map<String, Value> {
    claims.retain(|name, _| !RESERVED.contains(&name.as_str()));
    let length = serde_json::to_vec(&claims).map_or(usize::MAX, |json| json.len());
    if length > LONGEST {
        tracing::error!(length, "claims longer than 4 KiB are left out");
        claims.clear();
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(claims: Value) -> Value {
        let Value::Object(claims) = claims else { panic!("an object") };
        Value::Object(sayable(claims))
    }

    #[test]
    fn oidc_2_what_the_issuer_answers_for_is_not_said_otherwise() {
        for name in RESERVED {
            assert_eq!(
                said(json!({ name: "x", "email": "a@b.example" })),
                json!({"email": "a@b.example"})
            );
        }
    }

    #[test]
    fn claims_have_an_end() {
        let room = LONGEST - json!({"a": ""}).to_string().len();
        let fits = json!({"a": "x".repeat(room)});
        assert_eq!(said(fits.clone()), fits);
        assert_eq!(said(json!({"a": "x".repeat(room + 1)})), json!({}));
    }
}
