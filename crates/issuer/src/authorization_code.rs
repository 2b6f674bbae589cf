//! An authorization code, and what presenting it leads to: the table, as a pure function.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use unlapse_core::UnixTime;

use crate::denied::Code;
use crate::pkce::Challenge;
use crate::session::SessionId;
use unlapse_verify::Thumbprint;

/// The kind of its ticket.
pub(crate) const KIND: &str = "authorization_code";
/// How long it may be used (RFC 6749 §4.1.2 allows ten minutes): the way of a redirect.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);
/// How long a second use is known as one, and ends the session.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(3600);

/// What a code stands for. The code itself is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    /// The client that it was made for.
    pub(crate) client: String,
    /// Where it was sent.
    pub(crate) redirect_uri: String,
    /// Whether the authorization request named that: then the token request has to, too.
    pub(crate) redirect_uri_named: bool,
    /// What was granted, as a `scope` parameter.
    pub(crate) scope: String,
    /// Who logged in.
    pub(crate) subject: String,
    /// When they did.
    pub(crate) auth_time: UnixTime,
    /// From when on that is known. An end of their logins later than this ends the code.
    pub(crate) confirmed_at: UnixTime,
    /// For the ID token (OpenID Connect Core §3.1.2.1).
    pub(crate) nonce: Option<String>,
    /// See [`Challenge`].
    pub(crate) challenge: Challenge,
    /// The key that the token request must be proved with (RFC 9449 §10).
    pub(crate) jkt: Option<Thumbprint>,
    /// The session that it was spent for.
    pub(crate) spent: Option<String>,
}

/// What a token request presents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PresentedCode<'a> {
    /// The client, authenticated.
    pub(crate) client: &'a str,
    /// `redirect_uri`.
    pub(crate) redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub(crate) verifier: &'a str,
    /// The key that the request was proved with.
    pub(crate) jkt: Option<Thumbprint>,
}

/// What it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redemption {
    /// It is spent for a session.
    Spend,
    /// It was spent for that session, which ends (RFC 6749 §4.1.2).
    RevokeReuse(Option<SessionId>),
    /// It is refused, and nothing changes.
    Refused(Code),
}

/// Decides. That it was used twice is looked at last: only who could have used it the first time
/// ends the session with it, not everybody who finds it in a log.
pub(crate) fn redeem(code: &AuthorizationCode, presented: PresentedCode<'_>) -> Redemption {
    if presented.client != code.client {
        return Redemption::Refused(Code::ClientMismatch);
    }
    let same_redirect = match presented.redirect_uri {
        Some(uri) => uri == code.redirect_uri,
        None => !code.redirect_uri_named,
    };
    if !same_redirect {
        return Redemption::Refused(Code::RedirectMismatch);
    }
    if !code.challenge.fits(presented.verifier) {
        return Redemption::Refused(Code::PkceFailed);
    }
    if code.jkt.is_some() && presented.jkt != code.jkt {
        return Redemption::Refused(Code::DpopMismatch);
    }
    match &code.spent {
        Some(session) => Redemption::RevokeReuse(session.parse().ok()),
        None => Redemption::Spend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn code() -> AuthorizationCode {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        AuthorizationCode {
            client: "app".to_owned(),
            redirect_uri: "https://app.example/cb".to_owned(),
            redirect_uri_named: true,
            scope: "read".to_owned(),
            subject: "user-1".to_owned(),
            auth_time: UnixTime::from_secs(1000),
            confirmed_at: UnixTime::from_secs(1000),
            nonce: None,
            challenge: challenge.expect("a challenge"),
            jkt: None,
            spent: None,
        }
    }

    const PRESENTED: PresentedCode<'static> = PresentedCode {
        client: "app",
        redirect_uri: Some("https://app.example/cb"),
        verifier: VERIFIER,
        jkt: None,
    };

    #[test]
    fn rfc6749_4_1_3_a_row_for_each_presentation() {
        let fresh = code();
        let session = SessionId::from_bytes([7; 16]);
        let spent = AuthorizationCode { spent: Some(session.to_string()), ..code() };
        let unnamed = AuthorizationCode { redirect_uri_named: false, ..code() };
        let key = Some(Thumbprint::from_bytes([1; 32]));
        let bound = AuthorizationCode { jkt: key, ..code() };
        let spend = Redemption::Spend;
        let refused = Redemption::Refused;
        let other = PresentedCode { client: "other", ..PRESENTED };
        let elsewhere = PresentedCode { redirect_uri: Some("https://evil.example"), ..PRESENTED };
        let nowhere = PresentedCode { redirect_uri: None, ..PRESENTED };
        let guessed = "x".repeat(43);
        let guessed = PresentedCode { verifier: &guessed, ..PRESENTED };
        let proved = PresentedCode { jkt: key, ..PRESENTED };
        let wrong_key = Some(Thumbprint::from_bytes([2; 32]));
        let proved_wrongly = PresentedCode { jkt: wrong_key, ..PRESENTED };
        let rows = [
            (&fresh, PRESENTED, spend),
            (&fresh, other, refused(Code::ClientMismatch)),
            (&fresh, elsewhere, refused(Code::RedirectMismatch)),
            (&fresh, nowhere, refused(Code::RedirectMismatch)),
            (&unnamed, nowhere, spend),
            (&unnamed, PRESENTED, spend),
            (&unnamed, elsewhere, refused(Code::RedirectMismatch)),
            (&fresh, guessed, refused(Code::PkceFailed)),
            (&fresh, proved, spend),
            (&bound, proved, spend),
            (&bound, PRESENTED, refused(Code::DpopMismatch)),
            (&bound, proved_wrongly, refused(Code::DpopMismatch)),
            (&spent, PRESENTED, Redemption::RevokeReuse(Some(session))),
            (&spent, other, refused(Code::ClientMismatch)),
            (&spent, elsewhere, refused(Code::RedirectMismatch)),
            (&spent, guessed, refused(Code::PkceFailed)),
        ];
        for (code, presented, expected) in rows {
            assert_eq!(redeem(code, presented), expected, "{code:?} {presented:?}");
        }
    }

    #[test]
    fn it_reads_back_as_it_was_kept() {
        let code = AuthorizationCode { nonce: Some("n".to_owned()), ..code() };
        let kept = serde_json::to_vec(&code).expect("JSON");
        assert_eq!(serde_json::from_slice::<AuthorizationCode>(&kept).expect("reads"), code);
    }
}
