//! `jsonwebtoken`, as its users have it: a key and rules made once, claims into a struct.

use std::hint::black_box;

use anyhow::Result;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Alg, DecodingKey, Validation, decode};
use serde::Deserialize;
use unlapse_issuer::Algorithm;

use crate::contender::Contender;
use crate::token::{ISSUER, Token};

/// What ours reads as well.
#[derive(Deserialize)]
#[expect(dead_code, reason = "to be read is all that is asked of it")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: Option<String>,
    exp: u64,
    iat: u64,
    jti: String,
    sid: Option<String>,
}

pub(crate) struct Jsonwebtoken {
    key: DecodingKey,
    rules: Validation,
    text: String,
    forged: String,
}

impl Jsonwebtoken {
    pub(crate) fn new(token: &Token) -> Result<Self> {
        let jwk: Jwk = serde_json::from_value(serde_json::to_value(&token.jwk)?)?;
        let mut rules = Validation::new(match token.algorithm {
            Algorithm::EdDsa => Alg::EdDSA,
            Algorithm::Es256 => Alg::ES256,
            Algorithm::Rs256 => Alg::RS256,
            other => anyhow::bail!("{other:?} is not measured"),
        });
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[ISSUER]);
        rules.leeway = 30;
        let key = DecodingKey::from_jwk(&jwk)?;
        Ok(Self { key, rules, text: token.text.clone(), forged: token.forged.clone() })
    }
}

impl Contender for Jsonwebtoken {
    fn verify(&self, times: u32) -> Result<()> {
        for _ in 0..times {
            black_box(decode::<Claims>(black_box(&self.text), &self.key, &self.rules)?);
        }
        Ok(())
    }

    fn refuses_another(&self) -> bool {
        decode::<Claims>(&self.forged, &self.key, &self.rules).is_err()
    }
}
