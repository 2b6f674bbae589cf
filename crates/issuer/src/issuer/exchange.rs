//! A token is given for another one (RFC 8693), or for an assertion (RFC 7523 §2.1).

use core::time::Duration;

use serde_json::Value;
use unlapse_core::UnixTime;
use unlapse_verify::AccessClaims;

use super::introspect::may_see;
use super::{About, Holder, Issued, Issuer, Parts};
use crate::assertion::{Assertion, BadAssertion, Expected, Once};
use crate::audit::Event;
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::delegation::act;
use crate::denied::{Code, Denied};
use crate::scopes::Scopes;
use crate::session::SessionId;
use crate::tickets::TicketId;
use crate::token_type::TokenType;

/// What somebody else signed ends this soon.
const LONGEST: Duration = Duration::from_secs(3600);
/// `typ`: no other kind of JWT is taken for one of these.
const TYPES: [&str; 1] = ["jwt"];

/// A token that is shown to get another one.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The token.
    pub token: &'a str,
    /// What kind it is said to be.
    pub token_type: TokenType,
}

/// What is asked for in exchange (RFC 8693 §2.1).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// For whom the new token will speak.
    pub subject: Shown<'a>,
    /// Who acts for them, where that is to be said.
    pub actor: Option<Shown<'a>>,
    /// Whom the new token will be meant for (`audience` or `resource`): the issuer's audience when
    /// not said.
    pub target: Option<&'a str>,
    /// For what: as much as both the token and the client may when not said.
    pub scopes: Option<&'a Scopes>,
}

/// Who is meant by a token that was shown.
struct Party {
    subject: String,
    /// What it may be used for; `None` when it says nothing of our scopes.
    scopes: Option<Scopes>,
    ends_at: UnixTime,
    session: Option<SessionId>,
    act: Option<Value>,
    may_act: Option<Value>,
}

impl Issuer {
    /// Gives an access token for another token (RFC 8693): one that the client was given, one for
    /// an audience that it [serves](crate::Client::serves), or one of a
    /// [trusted issuer](crate::TrustedIssuer). The new one may do no more, does not live longer,
    /// and ends with the session of the old one. There is no refresh token.
    pub fn exchange(&self, exchange: Exchange<'_>, caller: &Caller) -> Result<Issued, Denied> {
        self.check_grant(caller, GrantType::TokenExchange)?;
        let about = About::caller(caller);
        let invalid = || self.refuse(Code::SubjectTokenInvalid, about);
        let audience = self.target(exchange.target, caller)?;
        let subject = self.party(exchange.subject, caller).ok_or_else(invalid)?;
        let actor = exchange.actor.map(|actor| self.party(actor, caller).ok_or_else(invalid));
        let actor = actor.transpose()?.map(|actor| actor.subject);
        let act = act(subject.act.as_ref(), actor.as_deref(), subject.may_act.as_ref());
        let act = act.map_err(|_| invalid())?;
        let most = match &subject.scopes {
            Some(scopes) => scopes.common(&caller.client.scopes),
            None => caller.client.scopes.clone(),
        };
        let scopes = exchange.scopes.unwrap_or(&most);
        if !scopes.is_subset_of(&most) {
            return Err(self.refuse(Code::ScopeNotAllowed, about));
        }
        let holder = Holder {
            subject: &subject.subject,
            client: &caller.client.id,
            scopes,
            session: subject.session,
            ends_at: Some(subject.ends_at),
            jkt: caller.jkt,
            audience,
            act: act.as_ref(),
        };
        Ok(self.exchanged(&holder, about))
    }

    /// Gives an access token for whom a [trusted issuer](crate::TrustedIssuer) states (RFC 7523
    /// §2.1): its assertion is for this issuer and nobody else, ends within an hour, and is good
    /// once, on all nodes together. There is no session, and no refresh token.
    pub async fn grant_for_assertion(
        &self,
        assertion: &str,
        target: Option<&str>,
        scopes: Option<&Scopes>,
        caller: &Caller,
    ) -> Result<Issued, Denied> {
        self.check_grant(caller, GrantType::JwtBearer)?;
        let about = About::caller(caller);
        let invalid = |bad: BadAssertion| {
            tracing::debug!(?bad, "an assertion was refused");
            self.refuse(Code::AssertionInvalid, about)
        };
        let audience = self.target(target, caller)?;
        let scopes = self.grant_scopes(caller, scopes)?;
        let assertion = Assertion::parse(assertion).map_err(invalid)?;
        let (subject, once) = self.stated(&assertion).map_err(invalid)?;
        let jti = once.jti.ok_or_else(|| invalid(BadAssertion::Name))?;
        let id = TicketId::of("assertion", &format!("{}\0{jti}", assertion.issuer));
        let fresh = self.parts.store.insert(id, &[], once.until, self.now()).await;
        if !fresh.map_err(|away| self.unavailable(away, about))? {
            return Err(invalid(BadAssertion::Name));
        }
        let holder = Holder {
            subject: &subject,
            client: &caller.client.id,
            scopes: &scopes,
            session: None,
            ends_at: None,
            jkt: caller.jkt,
            audience,
            act: None,
        };
        Ok(Issued { issued_token_type: None, ..self.exchanged(&holder, about) })
    }

