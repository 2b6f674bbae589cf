//! `unlapse token`

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;
use unlapse::dpop::{Prover as _, ToProve};
use unlapse::{AccessToken, Error};
use unlapse_core::{Now, Place, SenderKeyProblem, StoreError, Stored, UnixTime};

use crate::app::{App, failed};
use crate::args::{Format, TokenArguments};
use crate::commands::running::{block_on, settled};
use crate::commands::status;
use crate::config::{Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;
use crate::wiring::{self, Shelf};

/// How long a renewal that is due may keep a process waiting that has a valid token anyway.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(app: &App, arguments: &TokenArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    let format = if app.json { Format::Json } else { arguments.format };
    let request = arguments.dpop_proof.as_deref().map(|request| ForRequest::of(request, arguments));
    let request = request.transpose()?;
    let mut proven = Ok(());
    token(app, profile, arguments.min_ttl, |token| {
        let now = unlapse::tokio::system_now();
        let left = token.expires_at.map(|end| end.since(now.wall));
        if left.is_some_and(|left| left < arguments.min_ttl) && !app.quiet {
            terminal::warn("the token is valid for less than --min-ttl: it is the best there is");
        }
        let proof = match &request {
            Some(request) => request.proof(token, profile),
            None => Ok(None),
        };
        match proof {
            Ok(proof) => {
                let format = if request.is_some() && !app.json { Format::Header } else { format };
                terminal::data(&render(token, proof.as_ref(), format, profile, &now));
            }
            Err(problem) => {
                let error = Error::SenderKey { key: profile.key(), problem };
                proven = Err(failed(profile)(error));
            }
        }
    })?;
    proven.map(|()| Exit::Ok)
}

/// The one request that a proof is made for (RFC 9449 §7.1).
struct ForRequest<'a> {
    method: Method,
    url: &'a str,
    nonce: Option<&'a str>,
}

impl<'a> ForRequest<'a> {
    fn of(request: &'a [String], arguments: &'a TokenArguments) -> Result<Self, Diagnosis> {
        let nonce = arguments.dpop_nonce.as_deref();
        let [method, url] = request else { return Err(not_a_method()) };
        let method = method.parse().map_err(|_| not_a_method())?;
        Ok(Self { method, url, nonce })
    }

    /// The `DPoP` header beside the token; none beside a token that is bound to no key.
    fn proof(
        &self,
        token: &AccessToken,
        profile: &Profile,
    ) -> Result<Option<HeaderValue>, SenderKeyProblem> {
        let Self { method, url, nonce } = self;
        let Some(key) = &token.sender_key else {
            let is_bound = token.token_type.eq_ignore_ascii_case("dpop");
            return if is_bound { Err(SenderKeyProblem::Missing) } else { Ok(None) };
        };
        let access_token = Some(&token.secret);
        let about = ToProve { method, url, access_token, nonce: *nonce };
        wiring::prover(profile).prove(key, about).map(Some)
    }
}

