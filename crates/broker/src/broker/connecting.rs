//! A user's consent: to the provider, and back (RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1).

use core::mem;
use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use unlapse::tokio::TokioSpawn;
use unlapse::unlapse_core::{Grant, Now, Secret};
use unlapse::unlapse_oauth::provider::{Authorization, Caller, CodeExchange, Metadata, Pkce};
use unlapse::{Clock as _, CodeError, Spawn as _};
use url::Url;
use zeroize::{Zeroize as _, Zeroizing};

use super::Broker;
use super::asked::{Actor, Callback, Connected, Wanted};
use super::mix_up;
use super::tokens::allow;
use crate::app::App;
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::directory::Registered;
use crate::problem::Problem;
use crate::random;
use crate::redirect_uri;
use crate::schedule;
use crate::tables::{Connect, NewConnection};

/// How long a user may take.
pub(crate) const CONSENT: Duration = Duration::from_secs(600);

/// Between attempts to store what was granted: at first, and at most.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// A provider's own words are repeated up to this length.
const WORDS: usize = 200;

/// What has to be remembered until the user comes back; sealed.
#[derive(Serialize, Deserialize)]
struct Pending {
    user: String,
    provider: String,
    account: String,
    verifier: String,
    /// As the provider has it: the token request says the very same (RFC 6749 §4.1.3).
    redirect_uri: String,
    return_to: Option<String>,
    actor: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

impl Broker {
    /// Where to send the user, so that they give their consent: for ten minutes, and once.
    ///
    /// `public_url` is where browsers reach the broker; the provider sends them back to the app's
    /// [`redirect_uri`](fn@crate::redirect_uri) below it.
    pub async fn connect(
        &self,
        wanted: Wanted,
        public_url: &Url,
        by: &Actor,
    ) -> Result<Url, Problem> {
        let Wanted { id, scopes, return_to, params } = wanted;
        allow(&id, by)?;
        let app = self.registered(&id).await?;
        check_return(&app, return_to.as_deref()).map_err(|problem| problem.of(&id))?;
        let state = random::token();
        let verifier = random::token();
        let metadata = consented(params.clone()).map_err(|problem| problem.of(&id))?;
        let redirect_uri = redirect_uri(public_url, &id.tenant, &id.provider);
        let url = authorize_url(&app, &scopes, &metadata, &state, &verifier, &redirect_uri)
            .map_err(|problem| problem.of(&id))?;
        let pending = Pending {
            user: id.user.clone(),
            provider: id.provider.to_string(),
            account: id.account.clone(),
            verifier: verifier.expose().to_owned(),
            redirect_uri: redirect_uri.into(),
            return_to,
            actor: by.name.clone(),
            params,
        };
        let connect = Connect { tenant: id.tenant.clone(), remembered: pending.to_bytes()? };
        self.inner.tables.put_connect(&random::hash(&state), &connect, CONSENT).await?;
        Ok(url)
    }

    /// Takes what the user's browser brings back, and keeps the connection.
    ///
    /// What comes to another app's redirect URI is refused (`MIX_UP`), and its `state` is spent: the
    /// code may be another provider's (RFC 9700 §4.4).
    ///
    /// A code is good once: whoever asks may go, and it is exchanged and kept all the same (R6).
    pub async fn connected(&self, callback: Callback) -> Result<Connected, Problem> {
        let broker = self.clone();
        let (sender, ended) = oneshot::channel();
        TokioSpawn.spawn(Box::pin(async move {
            // Nobody may be there to be told.
            let _ = sender.send(broker.take_back(callback).await);
        }));
        ended.await.unwrap_or_else(|_| Err(Problem::new(Code::Overloaded, "the broker ends")))
    }

