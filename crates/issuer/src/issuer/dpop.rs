//! A request is proved with a key (RFC 9449 §5).

use core::time::Duration;

use unlapse_verify::{BadProof, Htu, Proof};

use super::{About, Issuer, Parts};
use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::tickets::TicketId;

impl Issuer {
    /// The caller of a request, with the key that it was proved with, and the proof; unchanged when
    /// there is none, and none is demanded of the client.
    pub(crate) async fn bind(
        &self,
        caller: Caller,
        proof: Option<&str>,
        method: &str,
        path: &str,
    ) -> Result<(Caller, Option<Proof>), Denied> {
        let Parts { dpop, origin, store, .. } = &*self.parts;
        let about = About::caller(&caller);
        let Some(proof) = proof else {
            let missing = caller.client.dpop;
            if missing {
                return Err(self.refuse(Code::DpopRequired, about));
            }
            return Ok((caller, None));
        };
        let now = self.now();
        // What clients call us, and not what the request says: a proof that was made for another
        // server could be sent here with that one's name.
        let uri = Htu::parse(&format!("{origin}{path}"));
        let uri = uri.ok_or_else(|| self.refuse(Code::DpopProofInvalid, about))?;
        let proof = dpop.accept(proof, method, &uri, now);
        let proof = proof.map_err(|bad| self.bad_proof(bad, about))?;
        if dpop.are_shared() {
            let id = TicketId::of("dpop proof", &format!("{}{}", proof.jkt, proof.jti));
            let fresh = store.insert(id, &[], dpop.ends_at(&proof), now).await;
            if !fresh.map_err(|away| self.unavailable(away, about))? {
                return Err(self.bad_proof(BadProof::Replayed, about));
            }
        }
        Ok((Caller { jkt: Some(proof.jkt), ..caller }, Some(proof)))
    }

    /// The request that `proof` came with was refused. Keys cost nothing: whoever has no grant must
    /// not take up the room of those who have.
    pub(crate) fn forget_proof(&self, proof: &Proof) {
        self.parts.dpop.forget(proof);
    }

    /// What to tell clients in `DPoP-Nonce`, where they need one.
    pub(crate) fn dpop_nonce(&self) -> Option<String> {
        self.parts.dpop.nonce(self.now())
    }

    fn bad_proof(&self, bad: BadProof, about: About<'_>) -> Denied {
        tracing::debug!(code = bad.code(), "a DPoP proof was refused");
        match bad {
            BadProof::Nonce => self.refuse(Code::DpopNonceRequired, about),
            // A fault of ours, not of the proof.
            BadProof::ReplaysFull => {
                let wait = Duration::from_secs(1);
                self.refuse_for_now(Code::TemporarilyUnavailable, wait, about)
            }
            _ => self.refuse(Code::DpopProofInvalid, about),
        }
    }
}