fn not_a_method() -> Diagnosis {
    Diagnosis {
        code: "usage",
        message: "--dpop-proof takes a method and a URL".to_owned(),
        hint: "like `--dpop-proof GET https://api.example/orders`".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A valid token of the profile: from the store if it is fresh, which takes neither a runtime nor
/// an HTTP client; else renewed.
///
/// `deliver` gets it as soon as it is there. A renewal may still be under way then: a server that
/// hangs does not withhold a valid token (R10), and is waited for afterwards (R6).
pub(crate) fn token(
    app: &App,
    profile: &Profile,
    min_ttl: Duration,
    deliver: impl FnOnce(&AccessToken),
) -> Result<AccessToken, Diagnosis> {
    let shelf = app.shelf_of(profile);
    let damage = match at_hand(profile, &shelf, min_ttl) {
        Ok(Some(token)) => {
            deliver(&token);
            app.served(profile);
            return Ok(token);
        }
        // It has been set aside now, and is not met again (C4).
        Err(error @ StoreError::Damaged { .. }) => Some(error),
        // Anything else that is wrong is met again, and told, on the long way.
        Ok(None) | Err(_) => None,
    };
    let outcome = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let spinner = terminal::spinner(format!("renewing {}", profile.name), app.quiet);
        let work = async {
            let token = source.token_once(min_ttl, PATIENCE).await;
            spinner.finish_and_clear();
            token
                .inspect(|token| warn_if_stale(token, app))
                .inspect(deliver)
                .inspect(|_| app.served(profile))
                .map_err(failed(profile))
        };
        settled(&source, work).await
    });
    let Some(damage) = damage.map(|error| Diagnosis::of_store(&error, &profile.name)) else {
        return outcome;
    };
    match outcome {
        Err(diagnosis) if diagnosis.exit == Exit::LoginNeeded => Err(damage),
        outcome => {
            if !app.quiet {
                terminal::warn(&damage.message);
            }
            outcome
        }
    }
}

/// A token that has ended looks like any other (K12).
fn warn_if_stale(token: &AccessToken, app: &App) {
    let now = unlapse::tokio::system_now().wall;
    if let Some(end) = token.expires_at.filter(|_| token.is_stale && !app.quiet) {
        terminal::warn(&format!(
            "the token ended {} ago, and is served because its server cannot be reached",
            status::span(now.since(end))
        ));
    }
}

/// What needs no renewal.
fn at_hand(
    profile: &Profile,
    shelf: &Shelf,
    min_ttl: Duration,
) -> Result<Option<AccessToken>, StoreError> {
    if let Grant::ApiKey(_) = profile.grant {
        return Ok(wiring::api_key(profile).map(AccessToken::api_key));
    }
    let Shelf::File(store) = shelf else { return Ok(None) };
    let Some(Stored { record, place }) = store.read(&profile.key())? else { return Ok(None) };
    let now = unlapse::tokio::system_now();
    if place != Place::Kept || !record.is_fresh_for(min_ttl, &profile.key(), &now, &profile.policy)
    {
        return Ok(None);
    }
    Ok(AccessToken::of(&record, false))
}

fn render(
    token: &AccessToken,
    proof: Option<&HeaderValue>,
    format: Format,
    profile: &Profile,
    now: &Now,
) -> String {
    let secret = token.secret.expose();
    let proof = proof.and_then(|proof| proof.to_str().ok());
    match format {
        Format::Raw => format!("{secret}\n"),
        Format::Header => {
            let proof = proof.map_or_else(String::new, |proof| format!("DPoP: {proof}\n"));
            format!("Authorization: {} {secret}\n{proof}", scheme(&token.token_type))
        }
        Format::Env => format!("UNLAPSE_TOKEN='{}'\n", secret.replace('\'', r"'\''")),
        Format::Json => {
            let value = json!({
                "profile": profile.name,
                "access_token": secret,
                "token_type": token.token_type,
                "expires_at": token.expires_at.map(rfc3339),
                "expires_in": token.expires_at.map(|end: UnixTime| end.since(now.wall).as_secs()),
                "scope": token.scope,
                "dpop_proof": proof,
                "generation": token.generation,
                "source": if token.is_api_key { "api_key" } else { "token" },
                "stale": token.is_stale,
                "storage": match (token.is_api_key, token.is_unsaved) {
                    (true, _) => "none",
                    (false, true) => "unsaved",
                    (false, false) => "saved",
                },
            });
            format!("{value}\n")
        }
    }
}

/// The scheme as RFC 6750 and RFC 9449 write it; servers say `bearer`, and some compare case.
fn scheme(token_type: &str) -> &str {
    match token_type {
        other if other.eq_ignore_ascii_case("bearer") => "Bearer",
        other if other.eq_ignore_ascii_case("dpop") => "DPoP",
        other => other,
    }
}
