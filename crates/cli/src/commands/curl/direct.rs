//! A request that is sent at once.

use bytes::Bytes;
use http::{Request, StatusCode};
use unlapse::TokenSource;
use unlapse::dpop::{self, wanted_nonce};

use super::asked::Asked;
use super::shown::{self, Sink, Told};
use super::within;
use crate::app::{App, failed};
use crate::args::CurlArguments;
use crate::commands::running::{block_on, settled};
use crate::config::Profile;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring;

pub(super) fn run(
    app: &App,
    profile: &Profile,
    asked: Asked,
    arguments: &CurlArguments,
) -> Result<Exit, Diagnosis> {
    let shelf = app.shelf_of(profile);
    let request = asked.request;
    let is_safe = is_idempotent(&request);
    block_on(async {
        let source = app.source(profile, &shelf).await?;
        let work = async {
            let sending = exchange(app, profile, &source, &request, arguments);
            let late = || no_answer(is_safe, "there was no whole answer within --max-time");
            within(arguments.max_time, sending).await.unwrap_or_else(|| Err(late()))
        };
        settled(&source, work).await
    })
}

/// Sends it and hands over the reply.
async fn exchange(
    app: &App,
    profile: &Profile,
    source: &TokenSource,
    request: &Request<Bytes>,
    arguments: &CurlArguments,
) -> Result<Exit, Diagnosis> {
    let client = wiring::settings(&app.config.http)?.build_for(request.uri());
    let client = client.map_err(|error| unreachable(&error.to_string()))?;
    let mut sink = Sink::of(app, arguments)?;
    let mut response = send(app, profile, source, request, &client).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let undelivered = |why| shown::undelivered(why, status, is_idempotent(request));
    sink.begin().map_err(undelivered)?;
    shown::head(app, arguments, status, &headers);
    let mut len = 0_u64;
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(piece)) => {
                len += piece.len() as u64;
                sink.take(&piece).map_err(undelivered)?;
            }
            Err(_) => {
                let what =
                    format!("the API answered {status}, and its reply broke off after {len} bytes");
                return Err(no_answer(is_idempotent(request), &what));
            }
        }
    }
    if app.json {
        let (status, headers) = (Some(status), Some(&headers));
        shown::json(&Told { profile: &profile.name, status, headers, ..Told::default() }, &sink);
    }
    terminal::delivered().map_err(undelivered)?;
    shown::ending(app, arguments, status)
}

/// Sends it with the token. A 401 is answered with a proof that has the nonce that the API wants, or
/// with another token, once each (R13): neither was acted upon.
async fn send(
    app: &App,
    profile: &Profile,
    source: &TokenSource,
    request: &Request<Bytes>,
    client: &reqwest::Client,
) -> Result<reqwest::Response, Diagnosis> {
    let (mut nonce, mut is_proven_again, mut is_renewed) = (None, false, false);
    let mut request = request.clone();
    let mut authorized = source.authorize(&mut request).await.map_err(failed(profile))?;
    app.served(profile);
    loop {
        if authorized.is_stale && !app.quiet {
            terminal::warn("the token has ended, and its server cannot be reached");
        }
        let response = call(client, request.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // Whatever is proven next has to have the last nonce (RFC 9449 §8.2).
        nonce = dpop::nonce(response.headers()).map(str::to_owned).or(nonce);
        if wanted_nonce(response.status(), response.headers()).is_some() && !is_proven_again {
            is_proven_again = true;
        } else if !is_renewed {
            is_renewed = true;
            source.reject(authorized.generation).await.map_err(failed(profile))?;
        } else {
            return Ok(response);
        }
        let again = source.authorize_with(&mut request, nonce.as_deref()).await;
        authorized = again.map_err(failed(profile))?;
    }
}

async fn call(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<reqwest::Response, Diagnosis> {
    let is_safe = is_idempotent(&request);
    let request: reqwest::Request =
        request.try_into().map_err(|_| unreachable("the request cannot be made"))?;
    client.execute(request).await.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            unreachable("no connection to the API could be made")
        } else if error.is_timeout() {
            no_answer(is_safe, "the API did not answer in time")
        } else {
            no_answer(is_safe, "the connection broke before the API had answered")
        }
    })
}

/// Whether sending it twice is as good as once (RFC 9110 §9.2.2).
fn is_idempotent(request: &Request<Bytes>) -> bool {
    request.method().is_idempotent()
}

/// Nothing was sent.
fn unreachable(what: &str) -> Diagnosis {
    Diagnosis {
        code: "api_unreachable",
        message: what.to_owned(),
        hint: "check the URL, the network, and `http.ca_file` where a private authority signs the \
               API's certificate; with `--queue` a request is kept until the network is back"
            .to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// It was sent, or may have been.
fn no_answer(is_safe: bool, what: &str) -> Diagnosis {
    if is_safe {
        return Diagnosis {
            code: "api_unreachable",
            message: what.to_owned(),
            hint: "try again: such a request may be made twice".to_owned(),
            retry_at: None,
            exit: Exit::Temporary,
        };
    }
    Diagnosis {
        code: "api_outcome_unknown",
        message: format!("{what}: it may have acted upon the request"),
        hint: "find out whether it has before you send it again; with `--queue` a request is sent \
               under an idempotency key, and again under the same one"
            .to_owned(),
        retry_at: None,
        exit: Exit::OutcomeUnknown,
    }
}
