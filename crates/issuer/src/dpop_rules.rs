//! What is asked of proofs of possession, where tokens are given out (RFC 9449).

use core::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::{Secret, UnixTime};
use unlapse_verify::{Algorithm, BadProof, Htu, Nonces, Proof, ProofOf, Replays, judge_proof};

use crate::pepper::Peppers;

/// What is asked of proofs at `/token` and at the JSON pair. Whether a client must send them at all
/// is its own: [`Client::dpop`](crate::Client::dpop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DpopRules {
    /// Each proof must have a nonce of this issuer (§8), so that none can be made ahead of time.
    /// Off: it costs a client a request more every five minutes.
    pub nonces: bool,
    /// How far the `iat` of a proof may be from now, either way: 60 s; 1 to 300 s.
    pub window: Duration,
    /// A proof is good once on all nodes together, and not once on each: a statement of the store
    /// for each request. Off: a proof that is replayed on another node within `window` needs the
    /// refresh token or the code that it came with, too, and gets tokens for a key that whoever
    /// replays it does not have.
    pub shared_replays: bool,
}

impl Default for DpopRules {
    fn default() -> Self {
        Self { nonces: false, window: Duration::from_secs(60), shared_replays: false }
    }
}

/// A number of the rules is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the window of DPoP proofs is 1 s to 300 s")]
pub struct BadDpopRules;

impl DpopRules {
    /// Whether the window is in its range.
    pub fn check(&self) -> Result<(), BadDpopRules> {
        let range = Duration::from_secs(1)..=Duration::from_secs(300);
        range.contains(&self.window).then_some(()).ok_or(BadDpopRules)
    }
}

/// A nonce is given out for so long, and accepted for as long again.
const STEP: Duration = Duration::from_secs(300);
const NONCE_KEY: &[u8] = b"unlapse dpop nonce v1";

/// Checks proofs, by the rules and with what this process remembers.
#[derive(Debug)]
pub(crate) struct DpopProofs {
    rules: DpopRules,
    /// Of each pepper, the newest first: a node that has a newer one already is understood here.
    nonces: Vec<Nonces>,
    replays: Replays,
}

impl DpopProofs {
    /// Every node with the same peppers gives out and accepts the same nonces.
    pub(crate) fn new(rules: DpopRules, peppers: &Peppers) -> Self {
        let nonces = |pepper: &crate::pepper::Pepper| {
            let key: hmac::Key = pepper.derive(NONCE_KEY, hmac::HMAC_SHA256);
            let key = URL_SAFE_NO_PAD.encode(hmac::sign(&key, NONCE_KEY));
            Nonces::new(&Secret::from(key), STEP)
        };
        let nonces = if rules.nonces { peppers.iter().map(nonces).collect() } else { Vec::new() };
        Self { rules, nonces, replays: Replays::default() }
    }

    /// What to tell clients in `DPoP-Nonce`, where they need one.
    pub(crate) fn nonce(&self, now: UnixTime) -> Option<String> {
        self.nonces.first().map(|nonces| nonces.current(now))
    }

    /// Whether every node must be asked whether a proof was used.
    pub(crate) fn are_shared(&self) -> bool {
        self.rules.shared_replays
    }

    /// Until when a proof must be remembered.
    pub(crate) fn ends_at(&self, proof: &Proof) -> UnixTime {
        proof.ends_at(self.rules.window)
    }

    /// A proof of a request of `method` to `uri` that can be used now, and not again here.
    pub(crate) fn accept(
        &self,
        proof: &str,
        method: &str,
        uri: &Htu,
        now: UnixTime,
    ) -> Result<Proof, BadProof> {
        let proof = Proof::parse(proof, &Algorithm::ALL)?;
        let of = ProofOf { method, uri, access_token: None, jkt: None };
        judge_proof(&proof, &of, self.rules.window, now)?;
        if self.rules.nonces {
            let accepts = |nonce: &str| self.nonces.iter().any(|all| all.accepts(nonce, now));
            if !proof.nonce.as_deref().is_some_and(accepts) {
                return Err(BadProof::Nonce);
            }
        }
        // Last, so that only proofs that are good take up room.
        self.replays.note(proof.jkt, &proof.jti, self.ends_at(&proof), now)?;
        Ok(proof)
    }

    /// Gives back the room of a proof whose request came to nothing here. What all nodes share
    /// remembers it still.
    pub(crate) fn forget(&self, proof: &Proof) {
        self.replays.forget(proof.jkt, &proof.jti, self.ends_at(proof));
    }
}