    fn exchanged(&self, holder: &Holder<'_>, about: About<'_>) -> Issued {
        let issued = self.issue_access(holder, self.now());
        let about = About { session: holder.session, subject: Some(holder.subject), ..about };
        self.note(Event::Exchanged, about);
        Issued { issued_token_type: Some(TokenType::AccessToken.as_str()), ..issued }
    }

    /// Whom a token will be meant for: the issuer's audience, or one that the client may ask for.
    fn target<'a>(
        &self,
        target: Option<&'a str>,
        caller: &Caller,
    ) -> Result<Option<&'a str>, Denied> {
        let known = |target: &str| {
            let audiences = &caller.client.audiences;
            target == self.parts.audience || audiences.iter().any(|one| one == target)
        };
        if target.is_none_or(known) {
            return Ok(target);
        }
        Err(self.refuse(Code::TargetUnknown, About::caller(caller)))
    }

    /// Who is meant by a token that `caller` may use so.
    fn party(&self, shown: Shown<'_>, caller: &Caller) -> Option<Party> {
        let Shown { token, token_type } = shown;
        let Parts { url, .. } = &*self.parts;
        let assertion = match token_type {
            TokenType::AccessToken => None,
            TokenType::Jwt => Some(Assertion::parse(token).ok()?),
        };
        match assertion.filter(|assertion| assertion.issuer != *url) {
            None => {
                let claims = self.read(token).filter(|claims| may_use(caller, claims))?;
                Some(Party {
                    scopes: Some(Scopes::parse(claims.scope.as_deref().unwrap_or_default()).ok()?),
                    ends_at: claims.expires_at(),
                    session: claims.sid.map(|sid| sid.parse()).transpose().ok()?,
                    act: claims.further.get("act").cloned(),
                    may_act: claims.further.get("may_act").cloned(),
                    subject: claims.sub,
                })
            }
            Some(assertion) => {
                let (subject, once) = self.stated(&assertion).ok()?;
                let ends_at = UnixTime::from_secs(once.exp);
                // What is over may be shown for a moment longer; but nothing comes of it.
                (ends_at > self.now()).then(|| Party {
                    subject,
                    scopes: None,
                    ends_at,
                    session: None,
                    act: None,
                    may_act: assertion.claims().get("may_act").cloned(),
                })
            }
        }
    }

    /// Whom a trusted issuer states, if the assertion holds.
    fn stated(&self, assertion: &Assertion<'_>) -> Result<(String, Once), BadAssertion> {
        let Parts { url, trusted, .. } = &*self.parts;
        let trusted = trusted.iter().find(|trusted| trusted.issuer == assertion.issuer);
        let trusted = trusted.ok_or(BadAssertion::Key)?;
        let token_endpoint = format!("{url}/token");
        let once = assertion.holds(&Expected {
            keys: &trusted.keys,
            audiences: &[url, &token_endpoint],
            types: &TYPES,
            longest: LONGEST,
            now: self.now(),
        })?;
        let subject = (trusted.subject)(assertion.claims());
        Ok((subject.ok_or(BadAssertion::Malformed)?, once))
    }
}

/// Whether `caller` may exchange an access token of ours: one that it may see; and one that it was
/// given itself for a key, only with that key, so that a thief gains nothing by an exchange. Who
/// serves the audience of a token has seen its proof.
fn may_use(caller: &Caller, claims: &AccessClaims) -> bool {
    let is_own = claims.client_id == caller.client.id;
    let is_proved = claims.cnf.is_none() || (caller.jkt.is_some() && claims.jkt() == caller.jkt);
    may_see(&caller.client, claims) && (is_proved || !(is_own || caller.client.is_public()))
}
