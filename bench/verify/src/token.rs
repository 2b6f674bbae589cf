//! The token that everybody verifies: one of our issuer's.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_issuer::{Algorithm, Issuer, Scopes};
use unlapse_verify::Jwk;

/// Who issued it, and whom it is for.
pub(crate) const ISSUER: &str = "https://id.example";

/// A token, and the key that verifies it.
pub(crate) struct Token {
    pub(crate) algorithm: Algorithm,
    /// The token.
    pub(crate) text: String,
    /// The same with another signature of the same form.
    pub(crate) forged: String,
    pub(crate) jwk: Jwk,
}

impl Token {
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let issuer = Issuer::builder(ISSUER).algorithm(algorithm).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let issue = || -> Result<String> {
            let issued = runtime.block_on(issuer.open_session("ada", "app", Scopes::parse("api")?));
            Ok(issued?.access_token.expose().to_owned())
        };
        let (text, other) = (issue()?, issue()?);
        let (message, _) = text.rsplit_once('.').context("a JWT has dots")?;
        let (_, signature) = other.rsplit_once('.').context("a JWT has dots")?;
        let forged = format!("{message}.{signature}");
        let jwks = issuer.jwks();
        let jwk = jwks.keys().first().context("an issuer publishes its key")?.clone();
        Ok(Self { algorithm, text, forged, jwk })
    }

    /// What is signed, and the signature.
    pub(crate) fn parts(text: &str) -> Result<(&[u8], Vec<u8>)> {
        let (message, signature) = text.rsplit_once('.').context("a JWT has dots")?;
        Ok((message.as_bytes(), URL_SAFE_NO_PAD.decode(signature)?))
    }
}