    async fn take_back(&self, callback: Callback) -> Result<Connected, Problem> {
        let params = &callback.params;
        let state = params.get("state").map(|state| Secret::new(state.as_str()));
        let state = state.ok_or_else(|| bad("the provider brought no `state` back"))?;
        let found = self.inner.tables.take_connect(&random::hash(&state)).await?;
        let Connect { tenant, remembered } = found.ok_or_else(|| {
            bad("this consent was not asked for, was given already, or took longer than ten minutes")
        })?;
        let mut pending = Pending::from_bytes(&remembered)?;
        let provider = pending.provider.parse().map_err(|_| forgotten())?;
        let id = ConnectionId::new(tenant, &pending.user, provider, &pending.account)
            .map_err(|_| forgotten())?;
        // Before anything that it says is believed, an error as well.
        mix_up::check_path(&callback, &id)?;
        let app = self.registered(&id).await?;
        let known = consented(mem::take(&mut pending.params)).map_err(|_| forgotten())?;
        mix_up::check_issuer(&callback, &app, &known)?;
        if let Some(error) = params.get("error") {
            return Err(refused(error, params.get("error_description")).of(&id));
        }
        let code = params.get("code").filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| bad("the provider brought no `code` back").of(&id))?;
        // A code is good once: whatever can fail here fails before it is spent.
        let before = self.ready_for(&id).await?;
        let exchange = self.inner.network.exchange(&app, known);
        let at = self.inner.clock.now();
        let (code, verifier) = (Secret::new(code.as_str()), Secret::new(pending.verifier.as_str()));
        let code = CodeExchange {
            code: &code,
            redirect_uri: &pending.redirect_uri,
            code_verifier: (app.provider.pkce() != Pkce::Unsupported).then_some(&verifier),
        };
        let said = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let exchanged = exchange.code(code, said).await;
        let (grant, metadata) = exchanged.map_err(|failed| not_exchanged(&failed).of(&id))?;
        let by = Actor { tenant: Some(id.tenant.clone()), name: mem::take(&mut pending.actor) };
        let metadata: BTreeMap<String, String> = Metadata::into(metadata);
        let new = NewConnection { id: id.clone(), scope: grant.scope.clone(), metadata };
        self.store_for_certain(&new, &grant, at).await?;
        let connection = self.kept(&id, before, &by, "connect").await?;
        Ok(Connected { connection, return_to: pending.return_to.take() })
    }

    /// Stores what was bought with a code: while the database is away, again and again, for as long as
    /// a consent lives (R5).
    async fn store_for_certain(
        &self,
        new: &NewConnection,
        grant: &Grant,
        at: Now,
    ) -> Result<(), Problem> {
        let mut wait = AGAIN;
        loop {
            let Err(problem) = self.store(new, grant, at).await else { return Ok(()) };
            let waited = self.inner.clock.now().elapsed(&at);
            if !problem.code.is_retryable() || waited >= CONSENT {
                return Err(problem);
            }
            tracing::warn!(code = %problem.code, "a new connection cannot be stored yet");
            self.inner.clock.sleep(wait).await;
            wait = (wait * 2).min(LONGEST);
        }
    }
}

impl Pending {
    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(|_| forgotten())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(bytes).map_err(|_| forgotten())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.verifier.zeroize();
    }
}

impl Registered {
    /// The app, as a browser is sent off for it: without its secrets.
    pub(super) fn caller<'a>(
        &'a self,
        metadata: &'a Metadata,
        scope: Option<&'a str>,
    ) -> Caller<'a> {
        let App { client_id, params, .. } = &self.app;
        Caller { client_id, client_secret: None, signer: None, params, metadata, scope }
    }
}

fn authorize_url(
    app: &Registered,
    scopes: &[String],
    metadata: &Metadata,
    state: &Secret,
    verifier: &Secret,
    redirect_uri: &Url,
) -> Result<Url, Problem> {
    let scopes = if scopes.is_empty() { &app.app.scopes } else { scopes };
    let scope = app.provider.join_scopes(scopes.iter().map(String::as_str));
    let caller = app.caller(metadata, (!scope.is_empty()).then_some(scope.as_str()));
    let challenge = random::challenge(verifier);
    let authorization = Authorization {
        redirect_uri: redirect_uri.as_str(),
        state: state.expose(),
        code_challenge: (app.provider.pkce() != Pkce::Unsupported).then_some(challenge.as_str()),
    };
    app.provider
        .authorize_url(&caller, authorization)
        .map_err(|error| Problem::new(Code::AppConfig, error.to_string()))
}

