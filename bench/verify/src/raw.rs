//! The signature alone: aws-lc-rs, with a key that is parsed once, and everything decoded before.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use unlapse_issuer::Algorithm;

use crate::contender::Contender;
use crate::token::Token;

pub(crate) struct Raw {
    key: ParsedPublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
    forged: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(token: &Token) -> Result<Self> {
        let jwk = serde_json::to_value(&token.jwk)?;
        let member = |name: &str| -> Result<Vec<u8>> {
            let text = jwk.get(name).and_then(Value::as_str).context("a member of the key")?;
            Ok(URL_SAFE_NO_PAD.decode(text)?)
        };
        let key = match token.algorithm {
            Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, member("x")?)?,
            Algorithm::Es256 => {
                // SEC 1 §2.3.3: an uncompressed point.
                let point = [&[4], &*member("x")?, &*member("y")?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?
            }
            Algorithm::Rs256 => RsaPublicKeyComponents { n: member("n")?, e: member("e")? }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)?,
            other => anyhow::bail!("{other:?} is not measured"),
        };
        let (message, signature) = Token::parts(&token.text)?;
        let (_, forged) = Token::parts(&token.forged)?;
        Ok(Self { key, message: message.to_vec(), signature, forged })
    }
}

impl Contender for Raw {
    fn verify(&self, times: u32) -> Result<()> {
        for _ in 0..times {
            self.key.verify_sig(black_box(&self.message), black_box(&self.signature))?;
        }
        Ok(())
    }

    fn refuses_another(&self) -> bool {
        self.key.verify_sig(&self.message, &self.forged).is_err()
    }
}
