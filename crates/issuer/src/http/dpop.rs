//! The `DPoP` header of requests, and the nonce of replies (RFC 9449).

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::issuer::{Issued, Issuer};
use unlapse_verify::Proof;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The caller, with the key that the request was proved with, and the proof, to be
/// [`settled`] when it is known what became of the request.
pub(super) async fn proved(
    issuer: &Issuer,
    request: &Parts,
    caller: Caller,
) -> Result<(Caller, Option<Proof>), Denied> {
    let invalid = || issuer.refuse_request(Code::DpopProofInvalid);
    let mut proofs = request.headers.get_all(DPOP).iter();
    let proof = match (proofs.next(), proofs.next()) {
        (None, _) => None,
        (Some(proof), None) => Some(proof.to_str().map_err(|_| invalid())?),
        // §4.3, 1.
        (Some(_), Some(_)) => return Err(invalid()),
    };
    issuer.bind(caller, proof, request.method.as_str(), request.uri.path()).await
}

/// What a request with this proof led to: a refusal gives nothing, and so needs no memory.
pub(super) fn settled(
    issuer: &Issuer,
    proof: Option<&Proof>,
    granted: Result<Issued, Denied>,
) -> Result<Issued, Denied> {
    if let (Some(proof), Err(_)) = (proof, &granted) {
        issuer.forget_proof(proof);
    }
    granted
}

/// Whether whoever asks speaks DPoP.
pub(super) fn is_spoken(headers: &HeaderMap) -> bool {
    headers.contains_key(DPOP)
}

/// Tells the nonce that the next proof needs, where one is needed (§8.2).
pub(super) fn tell_nonce(issuer: &Issuer, response: &mut Response) {
    let nonce = issuer.dpop_nonce().and_then(|nonce| HeaderValue::from_str(&nonce).ok());
    if let Some(nonce) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}