/// Afterwards, the user goes nowhere but where the app says: the broker is no open redirector (RFC
/// 9700 §4.11).
fn check_return(app: &Registered, return_to: Option<&str>) -> Result<(), Problem> {
    let is_known = |place: &str| app.app.return_to.iter().any(|known| known == place);
    match return_to {
        Some(place) if !is_known(place) => Err(bad("`return_to` is none of the app's")),
        _ => Ok(()),
    }
}

/// What is known of the connection before its provider has said anything, such as its shop.
fn consented(params: BTreeMap<String, String>) -> Result<Metadata, Problem> {
    Metadata::try_from(params).map_err(|error| bad(&format!("`params`: {error}")))
}

fn bad(detail: &str) -> Problem {
    Problem::new(Code::BadRequest, detail)
}

fn forgotten() -> Problem {
    Problem::new(Code::RecordDamaged, "what was kept of this consent cannot be read")
}

/// The provider, or the user there, has said no (RFC 6749 §4.1.2.1).
fn refused(error: &str, description: Option<&String>) -> Problem {
    let words = description.map_or_else(String::new, |words| format!(": {words}"));
    let words: String =
        format!("{error}{words}").chars().filter(|c| !c.is_control()).take(WORDS).collect();
    let code = match error {
        "access_denied" => Code::UserRevoked,
        "temporarily_unavailable" | "server_error" => Code::ProviderDown,
        "unauthorized_client"
        | "invalid_request"
        | "invalid_scope"
        | "unsupported_response_type" => Code::AppConfig,
        _ => Code::GetTokenError,
    };
    Problem::new(code, words)
}

/// Why a code brought no tokens.
fn not_exchanged(error: &CodeError) -> Problem {
    let code = match error {
        CodeError::Rejected(rejection) if rejection.ends_login() => Code::BadRequest,
        CodeError::Unbuildable(_) | CodeError::Rejected(_) => Code::AppConfig,
        CodeError::Temporary { cause, .. } => schedule::failed(*cause),
        _ => Code::ProviderDown,
    };
    Problem::new(code, format!("{error}: have the user begin again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse::unlapse_core::{Cause, Rejection};

    #[test]
    fn rfc6749_4_1_2_1_a_row_for_each_refusal() {
        for (error, expected) in [
            ("access_denied", Code::UserRevoked),
            ("server_error", Code::ProviderDown),
            ("invalid_scope", Code::AppConfig),
            ("something_else", Code::GetTokenError),
        ] {
            let words = "no\r\nX: y".to_owned();
            let problem = refused(error, Some(&words));
            assert_eq!(problem.code, expected, "{error}");
            assert!(problem.detail.starts_with(error) && !problem.detail.contains('\n'));
        }
        let endless = "x".repeat(10_000);
        assert_eq!(refused(&endless, None).detail.len(), WORDS);
    }

    #[test]
    fn i5_a_row_for_each_way_a_code_brings_nothing() {
        let temporary = |cause| CodeError::Temporary { cause, retry_after: None };
        for (error, expected) in [
            (CodeError::Rejected(Rejection::InvalidGrant), Code::BadRequest),
            (CodeError::Rejected(Rejection::InvalidClient), Code::AppConfig),
            (temporary(Cause::Status(429)), Code::RateLimited),
            (temporary(Cause::Status(503)), Code::ProviderDown),
            (CodeError::Lost(Cause::Timeout), Code::ProviderDown),
        ] {
            assert_eq!(not_exchanged(&error).code, expected, "{error}");
        }
    }
}
