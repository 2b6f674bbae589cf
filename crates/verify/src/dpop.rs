//! Proofs of possession (RFC 9449): a token that is bound to a key is worth nothing to a thief.

use std::time::Duration;

use serde_json::{Map, Value};
use unlapse_core::UnixTime;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::htu::Htu;
use crate::jwk::Jwk;
use crate::jws::{BadJws, Jws};
use crate::sha256::sha256;
use crate::thumbprint::Thumbprint;

/// A proof whose signature holds with the key that it brings. Whether that is the right key, and
/// the proof is one for this request, is what [`judge_proof`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key that whoever sent it has.
    pub jkt: Thumbprint,
    /// Its own name.
    pub jti: String,
    /// The request's method.
    pub htm: String,
    /// The request's URI, in its normal form.
    pub htu: Htu,
    /// When it was made: seconds since 1970.
    pub iat: u64,
    /// The hash of the access token that it comes with.
    pub ath: Option<String>,
    /// What the server told its maker, so that it cannot have been made long ago.
    pub nonce: Option<String>,
}

/// Why a proof is not accepted (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadProof {
    /// There is no `DPoP` header.
    #[error("there is none")]
    Missing,
    /// There are several `DPoP` headers.
    #[error("there is more than one DPoP header")]
    Repeated,
    /// It is no JWT that is looked at.
    #[error("it is no JWT: {0}")]
    Jws(#[from] BadJws),
    /// Its `typ` is not `dpop+jwt`.
    #[error("its `typ` is not `dpop+jwt`")]
    Type,
    /// Its `alg` is not accepted, or not that of its key.
    #[error("its `alg` is not accepted, or not that of its key")]
    Algorithm,
    /// It has a `crit`, or a key in another form than `jwk`.
    #[error("its header has more than is understood")]
    Header,
    /// Its `jwk` is missing, or no good public key.
    #[error("its `jwk` is missing, or no good public key")]
    Key,
    /// The signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// A claim that it must have is missing or no good.
    #[error("`{0}` is missing, or has the wrong form")]
    Claim(&'static str),
    /// It is for another method.
    #[error("its `htm` is another method")]
    Method,
    /// It is for another URI.
    #[error("its `htu` is another URI")]
    Uri,
    /// It was made too long ago, or in the future.
    #[error("its `iat` is too far from now")]
    Time,
    /// It belongs to another token.
    #[error("its `ath` is not the hash of the token")]
    Token,
    /// It has no nonce, or not one that is accepted now.
    #[error("it needs the nonce that the DPoP-Nonce header of this response has")]
    Nonce,
    /// It is made with another key than the one that the token is bound to.
    #[error("it is made with another key than the token is bound to")]
    OtherKey,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
    /// So many proofs are remembered that no other can be: a fault of ours, not of the proof.
    #[error("too many proofs are in use at the moment")]
    ReplaysFull,
}

impl BadProof {
    /// Its name, which does not change between versions.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Repeated => "proof_repeated",
            Self::Jws(_) => "proof_malformed",
            Self::Type => "proof_type",
            Self::Algorithm => "proof_algorithm",
            Self::Header => "proof_header",
            Self::Key => "proof_key",
            Self::Signature => "proof_signature",
            Self::Claim(_) => "proof_claim",
            Self::Method => "proof_method",
            Self::Uri => "proof_uri",
            Self::Time => "proof_time",
            Self::Token => "proof_token",
            Self::Nonce => "proof_nonce",
            Self::OtherKey => "proof_other_key",
            Self::Replayed => "proof_replayed",
            Self::ReplaysFull => "proof_replays_full",
        }
    }
}

/// Longest `jti`: what it costs to remember one is bounded.
const MAX_JTI: usize = 256;

impl Proof {
    /// Reads a proof, and sees that the key that it brings has signed it (RFC 9449 §4.3, 1 to 7).
    pub fn parse(text: &str, algorithms: &[Algorithm]) -> Result<Self, BadProof> {
        let mut jws = Jws::parse(text)?;
        if jws.header.typ.as_deref() != Some("dpop+jwt") {
            return Err(BadProof::Type);
        }
        if jws.header.critical || jws.header.key_elsewhere {
            return Err(BadProof::Header);
        }
        let allowed = jws.header.algorithm.filter(|algorithm| algorithms.contains(algorithm));
        let algorithm = allowed.ok_or(BadProof::Algorithm)?;
        let Some(Value::Object(members)) = jws.header.jwk.take() else {
            return Err(BadProof::Key);
        };
        let jwk = Jwk::from_members(members).map_err(|_| BadProof::Key)?;
        if jwk.algorithm() != algorithm {
            return Err(BadProof::Algorithm);
        }
        if !jws.is_signed_by(jwk.key()) {
            return Err(BadProof::Signature);
        }
        Self::from_claims(jws.claims, jwk.thumbprint())
    }

    fn from_claims(mut claims: Map<String, Value>, jkt: Thumbprint) -> Result<Self, BadProof> {
        let iat = claims.get("iat").and_then(Value::as_f64).filter(|iat| *iat >= 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and the number is not negative"
        )]
        let iat = iat.ok_or(BadProof::Claim("iat"))? as u64;
        let mut text = |name| match claims.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BadProof::Claim(name)),
        };
        let jti = text("jti")?.filter(|jti| (1..=MAX_JTI).contains(&jti.len()));
        let htu = text("htu")?.as_deref().and_then(Htu::parse);
        Ok(Self {
            jkt,
            jti: jti.ok_or(BadProof::Claim("jti"))?,
            htm: text("htm")?.ok_or(BadProof::Claim("htm"))?,
            htu: htu.ok_or(BadProof::Claim("htu"))?,
            iat,
            ath: text("ath")?,
            nonce: text("nonce")?,
        })
    }

    /// Until when a proof of this time would be accepted, and must be remembered.
    pub fn ends_at(&self, window: Duration) -> UnixTime {
        // What is accepted at the last moment is still accepted in that very millisecond.
        UnixTime::from_secs(self.iat).plus(window).plus(Duration::from_millis(1))
    }
}

/// The request that a proof comes with.
#[derive(Clone, Copy, Debug)]
pub struct ProofOf<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URI, as the client wrote it.
    pub uri: &'a Htu,
    /// The access token that it carries; none at the token endpoint.
    pub access_token: Option<&'a str>,
    /// The key that the token is bound to, if one must be.
    pub jkt: Option<Thumbprint>,
}

/// Whether a proof is one for this request, made at most `window` from `now` (RFC 9449 §4.3, 8 to
/// 12). Its nonce, and whether it was used before, is the caller's question.
pub fn judge_proof(
    proof: &Proof,
    of: &ProofOf<'_>,
    window: Duration,
    now: UnixTime,
) -> Result<(), BadProof> {
    if proof.htm != of.method {
        return Err(BadProof::Method);
    }
    if proof.htu != *of.uri {
        return Err(BadProof::Uri);
    }
    let made = UnixTime::from_secs(proof.iat);
    if made.since(now) > window || now.since(made) > window {
        return Err(BadProof::Time);
    }
    if let Some(token) = of.access_token
        && proof.ath.as_deref() != Some(&*base64url::encode(sha256(token.as_bytes())))
    {
        return Err(BadProof::Token);
    }
    if of.jkt.is_some_and(|jkt| jkt != proof.jkt) {
        return Err(BadProof::OtherKey);
    }
    Ok(())
}
