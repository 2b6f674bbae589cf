//! An API that takes tokens, and misbehaves as it is told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use unlapse_core::{Secret, UnixTime};
use unlapse_verify::{BadProof, DpopPolicy, Htu, Nonces, Proof, ProofOf};

use crate::login::CANARY;

#[derive(Default)]
pub(crate) struct Api {
    pub(crate) seen: Mutex<Vec<Seen>>,
    /// What is answered instead, in order.
    pub(crate) script: Mutex<VecDeque<(u16, HeaderMap)>>,
    /// Tokens of earlier generations are refused.
    pub(crate) accepts_from: AtomicU64,
    pub(crate) latency: Mutex<Duration>,
    at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
    /// Takes proofs only, if this is how they are checked.
    pub(crate) proofs: Mutex<Option<(String, DpopPolicy)>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) version: Version,
    pub(crate) authorization: Option<String>,
    pub(crate) has_proof: bool,
}

impl Api {
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// Refuses every token before this one.
    pub(crate) fn accepts_from(&self, generation: u64) {
        self.accepts_from.store(generation, Ordering::SeqCst);
    }

    pub(crate) fn takes(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    pub(crate) fn will_answer(&self, statuses: &[u16]) {
        for status in statuses {
            self.will_answer_with(*status, HeaderMap::new());
        }
    }

    pub(crate) fn will_answer_with(&self, status: u16, headers: HeaderMap) {
        self.script.lock().unwrap().push_back((status, headers));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The generations of the tokens that were shown, in order.
    pub(crate) fn generations(&self) -> Vec<u64> {
        let generation = |seen: Seen| generation(seen.authorization.as_deref()?);
        self.seen().into_iter().map(|seen| generation(seen).unwrap_or(0)).collect()
    }

    /// Asks for proofs with nonces that live for `step`, at `origin`.
    pub(crate) fn wants_proofs(&self, origin: &str, step: Duration) {
        let nonces = Nonces::new(&Secret::new("k".repeat(32)), step);
        let policy = DpopPolicy::new(origin).unwrap().nonces(nonces);
        *self.proofs.lock().unwrap() = Some((origin.to_owned(), policy));
    }

    fn check_proof(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        let proofs = self.proofs.lock().unwrap().clone();
        let (origin, policy) = proofs?;
        let now = unlapse::tokio::system_now().wall;
        let proof = headers.get("dpop").and_then(|proof| proof.to_str().ok()).unwrap_or_default();
        let token = headers[header::AUTHORIZATION].to_str().ok()?.strip_prefix("DPoP ");
        let checked = Proof::parse(proof, &unlapse_verify::Algorithm::ALL).and_then(|proof| {
            let uri = Htu::parse(&format!("{origin}{path}")).ok_or(BadProof::Uri)?;
            let of = ProofOf { method: method.as_str(), uri: &uri, access_token: token, jkt: None };
            policy.accept(&proof, &of, now)
        });
        let error = match checked {
            Ok(()) => return None,
            Err(BadProof::Nonce) => "use_dpop_nonce",
            Err(_) => "invalid_dpop_proof",
        };
        let nonce = policy.current_nonce(now).unwrap_or_default();
        let challenge = format!("DPoP error=\"{error}\"");
        let headers = [("www-authenticate", challenge), ("dpop-nonce", nonce)];
        Some((StatusCode::UNAUTHORIZED, headers).into_response())
    }
}

fn generation(authorization: &str) -> Option<u64> {
    authorization.split_once(' ')?.1.strip_prefix(&format!("{CANARY}-at-"))?.parse().ok()
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let at_once = api.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    api.most_at_once.fetch_max(at_once, Ordering::SeqCst);
    let answer = answered(&api, request).await;
    let latency = *api.latency.lock().unwrap();
    tokio::time::sleep(latency).await;
    api.at_once.fetch_sub(1, Ordering::SeqCst);
    answer
}

async fn answered(api: &Api, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let authorization =
        parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let generation = authorization.as_deref().and_then(generation);
    api.seen.lock().unwrap().push(Seen {
        version: parts.version,
        authorization: authorization.clone(),
        has_proof: parts.headers.contains_key("dpop"),
    });
    if let Some((status, headers)) = api.script.lock().unwrap().pop_front() {
        return (StatusCode::from_u16(status).unwrap(), headers).into_response();
    }
    if generation.is_none_or(|generation| generation < api.accepts_from.load(Ordering::SeqCst)) {
        // As a careless server does, it repeats what it was shown.
        let said = authorization.unwrap_or_default();
        let challenge =
            format!(r#"Bearer error="invalid_token", error_description="{said} has ended""#);
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
    }
    if let Some(refused) = api.check_proof(&parts.method, &path, &parts.headers) {
        return refused;
    }
    Body::from(format!("{} {}", generation.unwrap_or(0), String::from_utf8_lossy(&body)))
        .into_response()
}

/// Now, and `secs` later, as HTTP writes it.
pub(crate) fn date_in(secs: u64) -> String {
    let at = unlapse::tokio::system_now().wall.plus(Duration::from_secs(secs));
    let since = Duration::from_millis(UnixTime::as_millis(at));
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since)
}
