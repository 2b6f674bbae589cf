//! Requests in, claims out.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method, Uri};

use crate::dpop::BadProof;
use crate::refusal::Refusal;
use crate::refused::{Refused, Scheme};
use crate::verified::Verified;
use crate::verifier::Verifier;

/// RFC 9449 §4.1.
const DPOP: HeaderName = HeaderName::from_static("dpop");

impl Verifier {
    /// Verifies the token of a request: in its one `Authorization` header, with the scheme `Bearer`
    /// (RFC 6750 §2.1) or `DPoP` with a proof (RFC 9449 §7.1). A token in the query or in the body
    /// is never read: both end up in logs. `uri` is the request's own, before any part of its path
    /// was taken off.
    pub async fn verify_request(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Verified, Refused> {
        let terms = &self.0.terms;
        let (scheme, token) =
            credentials(headers).map_err(|refusal| Refused::new(refusal, Scheme::Bearer, terms))?;
        let refused = |refusal| Refused::new(refusal, scheme, terms);
        let verified = self.verify_any(token).await.map_err(refused)?;
        match scheme {
            Scheme::Bearer if verified.cnf.is_some() => Err(refused(Refusal::Bound)),
            Scheme::Bearer if terms.dpop_alone => Err(refused(Refusal::Unbound)),
            Scheme::Bearer => Ok(verified),
            Scheme::Dpop => {
                let now = (self.0.clock)();
                let proven = self.prove(method, uri.path(), headers, (token, &verified), now);
                let nonce = || self.0.dpop.as_ref().and_then(|policy| policy.current_nonce(now));
                match proven {
                    Ok(()) => Ok(verified),
                    Err(refusal) => Err(refused(refusal).with_nonce(nonce())),
                }
            }
        }
    }

    fn prove(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        (token, verified): (&str, &Verified),
        now: unlapse_core::UnixTime,
    ) -> Result<(), Refusal> {
        // Where proofs are not spoken, nobody can show to have the key.
        let policy = self.0.dpop.as_ref().ok_or(Refusal::BindingUnknown)?;
        let jkt = verified.jkt().ok_or(Refusal::Unbound)?;
        let mut proofs = headers.get_all(DPOP).iter();
        let proof = proofs.next().ok_or(BadProof::Missing)?;
        if proofs.next().is_some() {
            return Err(BadProof::Repeated.into());
        }
        let proof = proof.to_str().map_err(|_| crate::jws::BadJws::Malformed);
        let proof = proof.map_err(BadProof::from)?;
        Ok(policy.check(proof, method.as_str(), path, (token, jkt), now)?)
    }
}

/// The scheme and the token.
fn credentials(headers: &HeaderMap) -> Result<(Scheme, &str), Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoToken)?;
    if values.next().is_some() {
        return Err(Refusal::AuthorizationRepeated);
    }
    let value = value.to_str().map_err(|_| Refusal::AuthorizationMalformed)?;
    let (name, token) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = if name.eq_ignore_ascii_case("Bearer") {
        Scheme::Bearer
    } else if name.eq_ignore_ascii_case("DPoP") {
        Scheme::Dpop
    } else {
        // RFC 6750 §3: another way to log in is no token at all.
        return Err(Refusal::NoToken);
    };
    // RFC 9110 §11.4: one or more spaces, then a token68.
    let token = token.trim_start_matches(' ');
    let is_token68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token68) {
        return Err(Refusal::AuthorizationMalformed);
    }
    Ok((scheme, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn rfc6750_2_1_a_row_for_each_header() {
        use Refusal::{AuthorizationMalformed, AuthorizationRepeated, NoToken};
        let rows: [(&[&[u8]], _); 15] = [
            (&[b"Bearer a.b.c"], Ok((Scheme::Bearer, "a.b.c"))),
            (&[b"bearer   a.b.c"], Ok((Scheme::Bearer, "a.b.c"))),
            (&[b"DPoP a.b.c"], Ok((Scheme::Dpop, "a.b.c"))),
            (&[b"dpop a"], Ok((Scheme::Dpop, "a"))),
            (&[], Err(NoToken)),
            (&[b""], Err(NoToken)),
            (&[b"Basic YTpi"], Err(NoToken)),
            (&[b"Bearertoken"], Err(NoToken)),
            (&[b"Bearer"], Err(AuthorizationMalformed)),
            (&[b"Bearer "], Err(AuthorizationMalformed)),
            (&[b"Bearer a b"], Err(AuthorizationMalformed)),
            (&[b"Bearer a, Bearer b"], Err(AuthorizationMalformed)),
            (&[b"Bearer a\tb"], Err(AuthorizationMalformed)),
            (&[b"Bearer \xff"], Err(AuthorizationMalformed)),
            (&[b"Bearer a", b"Bearer a"], Err(AuthorizationRepeated)),
        ];
        for (values, expected) in rows {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).expect("a value"));
            }
            assert_eq!(credentials(&headers), expected, "{values:?}");
        }
    }
}
