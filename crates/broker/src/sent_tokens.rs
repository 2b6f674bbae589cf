//! The tokens of a login, as whoever brings it wrote them.

use core::time::Duration;
use std::collections::BTreeMap;

use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::bearer::authorization;

use crate::broker::Brought;
use crate::code::Code;
use crate::problem::Problem;
use crate::scope::is_scope;
use crate::sent_secret::SentSecret;
use crate::tables::check_metadata;

/// Longest token that is kept, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Longest `token_type`, in bytes.
const LONGEST_TYPE: usize = 64;
/// Ten years: no token that anybody knows of lives longer.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(315_360_000);

/// What `PUT` and a line of an import have in common: what one takes, the other takes too.
#[derive(Default)]
pub(crate) struct SentTokens {
    pub(crate) access_token: Option<SentSecret>,
    pub(crate) refresh_token: Option<SentSecret>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_expires_in: Option<Duration>,
    pub(crate) scope: Option<String>,
    pub(crate) token_type: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl SentTokens {
    /// The login that is brought, or `BAD_REQUEST`. Its words repeat nothing of what was sent: a secret
    /// may stand in the wrong place.
    pub(crate) fn check(self) -> Result<Brought, Problem> {
        let bad = |detail: String| Problem::new(Code::BadRequest, detail);
        let access_token = token("access_token", self.access_token).map_err(bad)?;
        let refresh_token = token("refresh_token", self.refresh_token).map_err(bad)?;
        if access_token.is_none() && refresh_token.is_none() {
            return Err(bad("there is neither `access_token` nor `refresh_token`".to_owned()));
        }
        let lives =
            [("expires_in", self.expires_in), ("refresh_expires_in", self.refresh_expires_in)];
        for (name, life) in lives {
            if life.is_some_and(|life| life > LONGEST_LIFE) {
                return Err(bad(format!("`{name}` is {} s at most", LONGEST_LIFE.as_secs())));
            }
        }
        if self.scope.as_ref().is_some_and(|scope| !is_scope(scope)) {
            let detail = "`scope` is words of ASCII with spaces between them, 4096 bytes at most";
            return Err(bad(detail.to_owned()));
        }
        if self.token_type.as_ref().is_some_and(|kind| !is_token_type(kind)) {
            let detail = "`token_type` is an authentication scheme, of 1 to 64 characters";
            return Err(bad(detail.to_owned()));
        }
        check_metadata(&self.metadata)?;
        Ok(Brought {
            access_token,
            refresh_token,
            expires_in: self.expires_in,
            refresh_expires_in: self.refresh_expires_in,
            scope: self.scope,
            token_type: self.token_type,
            metadata: self.metadata,
        })
    }
}

fn token(name: &str, sent: Option<SentSecret>) -> Result<Option<Secret>, String> {
    match sent {
        Some(SentSecret(secret)) if !secret.is_sendable() || secret.len() > LONGEST_TOKEN => {
            Err(format!("`{name}` is 1 to {LONGEST_TOKEN} visible characters of ASCII"))
        }
        sent => Ok(sent.map(|SentSecret(secret)| secret)),
    }
}

/// With another, no request could carry the token (RFC 9110 §11.1). A provider's is kept by the same
/// rule, so that an export can be brought again.
fn is_token_type(text: &str) -> bool {
    (1..=LONGEST_TYPE).contains(&text.len()) && authorization(text, &Secret::new("t")).is_ok()
}
