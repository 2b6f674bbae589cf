//! A client proves itself with a key of its own (RFC 7523 §2.2).

use core::time::Duration;
use std::sync::Arc;

use super::{About, Issuer, Parts};
use crate::assertion::{Assertion, BadAssertion, Expected};
use crate::clients::{Client, ClientAuth};
use crate::denied::{Code, Denied};
use crate::tickets::TicketId;

/// It ends this soon: it is made for one request.
const LONGEST: Duration = Duration::from_secs(300);
/// `typ`: that of RFC 7523 as it is being revised, and what was customary before.
const TYPES: [&str; 2] = ["client-authentication+jwt", "jwt"];

impl Issuer {
    /// The client that has signed `assertion` (`private_key_jwt`): it is issuer and subject of it;
    /// it names this issuer's URL or its token endpoint as its audience, and nobody else; it ends
    /// within five minutes; and each is good once, on all nodes together.
    ///
    /// `id` is the `client_id` of the request, where it has one.
    pub async fn authenticate_by_assertion(
        &self,
        id: Option<&str>,
        assertion: &str,
    ) -> Result<Arc<Client>, Denied> {
        let failed = |bad: BadAssertion| {
            tracing::debug!(?bad, "a client assertion was refused");
            self.refuse(Code::ClientAuthenticationFailed, About::default())
        };
        let assertion = Assertion::parse(assertion).map_err(failed)?;
        let client = &assertion.issuer;
        if *client != assertion.subject || id.is_some_and(|id| id != client) {
            return Err(failed(BadAssertion::Malformed));
        }
        let found = self.find_client(client).await?;
        let keys = found.as_ref().and_then(|found| match &found.auth {
            ClientAuth::PrivateKeyJwt(keys) => Some((found, keys)),
            _ => None,
        });
        let (found, keys) = keys.ok_or_else(|| failed(BadAssertion::Key))?;
        let Parts { url, store, .. } = &*self.parts;
        let token_endpoint = format!("{url}/token");
        let now = self.now();
        let expected = Expected {
            keys,
            audiences: &[url, &token_endpoint],
            types: &TYPES,
            longest: LONGEST,
            now,
        };
        let once = assertion.holds(&expected).map_err(failed)?;
        let jti = once.jti.ok_or_else(|| failed(BadAssertion::Name))?;
        let id = TicketId::of("client assertion", &format!("{client}\0{jti}"));
        let fresh = store.insert(id, &[], once.until, now).await;
        let about = About { client: Some(client), ..About::default() };
        if !fresh.map_err(|away| self.unavailable(away, about))? {
            return Err(failed(BadAssertion::Name));
        }
        Ok(Arc::clone(found))
    }
}
