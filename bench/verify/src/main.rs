//! Verifying an access token on one core: ours, `jsonwebtoken`, and the signature alone.

mod contender;
mod jwt;
mod ours;
mod raw;
mod report;
mod timing;
mod token;

use anyhow::Result;
use unlapse_issuer::Algorithm;

use crate::contender::Contender;
use crate::jwt::Jsonwebtoken;
use crate::ours::Ours;
use crate::raw::Raw;
use crate::report::{Measured, print};
use crate::token::Token;

fn main() -> Result<()> {
    let mut all = Vec::new();
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let token = Token::new(algorithm)?;
        let contenders: [Box<dyn Contender>; 4] = [
            Box::new(Raw::new(&token)?),
            Box::new(Ours::first(&token)?),
            Box::new(Jsonwebtoken::new(&token)?),
            Box::new(Ours::remembered(&token)?),
        ];
        let rates = timing::in_turns(&contenders)?;
        all.push(Measured { algorithm, length: token.text.len(), rates });
    }
    print(&all);
    Ok(())
}
