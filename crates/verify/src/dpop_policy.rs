//! What a resource server asks of proofs of possession.

use std::sync::Arc;
use std::time::Duration;

use unlapse_core::UnixTime;
use url::Url;

use crate::algorithm::Algorithm;
use crate::dpop::{BadProof, Proof, ProofOf, judge_proof};
use crate::htu::Htu;
use crate::nonces::Nonces;
use crate::replays::Replays;
use crate::thumbprint::Thumbprint;

/// How proofs are checked (RFC 9449). Clones share the proofs that were used.
#[derive(Clone, Debug)]
pub struct DpopPolicy {
    origin: String,
    algorithms: Vec<Algorithm>,
    window: Duration,
    replays: Arc<Replays>,
    nonces: Option<Nonces>,
    required: bool,
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is http or https, a host and perhaps a port, such as https://api.example")]
pub struct BadOrigin;

impl DpopPolicy {
    /// For a server that its clients know by `origin`: scheme, host and port, as in
    /// `https://api.example`. It is not read from the request, as whoever replays a proof that was
    /// made for another server would name that one in the `Host` header.
    pub fn new(origin: &str) -> Result<Self, BadOrigin> {
        let url = Url::parse(origin).map_err(|_| BadOrigin)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || Htu::parse(origin).is_none() {
            return Err(BadOrigin);
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            algorithms: Algorithm::ALL.to_vec(),
            window: Duration::from_secs(60),
            replays: Arc::default(),
            nonces: None,
            required: false,
        })
    }

    /// What proofs may be signed with; all by default.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        self.algorithms = algorithms.into();
        self
    }

    /// How far the `iat` of a proof may be from now, either way: 60 s by default.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Where used proofs are remembered; one for 100,000 by default.
    #[must_use]
    pub fn replays(mut self, replays: Arc<Replays>) -> Self {
        self.replays = replays;
        self
    }

    /// Demands a nonce in each proof, so that none can be made ahead of time (RFC 9449 §9).
    #[must_use]
    pub fn nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// Accepts no token that is not bound to a key.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Checks the proof of a request to `path` that carries `token`, which is bound to `jkt`.
    /// The proof cannot be used again.
    pub(crate) fn check(
        &self,
        proof: &str,
        method: &str,
        path: &str,
        (token, jkt): (&str, Thumbprint),
        now: UnixTime,
    ) -> Result<(), BadProof> {
        let proof = Proof::parse(proof, &self.algorithms)?;
        // A request for `*` names no resource.
        let uri = Some(path).filter(|path| path.starts_with('/'));
        let uri = uri.and_then(|path| Htu::of_request(&self.origin, path)).ok_or(BadProof::Uri)?;
        let of = ProofOf { method, uri: &uri, access_token: Some(token), jkt: Some(jkt) };
        self.accept(&proof, &of, now)
    }

    /// Judges a proof, its nonce too, and takes it as used. The token endpoint of an issuer does
    /// the same as a resource server, without an access token.
    pub fn accept(&self, proof: &Proof, of: &ProofOf<'_>, now: UnixTime) -> Result<(), BadProof> {
        judge_proof(proof, of, self.window, now)?;
        if let Some(nonces) = &self.nonces
            && !proof.nonce.as_deref().is_some_and(|nonce| nonces.accepts(nonce, now))
        {
            return Err(BadProof::Nonce);
        }
        // Last, so that only proofs that are good take up room.
        self.replays.note(proof.jkt, &proof.jti, proof.ends_at(self.window), now)
    }

    /// What to tell clients in `DPoP-Nonce`, if they need one.
    pub fn current_nonce(&self, now: UnixTime) -> Option<String> {
        self.nonces.as_ref().map(|nonces| nonces.current(now))
    }

    /// What proofs may be signed with, as a challenge's `algs` has it.
    pub(crate) fn algs(&self) -> String {
        let names: Vec<_> = self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        names.join(" ")
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_4_2_an_origin_and_nothing_more() {
        for (text, origin) in [
            ("https://api.example", Some("https://api.example")),
            ("https://API.example:443/", Some("https://api.example")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("https://api.example/path", None),
            ("https://api.example?x", None),
            ("https://user@api.example", None),
            ("api.example", None),
            ("ftp://api.example", None),
        ] {
            let policy = DpopPolicy::new(text).ok();
            assert_eq!(policy.as_ref().map(|policy| policy.origin.as_str()), origin, "{text}");
        }
    }
}
